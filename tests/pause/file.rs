use object::Endianness;
use object::elf::{FileHeader64, PF_W, PF_X, PT_GNU_STACK, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
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
    let file = pause();
    let header = FileHeader64::<Endianness>::parse(file.as_slice()).unwrap();
    let endian = header.endian().unwrap();
    let segments = header.program_headers(endian, file.as_slice()).unwrap();
    for segment in segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD) {
        let flags = segment.p_flags(endian);
        assert_ne!(flags & (PF_W | PF_X), PF_W | PF_X, "writable and executable");
        assert_eq!(segment.p_align(endian) % 0x1_0000, 0);
        assert_eq!(segment.p_offset(endian) % 0x1_0000, segment.p_vaddr(endian) % 0x1_0000, "for pages of 64 KiB");
        assert_eq!(segment.p_filesz(endian), segment.p_memsz(endian), "older kernels cannot zero what is read-only");
    }
    let stack = segments.iter().find(|segment| segment.p_type(endian) == PT_GNU_STACK).expect("a GNU_STACK segment");
    assert_eq!(stack.p_flags(endian) & PF_X, 0, "an executable stack");
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
