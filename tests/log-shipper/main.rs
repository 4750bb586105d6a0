//! log-shipper from outside: the built program, real logs, and a sink that is as strict as Elasticsearch.

mod command_line;
mod decode;
mod ending;
mod enrich;
mod exactly_once;
mod files;
mod identity;
mod image;
mod lag;
mod life;
mod links;
mod logrotate;
mod memory;
mod missed;
mod races;
mod reload;
mod rotation;
mod sink;
mod sink_faults;
mod state;
mod to_stdout;
