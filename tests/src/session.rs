//! Sessions in documents: blocks marked `console`, each line after `$ ` a command, and below it what it prints. Who plays
//! them, a shell or a stand-in for a cluster, is another question.

/// A fenced block.
pub struct Block<'a> {
    /// What is behind the fence: a language, and what else there is
    pub info: &'a str,
    /// The number of the fence's line, from 1
    pub line: usize,
    /// Without the fence's indentation
    pub lines: Vec<&'a str>,
}

/// A command, and what the document says it prints.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub command: String,
    pub output: String,
}

/// What a reader of the document does, in its order.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// Saves the block under the name behind its language: ```` ```yaml config.yaml ````
    File {
        name: String,
        text: String,
    },
    Step(Step),
}

/// All fenced blocks.
pub fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block> = vec![];
    let mut open: Option<(usize, usize)> = None; // backticks, and spaces before them
    for (number, line) in document.lines().enumerate() {
        let bare = line.trim_start();
        let (indent, ticks) = (line.len() - bare.len(), bare.bytes().take_while(|&byte| byte == b'`').count());
        match (open, blocks.last_mut()) {
            (None, _) if ticks >= 3 => {
                blocks.push(Block { info: bare[ticks..].trim(), line: number + 1, lines: vec![] });
                open = Some((ticks, indent));
            }
            (Some((opened, _)), _) if ticks >= opened && bare[ticks..].trim().is_empty() => open = None,
            (Some((_, indent)), Some(block)) => {
                let spaces = line.bytes().take_while(|&byte| byte == b' ').count();
                block.lines.push(&line[spaces.min(indent)..]);
            }
            _ => {}
        }
    }
    blocks
}

/// What is to be done of the document: its sessions, and the files that it has its reader save for them.
pub fn parts(document: &str) -> Vec<Part> {
    blocks(document)
        .iter()
        .flat_map(|block| match block.info.split_once(' ') {
            Some((_, name)) => vec![Part::File { name: name.into(), text: block.lines.join("\n") + "\n" }],
            None if block.info == "console" => block.steps().into_iter().map(Part::Step).collect(),
            None => vec![],
        })
        .collect()
}

/// The commands alone.
pub fn steps(document: &str) -> Vec<Step> {
    let step = |part| match part {
        Part::Step(step) => Some(step),
        Part::File { .. } => None,
    };
    parts(document).into_iter().filter_map(step).collect()
}

impl Block<'_> {
    fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = vec![];
        let mut lines = self.lines.iter();
        while let Some(line) = lines.next() {
            if let Some(command) = line.strip_prefix("$ ") {
                let mut command = command.to_owned();
                while let (true, Some(more)) = (is_unfinished(&command), lines.as_slice().first()) {
                    command.extend(["\n", more]);
                    lines.next();
                }
                steps.push(Step { command, output: String::new() });
            } else if let Some(step) = steps.last_mut() {
                step.output.extend([line, "\n"]);
            }
        }
        steps
    }
}

/// Does the shell want another line: after a backslash, or since the text after `<<WORD` has not ended?
fn is_unfinished(command: &str) -> bool {
    let (first, rest) = command.split_once('\n').unwrap_or((command, ""));
    let word = first.split_once("<<").map(|(_, word)| {
        let word = word.split(' ').next().unwrap_or_default();
        word.trim_matches(['\'', '"'])
    });
    match word {
        Some(word) => !rest.lines().any(|line| line == word),
        None => command.ends_with('\\'),
    }
}

/// Is it what was expected? There, `…` stands for anything.
pub fn matches(printed: &str, expected: &str) -> bool {
    let (mut printed, expected) = (printed.trim_end(), expected.trim_end());
    let mut parts = expected.split('…').peekable();
    let Some(rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    printed = rest;
    while let Some(part) = parts.next() {
        let found = if parts.peek().is_none() { printed.strip_suffix(part).map(|_| printed.len()) } else { None };
        let found = found.or_else(|| parts.peek().and(printed.find(part).map(|at| at + part.len())));
        let Some(end) = found else { return false };
        printed = &printed[end..];
    }
    printed.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{Part, blocks, matches, parts, steps};

    #[test]
    fn a_session_is_commands_with_their_output() {
        let steps = steps("text\n```console\n$ one\na\nb\n$ two\n```\n$ three\n```yaml\n$ four\n```\n");
        let steps: Vec<_> = steps.iter().map(|step| (step.command.as_str(), step.output.as_str())).collect();
        assert_eq!(steps, [("one", "a\nb\n"), ("two", "")]);
    }

    #[test]
    fn a_command_may_have_more_lines() {
        let steps = steps("```console\n$ cat > a <<'END'\n$ b\nEND\nc\n$ one \\\n  two\nd\n```\n");
        let steps: Vec<_> = steps.iter().map(|step| (step.command.as_str(), step.output.as_str())).collect();
        assert_eq!(steps, [("cat > a <<'END'\n$ b\nEND", "c\n"), ("one \\\n  two", "d\n")]);
    }

    #[test]
    fn a_block_with_a_name_is_a_file() {
        let parts = parts("```yaml a.yaml\na: 1\n```\n```yaml\nb: 2\n```\n");
        assert_eq!(parts, [Part::File { name: "a.yaml".into(), text: "a: 1\n".into() }]);
    }

    #[test]
    fn a_block_ends_with_as_many_backticks_as_it_began() {
        let blocks = blocks("````text\n```\n````\n   ```sh\n   a\n  b\n   ```\n");
        let blocks: Vec<_> = blocks.iter().map(|block| (block.info, block.line, block.lines.as_slice())).collect();
        assert_eq!(blocks, [("text", 1, ["```"].as_slice()), ("sh", 4, &["a", "b"])]);
    }

    #[test]
    fn an_ellipsis_is_anything() {
        assert!(matches("a\n", "a"));
        assert!(matches("abc", "a…c") && matches("abc", "…c") && matches("abc", "a…") && matches("ac", "a…c"));
        assert!(matches("abcbd", "a…b…d"));
        assert!(!matches("abc", "a…b") && !matches("abc", "b…") && !matches("ab", "a"));
    }
}
