//! Where bodies are from, each kind of source in a file of its own. All that goes wrong is a text, for a message.

mod file;
mod http;
mod redis;
mod talk;

use super::fetched::Body;
use crate::config::metrics;
use chassis::secret::Secret;
use std::collections::BTreeMap;
use std::path::PathBuf;

pub struct Source {
    of: metrics::Source,
    secrets: Secrets,
    /// In bytes
    most: usize,
}

impl Source {
    pub fn new(target: &metrics::Target) -> Self {
        let secrets = match &target.source {
            metrics::Source::Http(request) => Secrets::new(&request.secrets),
            metrics::Source::Talk(talk) => Secrets::new(&talk.secrets),
            metrics::Source::File(_) => Secrets::default(),
        };
        Self { of: target.source.clone(), secrets, most: target.max_body }
    }

    /// # Errors
    /// Why there is nothing to be had.
    pub async fn read(&self) -> Result<Body, String> {
        match &self.of {
            metrics::Source::Http(request) => http::read(request, &self.secrets, self.most).await,
            metrics::Source::File(path) => file::read(path, self.most).map(Body::One),
            metrics::Source::Talk(talk) => talk::read(talk, &self.secrets, self.most).await.map(Body::One),
        }
    }
}

/// Texts that are in files, and stand for `{…}` in what is sent.
#[derive(Default)]
pub struct Secrets(Vec<(String, Secret)>);

impl Secrets {
    pub fn new(files: &BTreeMap<String, PathBuf>) -> Self {
        Self(files.iter().map(|(name, path)| (format!("{{{name}}}"), Secret::new(path))).collect())
    }

    /// `text` with all of them in their places. What another one has in it is not looked at again.
    fn fill(&self, text: &str) -> Result<String, String> {
        let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            filled.push_str(before);
            rest = if let Some((name, secret)) = self.0.iter().find(|(name, _)| from.starts_with(name)) {
                filled.push_str(&secret.get().map_err(|error| format!("{error:#}"))?);
                &from[name.len()..]
            } else {
                filled.push('{');
                &from[1..]
            };
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn too_long(most: usize) -> String {
    format!("it is longer than {most} bytes\nhint: raise `max-body`")
}

#[cfg(test)]
mod tests;
