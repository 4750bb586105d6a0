//! Where logs are whose paths are links. What happens to their files is told there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The numbers of logs, by where their links lead. Several may lead to one file.
#[derive(Default)]
pub(super) struct Targets(HashMap<PathBuf, Vec<usize>>);

impl Targets {
    /// The link of this log, which led to `before`, leads to `now`.
    pub(super) fn change(&mut self, id: usize, before: Option<&Path>, now: Option<&Path>) {
        if before == now && now.is_none_or(|now| self.of(now).contains(&id)) {
            return;
        }
        if let Some(before) = before
            && let Some(logs) = self.0.get_mut(before)
        {
            logs.retain(|known| *known != id);
            if logs.is_empty() {
                self.0.remove(before);
            }
        }
        if let Some(now) = now {
            self.0.entry(now.to_owned()).or_default().push(id);
        }
    }

    /// The logs whose links lead there.
    pub(super) fn of(&self, path: &Path) -> &[usize] {
        self.0.get(path).map_or(&[], Vec::as_slice)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Targets;
    use std::path::Path;

    #[test]
    fn where_links_led_is_forgotten() {
        let mut targets = Targets::default();
        let [a, b] = ["/a", "/b"].map(Path::new);
        targets.change(1, None, Some(a));
        targets.change(1, Some(a), Some(a));
        targets.change(2, None, Some(a));
        assert_eq!(targets.of(a), [1, 2]);
        targets.change(1, Some(a), Some(b));
        assert_eq!((targets.of(a), targets.of(b)), (&[2][..], &[1][..]));
        targets.change(2, Some(a), None);
        targets.change(1, Some(b), None);
        assert_eq!((targets.of(a).len(), targets.len()), (0, 0));
    }
}
