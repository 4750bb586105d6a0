//! adapter-proxy from outside: the built program, real clients and real servers.

mod cluster;
mod http;
mod http_answers;
mod http_failures;
mod http_refusals;
mod leaving;
mod life;
mod real;
mod tcp;
mod unix;
mod upstreams;
mod websocket;
