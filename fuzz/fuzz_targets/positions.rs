//! Any bytes as a file of positions: what is understood is understood in the same way when it was written again, and
//! nothing is understood that has another checksum.
//!
//! A fuzzer finds no checksum, so it is put below what it finds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use log_shipper::positions::Positions;
use sha2::{Digest, Sha256};

fuzz_target!(|bytes: &[u8]| {
    assert!(Positions::parse(bytes).is_err(), "without a checksum");
    let body = [bytes, b"\n".as_slice()].concat();
    let checksum: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let whole = [&body, format!("sha256 {checksum}\n").as_bytes()].concat();
    let Ok(positions) = Positions::parse(&whole) else { return };
    assert_eq!(Positions::parse(positions.to_text().as_bytes()), Ok(positions));
});
