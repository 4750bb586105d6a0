//! Logs, and the events in them.

use super::{Decoded, Decoder};
use crate::config::Input;
use crate::event::{Event, Stream};
use crate::window::{More, Segment, Window};
use proptest::prelude::*;
use std::ops::ControlFlow;

/// What an event says, in short: its text, with what is unusual about it before it.
fn shown(event: &Event) -> String {
    let mut shown = String::new();
    for (name, set) in
        [("split ", event.split), ("not-cri ", event.not_cri), ("err ", event.stream == Some(Stream::Stderr))]
    {
        shown += if set { name } else { "" };
    }
    shown + &String::from_utf8_lossy(event.text)
}

/// Everything about it.
fn all(event: &Event) -> String {
    let Event { generation, offset, length, time, .. } = event;
    format!("{generation}+{offset}/{length} {time:?} {}", shown(event))
}

fn decoder(settings: &str) -> Decoder {
    let input: Input = serde_json::from_str(&format!(r#"{{"files":["/x"],{settings}}}"#)).unwrap();
    Decoder::new(&input)
}

/// Contents of files, one after the other, generations 1, 2 …
fn window(files: &[&[u8]]) -> Window {
    let mut window = Window::default();
    for (generation, file) in (1..).zip(files) {
        window.segments.push(Segment { start: window.bytes.len(), generation, offset: 0, continues: false });
        window.bytes.extend_from_slice(file);
    }
    window
}

fn decode(settings: &str, files: &[&str], more: More) -> (Vec<String>, Decoded) {
    let files: Vec<&[u8]> = files.iter().map(|file| file.as_bytes()).collect();
    let mut events = vec![];
    let decoded = decoder(settings).decode(&window(&files), more, &mut |event| {
        events.push(shown(event));
        ControlFlow::Continue(())
    });
    (events, decoded)
}

fn events(settings: &str, files: &[&str], more: More) -> Vec<String> {
    decode(settings, files, more).0
}

const PLAIN: &str = r#""decode":"plain""#;
const CRI: &str = r#""decode":"cri""#;
const JAVA: &str = r#""multiline":{"known":["java"]}"#;

#[test]
fn lines() {
    assert_eq!(events(PLAIN, &["a\r\n\nb\0\nc"], More::Ended), ["a", "", "b\0", "c"]);
    let (events, decoded) = decode(PLAIN, &["a\nb"], More::Quiet);
    assert_eq!((events, decoded), (vec!["a".into()], Decoded { consumed: 2, ..Decoded::default() }));
}

#[test]
fn a_file_ends_its_last_line() {
    assert_eq!(events(PLAIN, &["a", "", "b\n", "c"], More::Coming), ["a", "b"]);
    let (_, decoded) = decode(PLAIN, &["a", "b"], More::Ended);
    assert_eq!(decoded, Decoded { consumed: 2, continues: true, waiting: false });
}

#[test]
fn what_is_left_of_a_line() {
    let mut window = window(&[b"\nnext\n"]);
    window.segments[0].continues = true;
    let mut events = vec![];
    let mut emit = |event: &Event<'_>| {
        events.push(shown(event));
        ControlFlow::Continue(())
    };
    decoder(PLAIN).decode(&window, More::Coming, &mut emit);
    window.bytes.insert(0, b'x');
    decoder(PLAIN).decode(&window, More::Coming, &mut emit);
    assert_eq!(events, ["next", "split x", "next"]);
}

#[test]
fn long_lines() {
    let settings = r#""max-line":"128""#;
    let long = format!("{}\n", "é".repeat(130));
    let parts = [format!("split {}", "é".repeat(64)), format!("split {}", "é".repeat(64)), "split éé".into()];
    assert_eq!(events(settings, &[&long], More::Coming), parts);
    let odd = format!("x{long}");
    let parts = [format!("split x{}", "é".repeat(63)), format!("split {}", "é".repeat(64)), "split ééé".into()];
    assert_eq!(events(settings, &[&odd], More::Coming), parts);
    // As soon as it is known to be too long, and not before.
    let whole = "x".repeat(128);
    for (end, expected) in [("\r\n", &whole[..]), ("\n", &whole), ("\r", ""), ("", "")] {
        let events = events(settings, &[&format!("{whole}{end}")], More::Coming);
        assert_eq!(events.first().map_or("", String::as_str), expected);
    }
    assert_eq!(events(settings, &[&"x".repeat(130)], More::Coming), [format!("split {whole}")]);
    assert_eq!(events(settings, &[&"x".repeat(129)], More::Full), [format!("split {whole}")]);
}

#[test]
fn what_is_refused_is_left() {
    let bytes = window(&[b"a\nb\nc\n"]);
    let mut taken = 0;
    let decoded = decoder(PLAIN).decode(&bytes, More::Coming, &mut |_| {
        taken += 1;
        if taken == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(decoded.consumed, 2);
}

#[test]
fn what_containers_write() {
    let log = "2016-10-06T00:17:09Z stdout F one
2016-10-06T00:17:10Z stdout P two 
2016-10-06T00:17:11Z stderr F other
2016-10-06T00:17:12Z stdout P and 
2016-10-06T00:17:13Z stdout F a half
what is this
2016-10-06T00:17:14Z stderr P lost";
    assert_eq!(events(CRI, &[log], More::Coming), ["one", "two and a half", "err other", "not-cri what is this"]);
    let ended = events(CRI, &[log], More::Ended);
    assert_eq!(ended.last().unwrap(), "split err lost");
    // It may go on for long, and the rest waits for it.
    let (events, decoded) = decode(CRI, &[&log[..log.len() - 80]], More::Quiet);
    assert_eq!(events, ["one"]);
    assert_eq!(decoded, Decoded { consumed: 34, continues: false, waiting: false });
}

#[test]
fn a_line_in_too_many_parts() {
    let entry = |tag: &str, text: &str| format!("2016-10-06T00:17:09Z stdout {tag} {text}\n");
    let text = "x".repeat(60);
    let log = [entry("P", &text), entry("P", &text), entry("P", &text), entry("F", "end"), entry("F", "next")].concat();
    let settings = r#""decode":"cri","max-line":"128""#;
    let parts = [format!("split {text}{text}"), format!("split {text}end"), "next".into()];
    assert_eq!(events(settings, &[&log], More::Coming), parts);
}

#[test]
fn a_refused_event_between_others() {
    let log = b"2016-10-06T00:17:10Z stdout P a
2016-10-06T00:17:11Z stderr F b
2016-10-06T00:17:12Z stdout F c
2016-10-06T00:17:12Z stdout F d
";
    let window = window(&[log]);
    let mut decoder = decoder(CRI);
    let mut refuse = |which: &str| {
        let mut taken = vec![];
        let done = decoder.decode(&window, More::Coming, &mut |event| {
            taken.push(shown(event));
            if shown(event) == which { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (taken.join(","), done.consumed)
    };
    assert_eq!(refuse("err b"), ("ac,err b".into(), 0));
    assert_eq!(refuse("err b"), ("err b".into(), 0), "`ac` had been taken");
    assert_eq!(refuse("d"), ("err b,d".into(), 96));
}

#[test]
fn traces() {
    let log = "one\njava.lang.Error\n\tat a.B\n\tat a.C\ntwo\n";
    let (found, decoded) = decode(JAVA, &[log], More::Coming);
    assert_eq!(found, ["one", "java.lang.Error\n\tat a.B\n\tat a.C"]);
    assert_eq!(decoded, Decoded { consumed: 36, continues: false, waiting: true });
    let (found, decoded) = decode(JAVA, &["two\n\tat"], More::Quiet);
    assert_eq!(found, ["two"]);
    assert_eq!(decoded, Decoded { consumed: 4, continues: false, waiting: false });
}

#[test]
fn traces_across_a_rotation() {
    let expected = ["java.lang.Error\n\tat a.B\n\tat a.C", "next"];
    assert_eq!(events(JAVA, &["java.lang.Error\n\tat a.B\n", "\tat a.C\nnext\n"], More::Ended), expected);
    assert_eq!(events(JAVA, &["java.lang.Error\r\n\tat a.B", "\tat a.C\r\nnext\n"], More::Ended), expected);
}

#[test]
fn traces_that_others_write_into() {
    let lines = ["stderr F E", "stdout F a", "stderr F \tat x.Y", "stdout F b", "stdout F c", "stderr F \tat x.Z"];
    let log = lines.map(|line| format!("2016-10-06T00:17:10Z {line}\n")).concat();
    let settings = r#""decode":"cri","multiline":{"known":["java"]}"#;
    assert_eq!(events(settings, &[&log], More::Quiet), ["err E\n\tat x.Y\n\tat x.Z", "a", "b", "c"]);
    let others = "2016-10-06T00:17:10Z stdout F more\n".repeat(40);
    assert_eq!(events(settings, &[&(log + &others)], More::Coming).len(), 43, "the last is not known to be whole");
}

#[test]
fn long_traces() {
    let head = "x".repeat(100);
    let log = format!("{head}\n\tat {head}\n\tat y\nnext\n");
    let settings = r#""max-line":"128","multiline":{"known":["java"]}"#;
    let parts = [format!("split {head}"), format!("split \tat {head}\n\tat y"), "next".into()];
    assert_eq!(events(settings, &[&log], More::Ended), parts);
}

#[test]
fn a_full_window() {
    let rest = "y".repeat(65_000);
    let settings = r#""max-line":"70000","multiline":{"known":["java"]}"#;
    let log = format!("Error\n\tat x\n\tat {rest}");
    let (events, decoded) = decode(settings, &[&log], More::Full);
    assert_eq!(events, ["split Error\n\tat x"]);
    assert_eq!(decoded.consumed, 12);
}

/// Logs out of what matters: ends of lines, beginnings of traces, all that containers write.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let fixed = [
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "a",
        "\tat x",
        "Caused by: y",
        "Traceback (most recent call last):\n",
        "  File \"x\"\n",
        "KeyError\n",
        "\nDuring handling of the above exception, x\n\n",
        "panic: x\n",
        "goroutine 1 [running]:\n",
        "x.y(z)\n",
        "é",
        "\u{FFFD}",
        "2016-10-06T00:17:09Z stdout F ",
        "2016-10-06T00:17:09Z stdout F x\n",
        "2016-10-06T00:17:09Z stdout P x\n",
        "2016-10-06T00:17:09Z stderr F y\n",
        "2016-10-06T00:17:09Z stderr P y\n",
        "2016-10-06T00:17:09Z stderr F \tat y\n",
        "2016-10-06T00:17:09Z stdout F \tat y\n",
    ];
    prop_oneof![
        30 => proptest::sample::select(fixed.map(|text| text.as_bytes().to_vec()).to_vec()),
        1 => (100..300_usize).prop_map(|length| vec![b'z'; length]),
        1 => (60..140_usize).prop_map(|length| "é".repeat(length).into_bytes()),
        1 => Just("2016-10-06T00:17:09Z stdout P xxxxxxxxxxxxxxxxxxxxxx\n".repeat(10).into_bytes()),
        1 => Just("2016-10-06T00:17:09Z stderr F \n".repeat(40).into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..5),
    ]
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

fn settings() -> impl Strategy<Value = String> {
    let multiline = proptest::sample::select(vec![
        "",
        r#","multiline":{"start":"^[a-z]"}"#,
        r#","multiline":{"known":["java","python","go","dotnet"]}"#,
        r#","multiline":{"start":"^[^ ]","known":["go"]}"#,
    ]);
    let format = proptest::sample::select(vec!["plain", "cri"]);
    (format, multiline).prop_map(|(format, multiline)| format!(r#""max-line":"128","decode":"{format}"{multiline}"#))
}

/// Reads files as they grow, up to each of `cuts` of all their bytes, and refuses each of `refusals` events once.
fn in_windows(settings: &str, files: &[Vec<u8>], cuts: &[usize], refusals: &[usize]) -> Vec<String> {
    let total: usize = files.iter().map(Vec::len).sum();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (total + 1)).collect();
    cuts.sort_unstable();
    let (mut decoder, mut events, mut offered) = (decoder(settings), vec![], 0);
    // Where it has been read to: which file, where in it, and whether that is in the middle of a line
    let (mut file, mut offset, mut continues) = (0, 0, false);
    for (limit, more) in cuts.into_iter().map(|cut| (cut, More::Coming)).chain([(total, More::Ended)]) {
        loop {
            let mut window = Window::default();
            let mut left = limit - files[..file].iter().map(Vec::len).sum::<usize>();
            for (index, content) in files.iter().enumerate().skip(file) {
                let from = if index == file { offset } else { 0 };
                window.segments.push(Segment {
                    start: window.bytes.len(),
                    generation: index as u64 + 1,
                    offset: from as u64,
                    continues: index == file && continues,
                });
                let available = content.len().min(left);
                window.bytes.extend_from_slice(&content[from..available]);
                left -= available;
                if left == 0 && (more != More::Ended || index + 1 == files.len()) {
                    break;
                }
            }
            let mut refused = false;
            let done = decoder.decode(&window, more, &mut |event| {
                offered += 1;
                refused = refusals.contains(&offered);
                if refused {
                    return ControlFlow::Break(());
                }
                events.push(all(event));
                ControlFlow::Continue(())
            });
            if done.consumed > 0 {
                let segment = window.segments.iter().rev().find(|segment| segment.start <= done.consumed).unwrap();
                file = usize::try_from(segment.generation).unwrap() - 1;
                offset = usize::try_from(segment.offset).unwrap() + done.consumed - segment.start;
                continues = done.continues;
            }
            if !refused {
                break;
            }
        }
    }
    let left = files[file..].iter().map(Vec::len).sum::<usize>() - offset;
    assert_eq!(left, 0, "all of it was read");
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn windows_make_no_difference(
        settings in settings(),
        files in proptest::collection::vec(file(), 1..4),
        cuts in proptest::collection::vec(any::<usize>(), 0..20),
        refusals in proptest::collection::vec(1..60_usize, 0..10),
    ) {
        let at_once = in_windows(&settings, &files, &[], &[]);
        prop_assert_eq!(&in_windows(&settings, &files, &cuts, &[]), &at_once);
        let mut refused = in_windows(&settings, &files, &cuts, &refusals);
        prop_assert_eq!(refused.len(), at_once.len());
        refused.sort();
        let mut expected = at_once;
        expected.sort();
        prop_assert_eq!(refused, expected);
    }

    #[test]
    fn nothing_is_lost(file in file()) {
        let settings = r#""max-line":"128""#;
        let mut text = vec![];
        decoder(settings).decode(&window(&[&file]), More::Ended, &mut |event| {
            text.extend_from_slice(event.text);
            ControlFlow::Continue(())
        });
        let without_ends = |text: &[u8]| text.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect::<Vec<_>>();
        prop_assert_eq!(without_ends(&text), without_ends(&file));
    }
}
