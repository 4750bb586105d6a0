//! What the admin endpoint tells.

use chassis::admin::Service;
use chassis::exposition::Exposition;

#[derive(Default)]
pub struct Status {}

impl Service for Status {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> String {
        Exposition::new().finish()
    }
}
