//! A line for each request, on stdout. Who reads it may be slow or stuck: the proxy writes what there is room for, and
//! leaves lines out, and counts them, when too many are waiting.

use crate::config::AccessLog as Format;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::stdout;
use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

/// Lines are written together, as those of so long.
const TOGETHER: Duration = Duration::from_millis(50);

/// Who reads them has so long at the end.
const LAST: Duration = Duration::from_secs(1);

/// What a pipe takes at a time without waiting, when it takes anything: `PIPE_BUF` of pipe(7).
const ATOMIC: usize = 4096;

/// Of lines that wait, in bytes.
const MOST: usize = 256 << 10;

#[derive(Default)]
pub struct AccessLog {
    waiting: RefCell<Vec<u8>>,
    writing: Cell<bool>,
    left_out: Cell<u64>,
    /// Held by who writes, so that lines stay in order
    room: Mutex<Room>,
}

/// What is said of a request.
pub struct Entry<'a> {
    pub listener: &'a str,
    pub client: &'a str,
    pub method: &'a str,
    pub target: &'a str,
    /// 0 when there was no answer
    pub status: u16,
    pub received: u64,
    pub sent: u64,
    pub took: Duration,
    pub endpoint: &'a str,
    pub tries: u32,
    pub trace: &'a str,
    /// Of the proxy, not of an endpoint's answer: `X-Proxy-Error`, or how it was cut off
    pub error: &'a str,
}

impl AccessLog {
    pub fn add(self: &Rc<Self>, format: Format, entry: &Entry) {
        if self.waiting.borrow().len() > MOST {
            self.left_out.set(self.left_out.get() + 1);
            return;
        }
        entry.write(format, SystemTime::now(), &mut self.waiting.borrow_mut());
        if !self.writing.replace(true) {
            let this = self.clone();
            tokio::task::spawn_local(async move {
                while !this.waiting.borrow().is_empty() {
                    sleep(TOGETHER).await;
                    this.flush().await;
                }
                this.writing.set(false);
            });
        }
    }

    /// Writes what waits. At the end of the program it is waited for, but not for ever. Lines of requests that are cut off
    /// come later still, when the tasks are dropped that serve them, and are written when this is.
    pub async fn finish(&self) {
        self.writing.set(true);
        let _ = timeout(LAST, self.flush()).await;
    }

    async fn flush(&self) {
        let mut room = self.room.lock().await;
        let lines = self.waiting.take();
        let mut left = &lines[..];
        while let Some(part) = left.chunks(ATOMIC).next() {
            // A log that nobody reads any more stops nothing.
            if !room.there_is().await || rustix::io::write(stdout(), part) != Ok(part.len()) {
                let lost = left.split(|byte| *byte == b'\n').count() - 1; // each ends with one
                return self.left_out.set(self.left_out.get() + lost as u64);
            }
            left = &left[part.len()..];
        }
    }

    /// Lines that were not written.
    pub fn left_out(&self) -> u64 {
        self.left_out.get()
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        let (deadline, lines) = (Instant::now() + LAST, self.waiting.take());
        for part in lines.chunks(ATOMIC) {
            let left = deadline.saturating_duration_since(Instant::now());
            if !has_room(left) || rustix::io::write(stdout(), part) != Ok(part.len()) {
                return; // nobody reads it
            }
        }
    }
}

/// Tells when stdout takes something.
#[derive(Default)]
struct Room {
    /// Once it was waited for
    events: Option<AsyncFd<BorrowedFd<'static>>>,
}

impl Room {
    /// Resolves to whether there ever will be. In a file there always is, and the kernel has no events of it.
    async fn there_is(&mut self) -> bool {
        while !has_room(Duration::ZERO) {
            #[expect(deprecated, reason = "its other form is unsafe, and stdout stays open as long as the program")]
            let events = self.events.take().or_else(|| AsyncFd::with_interest(stdout(), Interest::WRITABLE).ok());
            let Some(events) = events else { return false };
            let events = self.events.insert(events);
            match events.writable().await {
                Ok(mut ready) if !has_room(Duration::ZERO) => ready.clear_ready(),
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        true
    }
}

/// Whether stdout takes a part at once, or within `patience`.
fn has_room(patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).ok();
    poll(&mut [PollFd::new(&stdout(), PollFlags::OUT)], patience.as_ref()) == Ok(1)
}

impl Entry<'_> {
    fn write(&self, format: Format, now: SystemTime, out: &mut Vec<u8>) {
        let Self { listener, client, method, target, status, received, sent, endpoint, tries, trace, error, .. } = self;
        let (time, took) = (Time(now), self.took.as_secs_f64() * 1000.0);
        let mut line = String::new();
        // A method is a token and a target has no space, quote or control character that would need escaping in either
        // format but `"` and `\`, which some send as they are.
        let target = target.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = match format {
            Format::Off => return,
            Format::Text => writeln!(
                line,
                "{time} {client} \"{method} {target}\" {status} {received} {sent} {took:.3}ms {endpoint} {tries} {trace} \"{error}\""
            ),
            Format::Json => writeln!(
                line,
                "{{\"time\":\"{time}\",\"listener\":\"{listener}\",\"client\":\"{client}\",\"method\":\"{method}\",\
                 \"target\":\"{target}\",\"status\":{status},\"received\":{received},\"sent\":{sent},\
                 \"duration_ms\":{took:.3},\"endpoint\":\"{endpoint}\",\"tries\":{tries},\"trace_id\":\"{trace}\",\"error\":\"{error}\"}}"
            ),
        };
        out.extend_from_slice(line.as_bytes());
    }
}

/// As RFC 3339 has it, in UTC and milliseconds.
struct Time(SystemTime);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (days, seconds) = (since.as_secs() / 86400, since.as_secs() % 86400);
        // Days to a date of the Gregorian calendar, whose years begin in March here, so that a leap day is the last:
        // <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
        let shifted = days + 719_468;
        let (era, day) = (shifted / 146_097, shifted % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
        let year = era * 400 + year + u64::from(month <= 2);
        let (hour, minute, second, millis) = (seconds / 3600, seconds / 60 % 60, seconds % 60, since.subsec_millis());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::Time;
    use std::time::{Duration, SystemTime};

    #[test]
    fn times() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (4_102_444_799_000, "2099-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(Time(SystemTime::UNIX_EPOCH + Duration::from_millis(millis)).to_string(), expected);
        }
    }
}
