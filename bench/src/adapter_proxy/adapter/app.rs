//! What the app behind the proxies says, and what is to become of it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

/// Series on a page
pub const SERIES: u32 = 1_000;

/// A body of 1 KB.
///
/// # Errors
/// If it is another size.
pub fn account() -> Result<String> {
    let account: Value = serde_json::from_str(include_str!("../configurations/adapter/account.json"))?;
    let text = account.to_string();
    ensure!(text.len() == 1024, "the account has {} bytes", text.len());
    Ok(text)
}

/// What is to be made of it.
pub fn mapped() -> Value {
    json!({
        "id": "acc-00042",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "city": "London",
        "country": "GB",
        "plan": "team",
        "price": 49.9,
        "full": true,
        "seen": "2026-11-20T17:03:44Z",
        "tag": "beta",
    })
}

/// What a page of metrics is made of.
pub fn queues() -> String {
    let queue = |number: u32| {
        json!({
            "name": format!("orders-{number:04}"),
            "node": format!("node-{}", number % 8),
            "length": number * 7 % 1_013,
            "consumers": number % 5,
            "state": "running",
        })
    };
    (0..SERIES).map(queue).collect::<Value>().to_string()
}

/// The lines that such a page has.
pub fn series() -> impl Iterator<Item = String> {
    (0..SERIES).map(|number| {
        let (node, length) = (number % 8, number * 7 % 1_013);
        format!("app_queue_length{{node=\"node-{node}\",queue=\"orders-{number:04}\"}} {length}")
    })
}
