//! log-shipper from outside: the built program, real logs, and a sink that is as strict as Elasticsearch.

mod decode;
mod enrich;
mod exactly_once;
mod files;
mod identity;
mod image;
mod life;
mod logrotate;
mod memory;
mod rotation;
mod reload;
mod sink;
mod sink_faults;
mod state;
mod to_stdout;
