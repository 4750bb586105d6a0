//! HTTP/1.1 through it.

mod answers;
mod desync;
mod failures;
mod faults;
mod heads;
mod leaving;
mod life;
mod log;
mod memory;
mod once;
mod patience;
mod refusals;
mod reload;
mod suspects;
mod upgrades;
mod uploads;
mod websocket;
