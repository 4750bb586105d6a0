//! adapter-proxy from outside: the built program, real clients and real servers.

mod http;
mod http_answers;
mod http_failures;
mod http_refusals;
mod life;
