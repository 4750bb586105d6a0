//! Prometheus' text format, version 0.0.4: what `/metrics` answers.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

mod histogram;

pub use histogram::Histogram;

use std::fmt::{Display, Write};
use std::fs;

/// One family after another: what it is, and then its samples.
#[derive(Default)]
pub struct Exposition {
    text: String,
    family: &'static str,
}

impl Exposition {
    pub fn new() -> Self {
        Self::default()
    }

    /// What only grows. Its name ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &str) -> &mut Self {
        self.family(name, "counter", help)
    }

    /// What goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &str) -> &mut Self {
        self.family(name, "gauge", help)
    }

    /// A sample of the family that was begun last; `value` is a number. Two samples may not have the same labels.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.line(self.family, "", labels, value)
    }

    fn line(&mut self, family: &str, suffix: &str, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.text.push_str(family);
        self.text.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            self.text.push_str(if index == 0 { "{" } else { "," });
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.escape(value, true);
            self.text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}"); // a string takes anything
        self
    }

    /// A gauge of this name: the memory that this process has.
    pub fn resident_memory(&mut self, name: &'static str) {
        self.gauge(name, "Memory in use, files that are mapped among it").sample(&[], resident_memory());
    }

    pub fn finish(self) -> String {
        self.text
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> &mut Self {
        self.family = name;
        let _ = write!(self.text, "# HELP {name} ");
        self.escape(help, false);
        let _ = writeln!(self.text, "\n# TYPE {name} {kind}");
        self
    }

    fn escape(&mut self, text: &str, quoted: bool) {
        for character in text.chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '"' if quoted => self.text.push_str("\\\""),
                _ => self.text.push(character),
            }
        }
    }
}

/// In bytes; 0 where the kernel does not tell.
fn resident_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::{Exposition, resident_memory};

    #[test]
    fn memory_in_bytes() {
        let memory = resident_memory();
        assert!((1 << 20..1 << 40).contains(&memory) && memory.is_multiple_of(1024), "{memory}");
    }

    #[test]
    fn families_and_samples() {
        let mut metrics = Exposition::new();
        metrics.gauge("app_up", "Whether it is").sample(&[], 1);
        metrics
            .counter("app_lines_total", "Lines \"read\",\nby \\ file")
            .sample(&[("path", "/a \"b\"\\\n{}"), ("state", "größer")], u64::MAX)
            .sample(&[("path", "/c")], 0.5);
        let expected = "# HELP app_up Whether it is
# TYPE app_up gauge
app_up 1
# HELP app_lines_total Lines \"read\",\\nby \\\\ file
# TYPE app_lines_total counter
app_lines_total{path=\"/a \\\"b\\\"\\\\\\n{}\",state=\"größer\"} 18446744073709551615
app_lines_total{path=\"/c\"} 0.5
";
        assert_eq!(metrics.finish(), expected);
        assert_eq!(Exposition::new().finish(), "");
    }
}
