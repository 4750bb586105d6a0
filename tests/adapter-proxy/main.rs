//! adapter-proxy from outside: the built program, real clients and real servers.

mod cluster;
mod http;
mod http_answers;
mod http_desync;
mod http_failures;
mod http_faults;
mod http_life;
mod http_memory;
mod http_refusals;
mod http_suspects;
mod http_upgrades;
mod http_uploads;
mod leaving;
mod life;
mod real;
mod tcp;
mod unix;
mod upstreams;
mod websocket;
