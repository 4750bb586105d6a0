use super::{decoded, refused, unwritten, val};
use crate::body::{Format, Pattern};
use std::time::{Duration, Instant};

fn lines(pattern: &str) -> Format {
    Format::Lines(Pattern::new(pattern).unwrap())
}

#[test]
fn matching_lines() {
    let format = lines(r"^(?<name>\w+): (?<value>\d+)( (?<unit>\S+))?$");
    let body = "# status\r\nactive: 3 é\r\n\nidle: 4\nno number: x\nlast: 5";
    let json = r#"[{"name":"active","value":"3","unit":"é"},{"name":"idle","value":"4"},{"name":"last","value":"5"}]"#;
    assert_eq!(decoded(&format, body).unwrap(), val(json));
    assert_eq!(decoded(&format, "").unwrap(), val("[]"));
    assert_eq!(refused(&format, b"a: 1\n\xFF").1, "line 2, column 1");
    assert!(!format.can_encode());
    assert_eq!(unwritten(&format, "[]").0, "nothing is written as lines");
}

#[test]
fn bounds() {
    let many = "a\n".repeat(1_000_000);
    assert_eq!(refused(&lines("(?<a>.)"), &many), ("more than 100000 values".into(), "line 50000, column 1".into()));

    let before = Instant::now();
    assert_eq!(decoded(&lines("^(?<a>(a+)+)$"), "a".repeat(20_000) + "!").unwrap(), val("[]"));
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
}
