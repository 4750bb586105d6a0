//! Memory for what has been read and not yet dealt with. Who has nothing holds none: thousands of idle connections cost
//! no buffers, and those that are busy take turns with the same few.

use crate::stream::Stream;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::ops::{Deref, DerefMut};
use tokio::io::Interest;

/// Of each of them, in bytes. A head that is longer makes its own grow.
pub const SIZE: usize = 16 << 10;

/// So many are kept for the next ones, 1 MiB.
const KEPT: usize = 64;

thread_local! {
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(vec![]) };
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// So many bytes of memory are held by all requests together. Those that are kept for the next ones are none of them.
pub fn held() -> usize {
    HELD.get()
}

/// Bytes that count as held until they are dropped.
#[derive(Default)]
pub struct Bytes {
    bytes: Vec<u8>,
    counted: usize,
}

impl Bytes {
    /// Room for some.
    pub fn take() -> Self {
        let bytes = FREE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(SIZE));
        let mut taken = Self { bytes, counted: 0 };
        taken.recount();
        taken
    }

    /// Makes room for `more`, and for those that may follow, up to `longest` of them all. Returns whether there is, without
    /// all together holding more than `most`.
    pub fn grow(&mut self, more: usize, longest: usize, most: usize) -> bool {
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        let needed = length + more;
        if needed > capacity {
            let room = longest.min(2 * capacity).max(needed);
            if held() + room - capacity > most {
                return false;
            }
            self.bytes.reserve_exact(room - length);
            self.recount();
        }
        true
    }

    /// They may have grown.
    pub fn recount(&mut self) {
        HELD.set(HELD.get() + self.bytes.capacity() - self.counted);
        self.counted = self.bytes.capacity();
    }
}

impl Deref for Bytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        HELD.set(HELD.get() - self.counted);
        let mut bytes = std::mem::take(&mut self.bytes);
        if (SIZE..=2 * SIZE).contains(&bytes.capacity()) {
            FREE.with_borrow_mut(|free| {
                if free.len() < KEPT {
                    bytes.clear();
                    free.push(bytes);
                }
            });
        }
    }
}

/// What was read of a connection.
#[derive(Default)]
pub struct Buffer {
    bytes: Bytes,
    start: usize,
}

impl Buffer {
    pub fn filled(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// The first `count` bytes have been dealt with.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.is_empty() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// Holds no memory while there is nothing in it.
    pub fn release(&mut self) {
        if self.is_empty() && self.bytes.capacity() > 0 {
            self.start = 0;
            self.bytes = Bytes::default();
        }
    }

    /// Reads what there is, and says how much; 0 at the end.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing, and then it holds no memory for that.
    pub fn read(&mut self, stream: &Stream) -> io::Result<usize> {
        if self.bytes.capacity() == 0 {
            self.bytes = Bytes::take();
        }
        if self.bytes.len() == self.bytes.capacity() {
            self.bytes.drain(..self.start);
            self.start = 0;
            self.bytes.reserve(1);
            self.bytes.recount();
        }
        let is_urgent = stream.is_urgent();
        let room = self.bytes.capacity() - self.bytes.len();
        let mut count = None;
        let result = stream.try_io(Interest::READABLE, || {
            let read = loop {
                match rustix::io::read(stream, spare_capacity(&mut self.bytes)) {
                    Err(Errno::INTR) => {}
                    read => break read,
                }
            };
            count = Some(read?);
            // Less than there was room for is all that there was: saying so now saves the call that would find nothing.
            if !is_urgent && count.is_some_and(|count| count > 0 && count < room) {
                Err(ErrorKind::WouldBlock.into())
            } else {
                Ok(())
            }
        });
        if count.is_none() {
            self.release();
        }
        count.map_or_else(|| Err(result.err().unwrap_or_else(|| ErrorKind::WouldBlock.into())), Ok)
    }
}
