use super::{PRESETS, text};
use crate::config::metrics::Page;
use std::path::Path;

/// Each of them says in its first lines how it is used.
#[test]
fn all_of_them_are_pages() {
    for (name, yaml) in PRESETS {
        assert_eq!(text(name), Ok(yaml));
        let source = match name {
            "nginx" | "tomcat" | "actuator-health" => "{http: \"http://127.0.0.1:8080/status\"}",
            "actuator-metrics" => "{http: \"http://127.0.0.1:8080/actuator/metrics/{name}\"}",
            _ => "{talk: \"127.0.0.1:6379\"}",
        };
        let page = format!("targets: [{{name: a, preset: {name}, source: {source}}}]");
        let page: Page = chassis::config::parse(Path::new("p"), &page).unwrap_or_else(|wrong| panic!("{}", wrong.0));
        crate::exporter::Page::new(&page).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert!(yaml.starts_with("# ") && yaml.contains(&format!("preset: {name}")), "{name}");
    }
    assert!(text("apache").unwrap_err().contains("hint: there are `actuator-health`, `actuator-metrics`, "));
}
