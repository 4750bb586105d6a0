use std::process::Command;

fn pause() -> Vec<u8> {
    std::fs::read(e2e::program("pause")).unwrap()
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_file_fits_a_disk_sector() {
    let size = pause().len();
    assert!(size <= 512, "{size} bytes");
}

#[test]
fn segments_are_safe_to_map() {
    e2e::elf::expect_safe_segments(&pause());
}

#[test]
fn tools_read_it_without_complaint() {
    let path = e2e::program("pause");
    let path = path.to_str().unwrap();
    let gdb = ["--nx", "--batch", "-ex", "info files", path];
    for (tool, arguments, expected) in [
        ("readelf", &["-lW", path][..], "LOAD"),
        ("objdump", &["-f", path], "file format elf64-"),
        ("gdb", &gdb, "Symbols from"),
        ("file", &["--brief", path], "ELF 64-bit LSB executable"),
    ] {
        let run = Command::new(tool).args(arguments).output().unwrap_or_else(|error| {
            panic!("cannot run {tool}: {error}; `make test` installs it from the machine's packages")
        });
        let (stdout, stderr) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "{tool}: {stderr}");
        assert_eq!(stderr, "", "{tool}");
        assert!(stdout.contains(expected), "{tool}: {stdout}");
        assert!(!stdout.to_lowercase().contains("warning"), "{tool}: {stdout}");
    }
}
