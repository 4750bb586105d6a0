//! Messages are this process's stderr.

mod child;

use anyhow::anyhow;
use chassis::message::{self, Format};

#[test]
fn a_hint_is_a_line_of_its_own() {
    const NAME: &str = "a_hint_is_a_line_of_its_own";
    if !child::is(NAME) {
        let output = child::run(NAME, ":");
        child::succeeds(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().collect();
        let expected =
            ["app: warning: a\\nb is odd", "hint: look at it", "app: error: outer: inner", "hint: the inner one"];
        assert_eq!(lines, expected);
        return;
    }
    message::init("app", Format::Text);
    message::warning("a\nb is odd\nhint: look at it");
    message::error(&anyhow!("inner\nhint: the inner one").context("outer"));
}

#[test]
fn a_hint_is_a_field_of_its_own() {
    const NAME: &str = "a_hint_is_a_field_of_its_own";
    if !child::is(NAME) {
        let output = child::run(NAME, ":");
        child::succeeds(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        let expected = [
            r#"{"level":"warning","program":"app","message":"odd","hint":"look at it"}"#,
            r#"{"level":"warning","program":"app","message":"even"}"#,
        ];
        assert_eq!(said.lines().collect::<Vec<_>>(), expected);
        return;
    }
    message::init("app", Format::Json);
    message::warning("odd\nhint: look at it");
    message::warning("even");
}
