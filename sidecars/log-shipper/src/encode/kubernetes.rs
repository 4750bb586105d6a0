//! What a pod is told about itself: by its environment, and by files of the Downward API, which change with its labels.
//! <https://kubernetes.io/docs/concepts/workloads/pods/downward-api/>

use super::escape::Escape;
use crate::config;
use chassis::stamp::Stamp;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Kubernetes itself allows 256 KiB of annotations.
const MOST: u64 = 512 << 10;
/// A copy of all the pod was made from, which `kubectl apply` leaves there for itself
const NOT_SHIPPED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The pod this is in.
pub struct Kubernetes {
    podinfo: Option<PathBuf>,
    seen: [Option<Stamp>; 2],
    /// The members `pod`, `namespace` and `node`
    identity: Vec<u8>,
    encoded: Arc<[u8]>,
}

impl Kubernetes {
    /// Reads it all.
    pub fn new(config: &config::Kubernetes) -> Self {
        Self::with(config, |name| env::var_os(name))
    }

    fn with(config: &config::Kubernetes, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut escape = Escape::default();
        let mut member = |name: &str, from: &str| {
            let value = variable(from).filter(|value| !value.is_empty())?;
            let mut member = format!("\"{name}\":").into_bytes();
            escape.string(&mut member, value.as_encoded_bytes());
            Some(member)
        };
        let pod = [member("name", "POD_NAME"), member("uid", "POD_UID"), member("ip", "POD_IP")];
        let namespace = member("namespace", "POD_NAMESPACE");
        let node = [member("name", "NODE_NAME")];
        let identity = [object("pod", pod), namespace, object("node", node)];
        let identity = identity.into_iter().flatten().collect::<Vec<_>>().join(&b","[..]);
        let mut kubernetes =
            Self { podinfo: config.podinfo.clone(), seen: [None; 2], identity, encoded: Arc::default() };
        kubernetes.seen = kubernetes.look();
        kubernetes.encode();
        kubernetes
    }

    /// Reads the files again if they are others now. Returns whether they were: then shapes have to be made anew.
    pub fn changed(&mut self) -> bool {
        let now = self.look();
        let changed = now != self.seen;
        if changed {
            self.seen = now;
            self.encode();
        }
        changed
    }

    /// The end of each document, from a comma on if there is anything to say.
    pub(super) fn encoded(&self) -> Arc<[u8]> {
        Arc::clone(&self.encoded)
    }

    /// The kubelet replaces the directory that both are links into.
    fn look(&self) -> [Option<Stamp>; 2] {
        ["labels", "annotations"].map(|name| Stamp::at(&self.podinfo.as_ref()?.join(name)).ok())
    }

    fn encode(&mut self) {
        let mut members = vec![];
        if !self.identity.is_empty() {
            members.push(self.identity.clone());
        }
        for name in ["labels", "annotations"] {
            members.extend(self.podinfo.as_ref().and_then(|directory| read(&directory.join(name))).and_then(|text| {
                let entries = entries(&text);
                object(
                    name,
                    entries.iter().map(|(key, value)| {
                        let mut member = vec![];
                        let mut escape = Escape::default();
                        escape.string(&mut member, key.as_bytes());
                        member.push(b':');
                        escape.string(&mut member, value);
                        Some(member)
                    }),
                )
            }));
        }
        let members = object("kubernetes", members.into_iter().map(Some));
        let before = if members.is_some() { &b","[..] } else { b"" };
        self.encoded = [before, &members.unwrap_or_default(), b"}\n"].concat().into();
    }
}

/// `"name":{…}`, if there is anything in it.
fn object(name: &str, members: impl IntoIterator<Item = Option<Vec<u8>>>) -> Option<Vec<u8>> {
    let members: Vec<Vec<u8>> = members.into_iter().flatten().collect();
    (!members.is_empty()).then(|| [format!("\"{name}\":{{").as_bytes(), &members.join(&b","[..]), b"}"].concat())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut text = vec![];
    File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut text)).ok()?;
    Some(text)
}

/// Reads lines such as `key="value"`. Dots in keys become `_`, since `app` could not be a text beside an `app.version`.
pub fn entries(text: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut entries = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Some(equals) = line.iter().position(|byte| *byte == b'=') else { continue };
        let key = String::from_utf8_lossy(&line[..equals]);
        if key != NOT_SHIPPED && !key.is_empty() {
            entries.entry(key.replace('.', "_")).or_insert_with(|| unquoted(&line[equals + 1..]));
        }
    }
    entries
}

