//! Which of the two formats of pages a scraper wants (RFC 9110, 12.5.1).

/// Whether these values of `Accept` prefer `OpenMetrics` 1.0 to Prometheus' text format, which is what all others get.
pub fn openmetrics<'a>(accept: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let (mut openmetrics, mut text) = (None::<f64>, None::<f64>);
    for range in accept.into_iter().flat_map(|value| value.split(|byte| *byte == b',')) {
        let Ok(range) = str::from_utf8(range) else { continue };
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut quality, mut version) = (1.0, None);
        for parameter in parts {
            match parameter.split_once('=') {
                Some(("q" | "Q", value)) => quality = value.trim().parse().unwrap_or(0.0),
                Some((name, value)) if name.eq_ignore_ascii_case("version") => version = Some(value.trim_matches('"')),
                _ => {}
            }
        }
        let (of, known) = match media.as_str() {
            "application/openmetrics-text" => (&mut openmetrics, matches!(version, None | Some("1.0.0"))),
            "text/plain" => (&mut text, matches!(version, None | Some("0.0.4"))),
            "text/*" | "*/*" => (&mut text, true),
            _ => continue,
        };
        if known && quality > of.unwrap_or(0.0) {
            *of = Some(quality);
        }
    }
    openmetrics.is_some_and(|quality| quality >= text.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::openmetrics;

    #[test]
    fn what_scrapers_ask_for() {
        for (accept, expected) in [
            // Prometheus 2.x and 3.x, and VictoriaMetrics' agent
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                true,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                true,
            ),
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", false),
            ("application/openmetrics-text", true),
            ("application/openmetrics-text; version=\"1.0.0\"; q=0.2, text/plain; q=0.8", false),
            ("application/openmetrics-text;version=0.0.1", false),
            ("application/openmetrics-text;q=0", false),
            ("*/*", false),
            ("", false),
            ("text/html", false),
        ] {
            assert_eq!(openmetrics([accept.as_bytes()]), expected, "{accept}");
        }
        assert!(!openmetrics([]));
        assert!(openmetrics([&b"text/plain;q=0.5"[..], b"Application/OpenMetrics-Text;Version=1.0.0"]));
    }
}
