//! Bytes of a log that have not been decoded yet, and where they come from.

/// Consecutive bytes of one log. A log that was rotated goes on in another file, so they may come from several.
#[derive(Default)]
pub struct Window {
    pub bytes: Vec<u8>,
    /// In order; the first one starts at 0, and where the next one starts a line ends
    pub segments: Vec<Segment>,
}

/// A part of a window that is from one file.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Where it starts in the window
    pub start: usize,
    /// Which file it is from, and which of the contents that this file had
    pub generation: u64,
    /// Where its first byte is in that file
    pub offset: u64,
    /// Whether it starts in the middle of a line, whose beginning has been shipped
    pub continues: bool,
}

/// What follows a window, and so what is to be done with a line or a group of lines that has no end in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum More {
    /// More may come any time: leave it for then
    Coming,
    /// Nothing came for a while: a group of whole lines is complete; a line without an end is left for later
    Quiet,
    /// A window cannot be larger: what has no end is split here
    Full,
    /// Nothing will come: what is there is all
    Ended,
}

impl Window {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.segments.clear();
    }
}
