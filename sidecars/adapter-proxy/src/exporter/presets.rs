//! Targets that many have, without name and address. What is in the files is what people would write themselves.

use crate::config::metrics::Written;
use std::path::Path;

const PRESETS: [(&str, &str); 7] = [
    ("actuator-health", include_str!("presets/actuator-health.yaml")),
    ("actuator-metrics", include_str!("presets/actuator-metrics.yaml")),
    ("haproxy-info", include_str!("presets/haproxy-info.yaml")),
    ("haproxy-stat", include_str!("presets/haproxy-stat.yaml")),
    ("nginx", include_str!("presets/nginx.yaml")),
    ("redis", include_str!("presets/redis.yaml")),
    ("tomcat", include_str!("presets/tomcat.yaml")),
];

/// What is written in one.
///
/// # Errors
/// When there is none of this name; the others are named.
pub fn text(name: &str) -> Result<&'static str, String> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| {
        let known = PRESETS.map(|(name, _)| format!("`{name}`")).join(", ");
        format!("there is no preset `{name}`\nhint: there are {known}")
    })
}

/// What it says.
///
/// # Errors
/// When there is none of this name.
pub fn get(name: &str) -> Result<Written, String> {
    chassis::config::parse(Path::new(name), text(name)?).map_err(|wrong| wrong.0)
}

#[cfg(test)]
mod tests;
