//! war-copy from outside: the built program, on volumes of every kind.

mod run;

mod atomic;
mod attributes;
mod command_line;
mod contents;
mod cp;
mod image;
mod kill;
mod links;
mod memory;
mod merge;
mod names;
mod owners;
mod progress;
mod races;
mod same;
mod staging;
mod stop;
mod sync;
mod verified;
mod volumes;
