//! What the admin endpoint tells.

use adapter_proxy::cluster::{self, Cluster};
use chassis::admin::{Page, Service};
use chassis::exposition::Exposition;
use std::rc::Rc;

#[derive(Default)]
pub struct Status {
    pub clusters: Vec<Rc<Cluster>>,
}

impl Service for Status {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> String {
        let mut page = Exposition::new();
        cluster::metrics(&self.clusters, &mut page);
        page.finish()
    }

    fn page(&self, path: &str) -> Option<Page> {
        let body = || cluster::page(&self.clusters);
        (path == "/endpoints").then(|| Page { content_type: "application/json", body: body() })
    }
}
