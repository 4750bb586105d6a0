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
