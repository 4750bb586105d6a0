//! An app as they have grown: a status page in a form of its own, and version 2 of an API.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Result as IoResult, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Instant;

/// Serves them on `port` of this host's loopback interface.
///
/// # Errors
/// If somebody else has the port.
pub fn serve(port: u16) -> Result<()> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("cannot listen on {port}"))?;
    let mut shop = Shop { started: Instant::now(), served: 0 };
    for connection in listener.incoming() {
        // A client that leaves is its own affair.
        let _ = connection.and_then(|connection| shop.answer(connection));
    }
    Ok(())
}

struct Shop {
    started: Instant,
    /// Orders that were asked for, and are there
    served: u64,
}

impl Shop {
    /// One request, of a client that sends no body.
    fn answer(&mut self, mut connection: TcpStream) -> IoResult<()> {
        let mut head = BufReader::new(&connection).lines().take_while(|line| !matches!(line.as_deref(), Ok("")));
        let request = head.next().transpose()?.unwrap_or_default();
        head.try_for_each(|line| line.map(drop))?;
        let (status, body) = self.resource(request.split(' ').nth(1).unwrap_or_default());
        let body = body.to_string();
        write!(
            connection,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        )?;
        write!(connection, "Connection: close\r\n\r\n{body}")
    }

    fn resource(&mut self, target: &str) -> (&'static str, Value) {
        match target {
            "/status" => ("200 OK", self.status()),
            "/v2/order?id=42" => {
                self.served += 1;
                ("200 OK", order())
            }
            _ => ("404 Not Found", json!({ "message": format!("there is no {target}") })),
        }
    }

    /// Queues by their names, numbers as texts here and there, states in words, milliseconds.
    fn status(&self) -> Value {
        json!({
            "status": "RUNNING",
            "uptimeMillis": self.started.elapsed().as_millis().to_string(),
            "heap": { "used": "13.5 MB", "max": "64 MB" },
            "queues": {
                "mail": { "length": "3", "oldestMillis": 1500, "consumer": "UP" },
                "orders": { "length": "12", "oldestMillis": "250", "consumer": "PAUSED" },
            },
            "ordersServed": self.served.to_string(),
        })
    }
}

fn order() -> Value {
    json!({
        "orderId": "42",
        "customer": { "givenName": "Ada", "familyName": "Lovelace" },
        "amountCents": 1250,
        "state": "SHIPPED",
        "lines": [{ "sku": "tea", "quantity": "2" }, { "sku": "cup", "quantity": "1" }],
    })
}

#[cfg(test)]
mod tests {
    use super::Shop;
    use std::time::Instant;

    #[test]
    fn orders_are_counted() {
        let mut shop = Shop { started: Instant::now(), served: 0 };
        assert_eq!(shop.resource("/v2/order?id=42").1["orderId"], "42");
        assert_eq!(shop.resource("/v2/order?id=7").0, "404 Not Found");
        assert_eq!(shop.resource("/status").1["ordersServed"], "1");
    }
}
