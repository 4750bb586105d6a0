//! The words of `kubectl debug`.

use anyhow::{Result, bail, ensure};

/// What is to be added to which pod.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Debug<'a> {
    pub pod: &'a str,
    pub container: &'a str,
    pub image: &'a str,
    /// Whose processes it joins
    pub target: Option<&'a str>,
    /// A file with a part of a container
    pub custom: Option<&'a str>,
    pub command: &'a [&'a str],
}

impl<'a> Debug<'a> {
    /// Of what follows `kubectl debug`.
    ///
    /// # Errors
    /// If it is not for the profile `restricted`, or asks for what the runner does not know.
    pub fn parse(words: &'a [&'a str]) -> Result<Self> {
        let mut debug = Self::default();
        let mut profile = "";
        for (index, word) in words.iter().enumerate() {
            match word.split_once('=').unwrap_or((word, "")) {
                ("--", "") => {
                    debug.command = &words[index + 1..];
                    break;
                }
                ("--image", image) => debug.image = image,
                ("--container", container) => debug.container = container,
                ("--target", target) => debug.target = Some(target),
                ("--custom", file) => debug.custom = Some(file),
                ("--profile", name) => profile = name,
                // The runner's pods keep them in any case.
                ("--keep-labels", "") => {}
                (pod, "") if !pod.starts_with('-') && debug.pod.is_empty() => debug.pod = pod,
                _ => bail!("the runner knows no `{word}` of kubectl debug"),
            }
        }
        ensure!(profile == "restricted", "the runner knows --profile=restricted alone");
        ensure!(![debug.pod, debug.container, debug.image].contains(&""), "it wants a pod, --container and --image");
        Ok(debug)
    }

    /// What kubectl says before it asks for the container.
    pub fn said(&self) -> String {
        let Some(target) = self.target else { return String::new() };
        format!(
            "Targeting container \"{target}\". If you don't see processes from this container it may be because the \
             container runtime doesn't support this feature."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Debug;

    #[test]
    fn options_come_in_any_order_and_the_command_last() {
        let words = "pod --target=app --profile=restricted --image=i:1 --container=look -- sleep --help=x";
        let words: Vec<_> = words.split(' ').collect();
        let debug = Debug::parse(&words).unwrap();
        assert_eq!((debug.pod, debug.container, debug.image, debug.target), ("pod", "look", "i:1", Some("app")));
        assert_eq!((debug.custom, debug.command), (None, &["sleep", "--help=x"][..]));
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for words in [
            "pod --image=i:1 --container=look",
            "pod --profile=general --image=i:1 --container=look",
            "pod --profile=restricted --image=i:1",
            "pod --profile=restricted --image=i:1 --container=look --copy-to=other",
            "pod other --profile=restricted --image=i:1 --container=look",
        ] {
            assert!(Debug::parse(&words.split(' ').collect::<Vec<_>>()).is_err(), "{words}");
        }
    }
}
