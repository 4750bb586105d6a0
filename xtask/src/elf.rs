//! What the linker leaves behind a program's last segment.

use anyhow::{Context, Result, ensure};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind, elf};

/// The file up to the end of what its program headers load. lld keeps room for a section header table also where it
/// was told to write none (`-z nosectionheader`); a file that has one is returned whole.
pub fn trim(file: &[u8]) -> Result<&[u8]> {
    match FileKind::parse(file)? {
        FileKind::Elf32 => trim_as::<elf::FileHeader32<Endianness>>(file),
        FileKind::Elf64 => trim_as::<elf::FileHeader64<Endianness>>(file),
        kind => anyhow::bail!("a {kind:?} file"),
    }
}

fn trim_as<Elf: FileHeader<Endian = Endianness>>(file: &[u8]) -> Result<&[u8]> {
    let header = Elf::parse(file)?;
    let endian = header.endian()?;
    if header.e_shnum(endian) != 0 {
        return Ok(file);
    }
    let segments = header.program_headers(endian, file)?;
    let end = segments.iter().map(|segment| segment.p_offset(endian).into() + segment.p_filesz(endian).into()).max();
    let end = usize::try_from(end.context("no segment")?)?;
    ensure!(end <= file.len(), "a segment ends at byte {end} of {}", file.len());
    Ok(&file[..end])
}

#[cfg(test)]
mod tests {
    use super::trim;

    /// A file of one segment, its first `loaded` bytes, and as many section headers.
    fn file(loaded: u8, section_headers: u8, length: usize) -> Vec<u8> {
        let mut file = vec![0; length];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01"); // 64 bits, little-endian
        (file[6], file[16], file[18], file[20]) = (1, 2, 62, 1);
        (file[32], file[54], file[56]) = (64, 56, 1); // e_phoff, e_phentsize, e_phnum
        (file[58], file[60]) = (64, section_headers); // e_shentsize, e_shnum
        (file[64], file[96]) = (1, loaded); // PT_LOAD, p_filesz
        file
    }

    #[test]
    fn what_no_segment_loads_is_cut_off() {
        assert_eq!(trim(&file(200, 0, 328)).unwrap().len(), 200);
        assert_eq!(trim(&file(200, 0, 200)).unwrap().len(), 200);
    }

    #[test]
    fn a_file_with_section_headers_stays_whole() {
        assert_eq!(trim(&file(200, 2, 328)).unwrap().len(), 328);
    }

    #[test]
    fn a_file_that_lost_its_end_is_an_error() {
        let error = trim(&file(200, 0, 199)).unwrap_err();
        assert_eq!(error.to_string(), "a segment ends at byte 200 of 199");
        assert!(trim(b"#!/bin/sh").is_err());
        assert!(trim(&file(200, 0, 328)[..70]).is_err());
    }
}
