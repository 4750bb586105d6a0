use crate::Architecture;
use e2e::elf::expect_safe_segments;

pub fn is_small_safe_and_for(architecture: &Architecture) {
    let file = std::fs::read(architecture.program()).unwrap();
    assert_eq!(expect_safe_segments(&file), architecture.identity);
    assert!(file.len() <= 1024, "{} bytes", file.len());
}