/// Undoes what `%q` of Go does to a text.
fn unquoted(quoted: &[u8]) -> Vec<u8> {
    let inner = quoted.strip_prefix(b"\"").unwrap_or(quoted);
    let mut rest = inner.strip_suffix(b"\"").unwrap_or(inner);
    let mut text = vec![];
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let Some((escape, after)) = after.split_first().filter(|_| *byte == b'\\') else {
            text.push(*byte);
            continue;
        };
        rest = after;
        let digits = match escape {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        let code = rest.get(..digits).and_then(|digits| u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        match (escape, code) {
            (b'x', Some(code)) => text.extend(u8::try_from(code)),
            (b'u' | b'U', Some(code)) => text.extend(char::from_u32(code).unwrap_or('\u{FFFD}').to_string().bytes()),
            (b'a', _) => text.push(7),
            (b'b', _) => text.push(8),
            (b'f', _) => text.push(12),
            (b'n', _) => text.push(b'\n'),
            (b'r', _) => text.push(b'\r'),
            (b't', _) => text.push(b'\t'),
            (b'v', _) => text.push(11),
            (other, _) => text.push(*other),
        }
        rest = code.and_then(|_| rest.get(digits..)).unwrap_or(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Kubernetes, entries};
    use crate::config;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn said(kubernetes: &Kubernetes) -> String {
        String::from_utf8(kubernetes.encoded().to_vec()).unwrap()
    }

    #[test]
    fn what_is_not_told_is_not_said() {
        let config = config::Kubernetes::default();
        assert_eq!(said(&Kubernetes::with(&config, |_| None)), "}\n");
        let kubernetes = Kubernetes::with(&config, |name| (name == "POD_NAME").then(|| "web-0".into()));
        assert_eq!(said(&kubernetes), ",\"kubernetes\":{\"pod\":{\"name\":\"web-0\"}}}\n");
        let kubernetes = Kubernetes::with(&config, |name| Some(name.to_lowercase().into()));
        let pod = r#""pod":{"name":"pod_name","uid":"pod_uid","ip":"pod_ip"}"#;
        let rest = r#""namespace":"pod_namespace","node":{"name":"node_name"}"#;
        assert_eq!(said(&kubernetes), format!(",\"kubernetes\":{{{pod},{rest}}}}}\n"));
    }

    #[test]
    fn labels_that_change() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("..1")).unwrap();
        fs::write(at("..1/labels"), "app=\"web\"\napp.kubernetes.io/name=\"a \\\"b\\\"\"").unwrap();
        symlink("..1", at("..data")).unwrap();
        symlink("..data/labels", at("labels")).unwrap();
        symlink("..data/annotations", at("annotations")).unwrap();
        let config = config::Kubernetes { podinfo: Some(directory.path().into()) };
        let mut kubernetes = Kubernetes::with(&config, |_| None);
        let labels = r#"{"labels":{"app":"web","app_kubernetes_io/name":"a \"b\""}}"#;
        assert_eq!(said(&kubernetes), format!(",\"kubernetes\":{labels}}}\n"));
        assert!(!kubernetes.changed());

        fs::create_dir(at("..2")).unwrap();
        fs::write(at("..2/annotations"), "note=\"two\\nlines\"").unwrap();
        symlink("..2", at("..new")).unwrap();
        fs::rename(at("..new"), at("..data")).unwrap();
        assert!(kubernetes.changed());
        assert!(!kubernetes.changed());
        assert_eq!(said(&kubernetes), ",\"kubernetes\":{\"annotations\":{\"note\":\"two\\nlines\"}}}\n");
    }

    #[test]
    fn quotes_of_go() {
        let text = br#"a="\a\x41\u00e9\U0001F600\\\"\t\v\q"
b=bare
c.d="1"
c_d="2"
kubectl.kubernetes.io/last-applied-configuration="{}"
no entry
="nothing"
e="\u12"
f="\"#;
        let entries = entries(text);
        let found: Vec<_> = entries.iter().map(|(key, value)| (key.as_str(), String::from_utf8_lossy(value))).collect();
        let expected = [("a", "\u{7}Aé😀\\\"\t\u{b}q"), ("b", "bare"), ("c_d", "1"), ("e", "u12"), ("f", "\\")];
        assert_eq!(found, expected.map(|(key, value)| (key, value.into())));
    }
}
