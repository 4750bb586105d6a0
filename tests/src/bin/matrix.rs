//! Prints what `make test-engines` has seen.

#![forbid(unsafe_code)]

fn main() -> anyhow::Result<()> {
    print!("{}", e2e::matrix::table()?);
    Ok(())
}
