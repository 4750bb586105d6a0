//! adapter-proxy from outside: the built program, real clients and real servers.

mod cluster;
mod http;
mod http_answers;
mod http_failures;
mod http_faults;
mod http_refusals;
mod http_suspects;
mod life;
mod real;
mod tcp;
mod unix;
