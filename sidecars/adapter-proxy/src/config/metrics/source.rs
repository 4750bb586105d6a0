//! Where the bytes are from that a page is made of.

use crate::address::Address;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Clone, PartialEq, Debug)]
pub enum Source {
    Http(Request),
    File(PathBuf),
    Talk(Talk),
}

/// Whom a request goes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    pub address: Address,
    /// For the field `Host`
    pub host: String,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    pub place: Place,
    /// With its query; `{name}` in it stands for each of the names
    pub path: String,
    /// One request each; the body is then an object of the bodies by these names
    pub names: Vec<String>,
    pub method: String,
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
    /// Which are as good as 200
    pub statuses: Vec<u16>,
    /// What stands for `{…}` in the fields and the body is in these files
    pub secrets: BTreeMap<String, PathBuf>,
}

/// Something is sent, and what comes back is read.
#[derive(Clone, PartialEq, Debug)]
pub struct Talk {
    pub address: Address,
    pub send: String,
    pub until: Until,
    /// What stands for `{…}` in what is sent is in these files
    pub secrets: BTreeMap<String, PathBuf>,
}

/// Where an answer ends.
#[derive(Clone, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// With the connection
    #[default]
    Close,
    /// With the text of this reply of Redis, before which there may be others such as `+OK`
    RedisReply,
    /// With this, which is none of it
    Text(String),
}

#[derive(Clone, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Written {
    http: Option<String>,
    unix: Option<PathBuf>,
    file: Option<PathBuf>,
    talk: Option<Address>,
    path: Option<String>,
    names: Option<Vec<String>>,
    method: Option<String>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    statuses: Option<Vec<u16>>,
    send: Option<String>,
    until: Option<Until>,
    secrets: BTreeMap<String, PathBuf>,
}

impl Written {
    /// What it says, and of what it does not, what the preset says.
    pub fn over(mut self, preset: Self) -> Self {
        for (name, value) in preset.headers {
            self.headers.entry(name).or_insert(value);
        }
        // What is said to a server that is not talked to, or not asked by HTTP, is nothing to it.
        let (talks, asks) = (self.talk.is_some(), self.http.is_some() || self.unix.is_some());
        Self {
            path: self.path.or(preset.path.filter(|_| self.unix.is_some())),
            names: self.names.or(preset.names.filter(|_| asks)),
            method: self.method.or(preset.method.filter(|_| asks)),
            body: self.body.or(preset.body.filter(|_| asks)),
            statuses: self.statuses.or(preset.statuses.filter(|_| asks)),
            send: self.send.or(preset.send.filter(|_| talks)),
            until: self.until.or(preset.until.filter(|_| talks)),
            ..self
        }
    }

    fn has_request(&self) -> bool {
        let Self { names, method, headers, body, statuses, .. } = self;
        names.is_some() || method.is_some() || !headers.is_empty() || body.is_some() || statuses.is_some()
    }

    fn has_talk(&self) -> bool {
        self.send.is_some() || self.until.is_some()
    }

    fn request(self, place: Place, path: String) -> Result<Source, String> {
        if self.has_talk() {
            return Err("`send` and `until` are for a source with `talk`".into());
        }
        let is_path = path.starts_with('/') && path.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
        if !is_path {
            return Err(format!("expected a path such as `/status`, found `{path}`"));
        }
        let names = self.names.unwrap_or_default();
        if path.contains("{name}") == names.is_empty() {
            return Err("`names` and a path with `{name}` in it go together".into());
        }
        let in_path =
            |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/?&=:%,".contains(&byte));
        if let Some(name) = names.iter().find(|name| !in_path(name)) {
            return Err(format!("the name `{name}` cannot be part of a path"));
        }
        let method = self.method.unwrap_or_else(|| "GET".into());
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) || method == "HEAD" {
            return Err(format!("expected a method such as `GET` or `POST`, found `{method}`"));
        }
        for (name, value) in &self.headers {
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_token) || value.bytes().any(|byte| byte < b' ') {
                return Err(format!("`{name}: {value}` is no header field"));
            }
            // Whoever says them differently makes the connection say something that this program does not know of.
            if ["connection", "content-length", "transfer-encoding", "upgrade", "expect"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
            {
                return Err(format!("`{name}` is not to be set\nhint: it follows from the rest of the request"));
            }
        }
        let statuses = self.statuses.unwrap_or_else(|| vec![200]);
        Ok(Source::Http(Request {
            place,
            path,
            names,
            method,
            headers: self.headers,
            body: self.body,
            statuses,
            secrets: self.secrets,
        }))
    }
}

impl TryFrom<Written> for Source {
    type Error = String;

    fn try_from(mut written: Written) -> Result<Self, String> {
        match (written.http.take(), written.unix.take(), written.file.take(), written.talk.take()) {
            (Some(url), None, None, None) => {
                if written.path.is_some() {
                    return Err("`path` is for a source with `unix`\nhint: an `http` source has it in its URL".into());
                }
                let (place, path) = url_of(&url)?;
                written.request(place, path)
            }
            (None, Some(socket), None, None) => {
                if !socket.is_absolute() {
                    return Err(format!("expected an absolute path of a socket, found `{}`", socket.display()));
                }
                let place = Place { address: Address::Unix(socket), host: "localhost".into() };
                let path = written.path.take().unwrap_or_else(|| "/".into());
                written.request(place, path)
            }
            (None, None, Some(file), None) => {
                if written.has_request() || written.has_talk() || written.path.is_some() {
                    return Err("a source with `file` has nothing else".into());
                }
                Ok(Self::File(file))
            }
            (None, None, None, Some(address)) => {
                if written.has_request() || written.path.is_some() {
                    return Err(
                        "a source with `talk` has `send`, `until` and `secrets` beside it, and nothing else".into()
                    );
                }
                let send = written.send.unwrap_or_default();
                Ok(Self::Talk(Talk {
                    address,
                    send,
                    until: written.until.unwrap_or_default(),
                    secrets: written.secrets,
                }))
            }
            _ => Err("expected one of `http`, `unix`, `file` and `talk` as the source\n\
                      hint: `source: {http: \"http://127.0.0.1:8080/status\"}`"
                .into()),
        }
    }
}

/// `http://127.0.0.1:8080/status`: an address and no name, since the app is in the pod.
fn url_of(url: &str) -> Result<(Place, String), String> {
    let expected = || format!("expected an address such as `http://127.0.0.1:8080/status`, found `{url}`");
    let rest = url.strip_prefix("http://").ok_or_else(expected)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let with_port = match authority.strip_prefix("localhost") {
        Some("") => "127.0.0.1:80".into(),
        Some(port) => format!("127.0.0.1{port}"),
        None => authority.to_owned(),
    };
    let address = with_port.parse().or_else(|_| format!("{with_port}:80").parse()).map_err(|_| expected())?;
    let path = if path.is_empty() { "/" } else { path };
    Ok((Place { address: Address::Socket(address), host: authority.into() }, path.into()))
}
