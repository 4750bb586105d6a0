//! adapter-proxy from outside: the built program, real clients and real servers.

mod adapter;
mod cluster;
mod command_line;
mod exporter;
mod http;
mod life;
mod real;
mod routes;
mod tcp;
mod unix;
mod upstreams;
