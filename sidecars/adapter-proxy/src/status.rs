//! What the admin endpoint tells.

use adapter_proxy::http::{self, Http};
use chassis::admin::Service;
use chassis::exposition::Exposition;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Default)]
pub struct Status {
    /// What all listeners that speak HTTP share, each
    pub http: RefCell<Vec<Rc<Http>>>,
}

impl Service for Status {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> String {
        let mut page = Exposition::new();
        http::write_metrics(&self.http.borrow(), &mut page);
        page.finish()
    }
}
