//! Any bytes as the answer of a name server: what is understood is one or more addresses that one can connect to.
//!
//! A fuzzer finds no id, so it is put in.

#![no_main]

use adapter_proxy::cluster::dns::wire::{Kind, Reply, is_answer, query, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let query = query("redis.test", Kind::A, true).expect("a name");
    let mut answer = bytes.to_vec();
    if let Some(id) = answer.first_chunk_mut() {
        *id = query.header().id().to_be_bytes();
    }
    let _ = is_answer(&query, &answer);
    if let Some(Reply::Addresses(addresses, _)) = read(&answer) {
        assert!(!addresses.is_empty() && addresses.iter().all(|address| !address.is_unspecified()));
    }
});
