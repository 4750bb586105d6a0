//! Something is sent, and what comes back is the body.

use super::redis::{self, Reply};
use super::{Secrets, too_long};
use crate::config::metrics::{Talk, Until};
use crate::stream::Stream;

/// Besides the body there may be so much around it.
const AROUND: usize = 1024;

pub async fn read(talk: &Talk, secrets: &Secrets, most: usize) -> Result<Vec<u8>, String> {
    let failed = |wrong: String| format!("{}: {wrong}", talk.address);
    let send = secrets.fill(&talk.send)?;
    exchange(talk, &send, most).await.map_err(failed)
}

async fn exchange(talk: &Talk, send: &str, most: usize) -> Result<Vec<u8>, String> {
    let text = |error: std::io::Error| error.to_string();
    let stream = Stream::connect(&talk.address).await.map_err(|error| format!("cannot connect: {error}"))?;
    stream.write_all(send.as_bytes()).await.map_err(text)?;
    let (mut answer, mut buffer) = (vec![], [0; 8 << 10]);
    loop {
        let seen = answer.len();
        let length = stream.read(&mut buffer).await.map_err(text)?;
        answer.extend_from_slice(buffer.get(..length).unwrap_or_default());
        match &talk.until {
            Until::Close if length == 0 => break,
            Until::Close => {}
            Until::Text(end) => {
                // It may have begun in what was there before.
                let from = seen.saturating_sub(end.len());
                if let Some(at) = memchr::memmem::find(answer.get(from..).unwrap_or_default(), end.as_bytes()) {
                    answer.truncate(from + at);
                    break;
                }
            }
            Until::RedisReply => {
                if let Reply::Text(range) = redis::reply(&answer, most)? {
                    answer.truncate(range.end);
                    answer.drain(..range.start);
                    break;
                }
            }
        }
        if length == 0 {
            return Err(if answer.is_empty() {
                "it closed the connection without an answer"
            } else {
                "its answer is cut off"
            }
            .into());
        }
        if answer.len() > most.saturating_add(AROUND) {
            return Err(too_long(most));
        }
    }
    if answer.is_empty() {
        return Err("it closed the connection without an answer".into());
    }
    if answer.len() > most { Err(too_long(most)) } else { Ok(answer) }
}
