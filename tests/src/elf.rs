//! What the kernel reads of a program's file.

use object::elf::{FileHeader32, FileHeader64, PF_W, PF_X, PT_GNU_STACK, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind};

/// What a file is for.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// `ELFCLASS32` or `ELFCLASS64`
    pub class: u8,
    /// `ELFDATA2LSB` or `ELFDATA2MSB`
    pub data: u8,
    /// `EM_…`
    pub machine: u16,
}

/// Expects segments that no kernel maps in an unsafe way, whatever its page size, and tells what the file is for.
///
/// # Panics
/// If one is not so, or the file is no ELF file.
pub fn expect_safe_segments(file: &[u8]) -> Identity {
    match FileKind::parse(file) {
        Ok(FileKind::Elf32) => expect_safe::<FileHeader32<Endianness>>(file),
        Ok(FileKind::Elf64) => expect_safe::<FileHeader64<Endianness>>(file),
        other => panic!("no ELF file: {other:?}"),
    }
}

fn expect_safe<Elf: FileHeader<Endian = Endianness>>(file: &[u8]) -> Identity {
    let header = Elf::parse(file).unwrap();
    let endian = header.endian().unwrap();
    let segments = header.program_headers(endian, file).unwrap();
    for segment in segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD) {
        let flags = segment.p_flags(endian);
        assert_ne!(flags & (PF_W | PF_X), PF_W | PF_X, "writable and executable");
        let (offset, address): (u64, u64) = (segment.p_offset(endian).into(), segment.p_vaddr(endian).into());
        assert_eq!(segment.p_align(endian).into() % 0x1_0000, 0);
        assert_eq!(offset % 0x1_0000, address % 0x1_0000, "for pages of 64 KiB");
        let (in_file, in_memory): (u64, u64) = (segment.p_filesz(endian).into(), segment.p_memsz(endian).into());
        assert!(in_file == in_memory || flags & PF_W != 0, "older kernels cannot zero what is read-only");
    }
    let stack = segments.iter().find(|segment| segment.p_type(endian) == PT_GNU_STACK).expect("a GNU_STACK segment");
    assert_eq!(stack.p_flags(endian) & PF_X, 0, "an executable stack");
    Identity { class: header.e_ident().class, data: header.e_ident().data, machine: header.e_machine(endian) }
}
