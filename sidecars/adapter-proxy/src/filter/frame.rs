//! What goes over the socket between the proxy and a worker: each frame begins with the length of the rest of it, in four
//! bytes. Both ends are the same program, so that their order of bytes is the machine's.

use crate::body::Unfit;

/// How the bytes of a body were packed for the way (RFC 9110, 8.4).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Coding {
    #[default]
    Identity,
    Gzip,
    Deflate,
}

/// One body, and what is to be done with it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Job<'a> {
    /// Which of those that a configuration has, as [`super::tasks`] counts them
    pub task: u32,
    pub coding: Coding,
    /// A JSON array of those that the filter names, in their order
    pub variables: &'a [u8],
    pub body: &'a [u8],
}

/// Of a job, before its variables; the length of the rest is in it.
const HEAD: usize = 13;

impl<'a> Job<'a> {
    /// All of it; `None` when it is larger than can be told.
    pub fn frame(&self) -> Option<Vec<u8>> {
        let variables = u32::try_from(self.variables.len()).ok()?;
        let rest = HEAD - 4 + self.variables.len() + self.body.len();
        let mut frame = Vec::with_capacity(rest + 4);
        frame.extend_from_slice(&u32::try_from(rest).ok()?.to_ne_bytes());
        frame.extend_from_slice(&self.task.to_ne_bytes());
        frame.push(self.coding as u8);
        frame.extend_from_slice(&variables.to_ne_bytes());
        frame.extend_from_slice(self.variables);
        frame.extend_from_slice(self.body);
        Some(frame)
    }

    /// Of a frame, after its length.
    pub fn read(frame: &'a [u8]) -> Option<Self> {
        let (task, rest) = frame.split_first_chunk()?;
        let (&coding, rest) = rest.split_first()?;
        let (variables, rest) = rest.split_first_chunk()?;
        let (variables, body) = rest.split_at_checked(u32::from_ne_bytes(*variables) as usize)?;
        let coding = match coding {
            1 => Coding::Gzip,
            2 => Coding::Deflate,
            _ => Coding::Identity,
        };
        Some(Self { task: u32::from_ne_bytes(*task), coding, variables, body })
    }
}

/// What became of a body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Made {
    /// The status that the filter for it gives
    pub status: Option<u16>,
    /// What is to be said of it, a line each
    pub said: String,
    pub body: Vec<u8>,
}

/// Of a body and what was made of it, in bytes.
const WORN: usize = 1 << 20;

/// Whether a worker ends that has done this, which gives the memory back that it took. Both ends know.
pub fn wears(frame: usize, answer: &Result<Made, Unfit>) -> bool {
    frame + answer.as_ref().map_or(0, |made| made.body.len()) > WORN
}

/// Appends a whole frame to `out`.
pub fn write_answer(answer: &Result<Made, Unfit>, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    match answer {
        Ok(Made { status, said, body }) => {
            out.push(0);
            out.extend_from_slice(&status.unwrap_or(0).to_ne_bytes());
            out.extend_from_slice(&u32::try_from(said.len()).unwrap_or_default().to_ne_bytes());
            out.extend_from_slice(said.as_bytes());
            out.extend_from_slice(body);
        }
        Err(Unfit { what, at }) => {
            out.push(1);
            out.extend_from_slice(at.as_deref().unwrap_or_default().as_bytes());
            out.push(0);
            out.extend_from_slice(what.as_bytes());
        }
    }
    let rest = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX); // the proxy takes none that is nearly as long
    out[start..start + 4].copy_from_slice(&rest.to_ne_bytes());
}

/// Of a frame, after its length.
pub fn read_answer(frame: &[u8]) -> Option<Result<Made, Unfit>> {
    let (kind, rest) = frame.split_first()?;
    if *kind == 0 {
        let (status, rest) = rest.split_first_chunk()?;
        let status = Some(u16::from_ne_bytes(*status)).filter(|status| *status > 0);
        let (length, rest) = rest.split_first_chunk()?;
        let (said, body) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
        return Some(Ok(Made { status, said: String::from_utf8_lossy(said).into_owned(), body: body.to_vec() }));
    }
    let end = memchr::memchr(0, rest)?;
    let (at, what) = (String::from_utf8_lossy(&rest[..end]), String::from_utf8_lossy(&rest[end + 1..]));
    Some(Err(Unfit { what: what.into_owned(), at: (!at.is_empty()).then(|| at.into_owned()) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let job = Job { task: 7, coding: Coding::Deflate, variables: b"[1]", body: b"{}" };
        let frame = job.frame().unwrap();
        assert_eq!(u32::from_ne_bytes(*frame.first_chunk().unwrap()) as usize, frame.len() - 4);
        assert_eq!(Job::read(&frame[4..]), Some(job));
        for end in 4..HEAD + 3 {
            assert_eq!(Job::read(&frame[4..end]), None, "{end}");
        }
        let answers = [
            Ok(Made { status: Some(404), said: "a\nb".into(), body: b"x".into() }),
            Ok(Made::default()),
            Err(Unfit { what: "no\nobject".into(), at: Some("line 1".into()) }),
            Err(Unfit::new("no".into())),
        ];
        for answer in answers {
            let mut frame = vec![];
            write_answer(&answer, &mut frame);
            assert_eq!(u32::from_ne_bytes(*frame.first_chunk().unwrap()) as usize, frame.len() - 4);
            assert_eq!(read_answer(&frame[4..]), Some(answer));
        }
    }
}
