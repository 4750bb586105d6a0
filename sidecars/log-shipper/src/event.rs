//! What was logged: one line, or the lines that belong together.

/// One event, as it is in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// Which content of which file it starts in
    pub generation: u64,
    /// Where it starts in that file, in bytes
    pub offset: u64,
    /// How many bytes it was made of, if that could have been another number: a group of lines, or a part of a line.
    /// 0 for a whole line with an end of its own
    pub length: u32,
    /// What was logged, without the end of its line. May hold anything, also newlines, NUL and what is not UTF-8
    pub text: &'a [u8],
    /// When, as the container runtime noted it (RFC 3339)
    pub time: Option<&'a str>,
    pub stream: Option<Stream>,
    /// Whether it is a part of a longer line or group, of which other parts are other events
    pub split: bool,
    /// Whether it should be in the form that container runtimes write, and is not
    pub not_cri: bool,
}

/// Which output of a container it was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}
