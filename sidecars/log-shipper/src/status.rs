//! What the admin endpoint tells.

use chassis::admin::Service;
use chassis::exposition::Exposition;
use chassis::reload::Reloads;
use log_shipper::input::lag::Lags;
use log_shipper::sink::Sink;
use log_shipper::sink::counters::Outcome;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::SystemTime;

pub struct Status {
    pub lags: Lags,
    pub sink: RefCell<Arc<Sink>>,
    pub events: Cell<u64>,
    pub left_out: Cell<u64>,
    /// Bytes of files that have been shipped
    pub bytes: Cell<u64>,
    pub lost: Cell<u64>,
    pub files: Cell<usize>,
    pub save_failures: Cell<u64>,
    pub reloads: Reloads,
}

impl Status {
    pub fn new(lags: Lags, sink: Arc<Sink>) -> Self {
        Self {
            lags,
            sink: RefCell::new(sink),
            events: Cell::default(),
            left_out: Cell::default(),
            bytes: Cell::default(),
            lost: Cell::default(),
            files: Cell::default(),
            save_failures: Cell::default(),
            reloads: Reloads::default(),
        }
    }
}

impl Service for Status {
    /// Who reads files and waits for the sink does its part.
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> String {
        let mut page = Exposition::new();
        page.counter("log_shipper_lines_total", "Lines, or groups of lines that are one event, found in the logs")
            .sample(&[], self.events.get());
        page.counter("log_shipper_left_out_total", "Events that are not to be shipped")
            .sample(&[], self.left_out.get());
        page.counter("log_shipper_shipped_bytes_total", "Bytes of logs that the sink has")
            .sample(&[], self.bytes.get());
        page.counter("log_shipper_lost_bytes_total", "Bytes truncated or removed before they could be read")
            .sample(&[], self.lost.get());
        page.gauge("log_shipper_files", "Files that are held open or known").sample(&[], self.files.get());
        let lags = self.lags.borrow();
        page.gauge("log_shipper_lag_bytes", "Bytes that have not been shipped");
        for lag in lags.iter() {
            page.sample(&[("path", &lag.path.to_string_lossy())], lag.bytes());
        }
        page.gauge("log_shipper_lag_seconds", "For how long nothing has been shipped, though there is something");
        for lag in lags.iter() {
            page.sample(&[("path", &lag.path.to_string_lossy())], lag.time().as_secs_f64());
        }
        self.sink(&mut page);
        page.counter("log_shipper_save_failures_total", "Times that positions could not be kept")
            .sample(&[], self.save_failures.get());
        self.reloads.write("log_shipper_reloads_total", &mut page);
        page.resident_memory("log_shipper_resident_memory_bytes");
        page.finish()
    }
}

impl Status {
    fn sink(&self, page: &mut Exposition) {
        let sink = self.sink.borrow();
        let counters = sink.counters();
        page.counter("log_shipper_batches_total", "Batches the sink has").sample(&[], counters.batches.get());
        page.counter("log_shipper_delivered_total", "Events the sink has, dead letters among them")
            .sample(&[], counters.events.get());
        page.gauge("log_shipper_batches_in_flight", "Batches under way").sample(&[], counters.in_flight.get());
        page.counter("log_shipper_sent_bytes_total", "Bytes of requests that had a connection, compressed")
            .sample(&[], counters.bytes.get());
        page.counter("log_shipper_retried_total", "Events that were sent once more")
            .sample(&[], counters.retried.get());
        page.counter("log_shipper_requests_total", "Requests, by how they ended");
        for outcome in Outcome::ALL {
            page.sample(&[("outcome", outcome.name())], counters.requests(outcome));
        }
        page.counter("log_shipper_dead_letters_total", "Events that the sink will never take, by its reason");
        for (reason, count) in counters.dead_letters() {
            page.sample(&[("reason", &reason)], count);
        }
        page.counter(
            "log_shipper_dropped_total",
            "Dead letters that are nowhere: they were to be discarded, or were refused, too",
        )
        .sample(&[], counters.dropped.get());
        if let Some((up, since)) = counters.up() {
            let since = since.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
            page.gauge("log_shipper_sink_up", "Whether the sink takes events").sample(&[], u8::from(up));
            page.gauge("log_shipper_sink_since_seconds", "Since when that is so").sample(&[], since);
        }
    }
}
