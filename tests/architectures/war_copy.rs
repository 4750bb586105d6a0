//! war-copy for arm64: it does there what it does here, and its errors do not trip over the tables it lacks.

use crate::{emulator, existing};
use e2e::command::output;
use std::fs;
use std::process::Command;

fn war_copy() -> Command {
    let mut command = Command::new(emulator("aarch64"));
    command.arg(existing(e2e::workspace("dist/bin/arm64/war-copy"))).env("RUST_BACKTRACE", "1");
    command
}

#[test]
fn it_puts_verifies_and_exchanges() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    for (version, bytes) in [("1", 100_000), ("2", 3_000_000)] {
        fs::create_dir_all(path("from/site/pages")).unwrap();
        fs::create_dir_all(path("to")).unwrap();
        fs::write(path("from/site/pages/a"), version.repeat(bytes)).unwrap();
        let sums = output(Command::new("sha256sum").arg("site/pages/a").current_dir(path("from"))).unwrap();
        fs::write(path("from/SHA256SUMS"), sums).unwrap();
        output(war_copy().arg(path("from/site")).arg(path("to"))).unwrap();
        assert_eq!(fs::read(path("to/site/pages/a")).unwrap(), version.repeat(bytes).as_bytes());
        assert_eq!(fs::read_dir(path("to")).unwrap().count(), 1, "something is left beside it");
    }
    fs::write(path("from/site/pages/a"), "neither").unwrap();
    let refused = war_copy().arg(path("from/site")).arg(path("to")).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not the one that was meant"), "{refused:?}");
    assert!(fs::read(path("to/site/pages/a")).unwrap().starts_with(b"22"));
}
