//! What no field of a cluster's configuration can tell alone.

use crate::config::{Check, Cluster};

impl Cluster {
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.endpoints.is_empty() && self.file.is_none() {
            return Err(
                "a cluster without `endpoints`, or a `file` of them\nhint: add `endpoints: [redis-a:6379]`".into()
            );
        }
        if self.panic_threshold > 100 {
            return Err(format!("`panic-threshold: {}`: expected percent, 0 to 100", self.panic_threshold));
        }
        if self.connect_timeout.is_zero() {
            return Err("`connect-timeout: 0` leaves no time to connect".into());
        }
        if self.limits.connections == 0 {
            return Err(
                "`limits: {connections: 0}` allows none\nhint: leave an endpoint out that is not to be used".into()
            );
        }
        if self.outlier.eject_for > self.outlier.longest {
            let (first, longest) = (self.outlier.eject_for, self.outlier.longest);
            return Err(format!("`outlier`: `eject-for` is {first:?}, which is more than `longest`, {longest:?}"));
        }
        let Some(health) = &self.health else { return Ok(()) };
        if health.interval.is_zero() || health.timeout.is_zero() || health.rise == 0 || health.fall == 0 {
            return Err("`health`: `interval`, `timeout`, `rise` and `fall` cannot be 0".into());
        }
        match &health.check {
            Check::Http { path, host, .. } => {
                let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
                if !path.starts_with('/') || !is_visible(path) {
                    return Err(format!("`health`: the path `{path}`: expected one such as `/healthz`"));
                }
                match host {
                    Some(host) if host.is_empty() || !is_visible(host) => {
                        Err(format!("`health`: the host `{host}`: expected one such as `shop.example`"))
                    }
                    _ => Ok(()),
                }
            }
            Check::Talk { expect, .. } if expect.is_empty() => {
                Err("`health`: nothing to `expect`\nhint: `check: {tcp: {}}` is whether it takes a connection".into())
            }
            Check::Tcp {} | Check::Talk { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Cluster;
    use std::path::Path;

    fn check(text: &str) -> Result<(), String> {
        chassis::config::parse::<Cluster>(Path::new("x"), text).map(drop).map_err(|wrong| wrong.0)
    }

    #[test]
    fn right() {
        for text in [
            "{endpoints: [a:1]}",
            "{file: /etc/endpoints.yaml}",
            "{endpoints: [a:1], health: {check: {http: {path: /healthz, status: 204, host: a}}, interval: 5s}}",
            "{endpoints: [a:1], health: {check: {talk: {send: \"PING\\r\\n\", expect: +PONG}}}}",
            "{endpoints: [a:1], balance: round-robin, outlier: {failures: 0}, limits: {pending: 0}}",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn wrong() {
        for (text, word) in [
            ("{}", "endpoints"),
            ("{endpoints: [a:1], panic-threshold: 101}", "percent"),
            ("{endpoints: [a:1], connect-timeout: 0s}", "connect-timeout"),
            ("{endpoints: [a:1], limits: {connections: 0}}", "connections"),
            ("{endpoints: [a:1], outlier: {eject-for: 2m}}", "longest"),
            ("{endpoints: [a:1], health: {check: {tcp: {}}, interval: 0s}}", "interval"),
            ("{endpoints: [a:1], health: {check: {http: {path: healthz}}}}", "/healthz"),
            ("{endpoints: [a:1], health: {check: {http: {path: \"/a\\r\\nb\"}}}}", "/healthz"),
            ("{endpoints: [a:1], health: {check: {http: {path: /, host: \"a b\"}}}}", "host"),
            ("{endpoints: [a:1], health: {check: {talk: {send: a, expect: \"\"}}}}", "expect"),
        ] {
            let said = check(text).unwrap_err();
            assert!(said.contains(word), "{text}: {said}");
        }
    }
}
