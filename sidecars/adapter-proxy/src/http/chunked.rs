//! Chunked bodies (RFC 9112, 7.1), taken apart strictly and put together anew: what is sent on has no extension, no
//! leading zero and no line end that somebody could read differently.

use super::framing::{Bad, Step};
use super::scan::{Found, Scan};

/// Extensions mean something to nobody, and may not be endless.
const LONGEST_LINE: usize = 256;

/// Of trailers, all together.
const LONGEST_TRAILER: usize = 8 << 10;

#[derive(Default, Debug)]
pub struct Chunked {
    state: State,
    /// Bytes of the line that is being read
    line: usize,
    trailer: Vec<u8>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum State {
    /// At the first digit of a size
    #[default]
    Begin,
    Size(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    Trailer,
    End,
}

impl Chunked {
    /// What `bytes` begin with.
    ///
    /// # Errors
    /// When they are no chunked body.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Bad> {
        for (index, &byte) in bytes.iter().enumerate() {
            match self.state {
                State::Data(left) if index == 0 => {
                    return Ok(Step::Data(usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())));
                }
                State::Data(_) | State::Trailer | State::End if index > 0 => return Ok(Step::Skip(index)),
                State::End => return Ok(Step::End),
                State::Trailer => return self.trailer(bytes),
                _ => self.state = self.next(byte)?,
            }
        }
        match self.state {
            State::End if bytes.is_empty() => Ok(Step::End),
            _ if bytes.is_empty() => Ok(Step::More),
            _ => Ok(Step::Skip(bytes.len())),
        }
    }

    /// So many bytes of data have been dealt with.
    pub fn took(&mut self, count: u64) {
        if let State::Data(left) = self.state {
            let left = left.saturating_sub(count);
            self.state = if left == 0 { State::DataCr } else { State::Data(left) };
        }
    }

    pub fn has_ended(&self) -> bool {
        self.state == State::End
    }

    /// The fields that came behind it, each line with its end.
    pub fn trailers(&self) -> &[u8] {
        &self.trailer
    }

    fn next(&mut self, byte: u8) -> Result<State, Bad> {
        self.line += 1;
        if self.line > LONGEST_LINE {
            return Err(Bad("a chunk's size line is too long"));
        }
        let digit = || (byte as char).to_digit(16).map(u64::from);
        Ok(match (self.state, byte) {
            (State::Begin, _) => State::Size(digit().ok_or(Bad("a chunk's size is no number"))?),
            (State::Size(size) | State::Extension(size), b'\r') => State::SizeLf(size),
            (State::Size(size), b';') | (State::Extension(size), b'\t' | b' '..=b'~' | 0x80..) => {
                State::Extension(size)
            }
            (State::Size(size), _) => {
                let digit = digit().ok_or(Bad("a chunk's size is no number"))?;
                // 15 digits: nobody has more, and 16 are too many for some who would add them up.
                if size >> 56 != 0 {
                    return Err(Bad("a chunk's size is too large"));
                }
                State::Size(size << 4 | digit)
            }
            (State::Extension(_), _) => return Err(Bad("a chunk's extension has a control character")),
            (State::SizeLf(size), b'\n') => {
                self.line = 0;
                if size == 0 { State::Trailer } else { State::Data(size) }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.line = 0;
                State::Begin
            }
            _ => return Err(Bad("a chunk does not end where it should")),
        })
    }

    /// Lines up to an empty one.
    fn trailer(&mut self, bytes: &[u8]) -> Result<Step, Bad> {
        let before = self.trailer.len();
        if bytes.starts_with(b"\r\n") && before == 0 {
            self.state = State::End;
            return Ok(Step::Skip(2));
        }
        self.trailer.extend_from_slice(&bytes[..bytes.len().min(LONGEST_TRAILER + 1 - before)]);
        if self.trailer == b"\r" {
            return Ok(Step::Skip(bytes.len()));
        }
        if self.trailer.starts_with(b"\r\n") {
            self.trailer.clear();
            self.state = State::End;
            return Ok(Step::Skip(2 - before));
        }
        match Scan::default().find(&self.trailer) {
            Found::End(end) => {
                self.trailer.truncate(end);
                self.state = State::End;
                Ok(Step::Skip(end - before))
            }
            Found::BareLf => Err(Bad("a line of the trailer ends in a bare LF")),
            Found::More if self.trailer.len() > LONGEST_TRAILER => Err(Bad("the trailer is too long")),
            Found::More => Ok(Step::Skip(self.trailer.len() - before)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bad, Chunked, Step};

    /// The data, what is left, and the trailers; read in pieces of this size.
    fn read(mut bytes: &[u8], piece: usize) -> Result<(String, String, String), Bad> {
        let (mut chunked, mut data, mut seen) = (Chunked::default(), vec![], 0);
        loop {
            seen = if seen == 0 { bytes.len().min(piece) } else { seen };
            match chunked.step(&bytes[..seen])? {
                Step::Skip(count) => (bytes, seen) = (&bytes[count..], seen - count),
                Step::Data(count) => {
                    data.extend_from_slice(&bytes[..count]);
                    chunked.took(count as u64);
                    (bytes, seen) = (&bytes[count..], seen - count);
                }
                Step::More if bytes.is_empty() => return Err(Bad("it is not whole")),
                Step::More => {}
                Step::End => {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    return Ok((text(&data), text(bytes), text(chunked.trailers())));
                }
            }
        }
    }

    #[test]
    fn whole_ones_in_pieces_of_every_size() {
        for (bytes, data, trailers) in [
            ("0\r\n\r\nrest", "", ""),
            ("5\r\nhello\r\n0\r\n\r\nrest", "hello", ""),
            ("5;a=b;c=\"d\"\r\nhello\r\n00\r\n\r\nrest", "hello", ""),
            ("00b\r\nhello world\r\n1\r\n!\r\n0\r\n\r\nrest", "hello world!", ""),
            ("1\r\na\r\n0\r\nx: y\r\nz: \r\n\r\nrest", "a", "x: y\r\nz: \r\n\r\n"),
        ] {
            for piece in 1..=bytes.len() {
                let expected = (data.into(), "rest".into(), trailers.into());
                assert_eq!(read(bytes.as_bytes(), piece), Ok(expected), "{bytes:?} by {piece}");
            }
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for bytes in [
            "\r\n",
            "g\r\n",
            "+5\r\nhello\r\n",
            "0x5\r\nhello\r\n",
            " 5\r\nhello\r\n",
            "5 \r\nhello\r\n",
            "5 ;a\r\nhello\r\n",
            "-1\r\n",
            "5\nhello\r\n",
            "5;a\nhello\r\n",
            "5;\0\r\nhello\r\n",
            "5;a\rb\r\nhello\r\n",
            "5\r\nhello!\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5\r\nhello\rX",
            "10000000000000000\r\n",
            "ffffffffffffffff\r\n",
            "fffffffffffffffff\r\n",
            "5\r\r\n",
            "0\r\nx: y\n\r\n",
            "0\r\n\n",
        ] {
            for piece in 1..=bytes.len() {
                let refused = read(bytes.as_bytes(), piece);
                assert!(
                    refused.is_err() && refused != Err(Bad("it is not whole")),
                    "{bytes:?} by {piece}: {refused:?}"
                );
            }
        }
        assert!(read(format!("5;{}\r\nhello", "a".repeat(300)).as_bytes(), 7).is_err());
        assert!(read(format!("0\r\nx: {}\r\n\r\n", "a".repeat(9000)).as_bytes(), 77).is_err());
    }
}
