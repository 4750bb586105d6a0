//! The documents, held to what they say: their sessions are played, their links followed.

mod figures;
mod flags;
mod links;
mod pages;
mod sessions;
mod shell;
