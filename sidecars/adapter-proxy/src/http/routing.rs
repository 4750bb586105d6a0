//! Where the requests of a listener go, and who makes other bodies of theirs.

use crate::cluster::Cluster;
use crate::config::{self, BodyMapping, To};
use crate::exporter::Fetcher;
use crate::filter::Workers;
use crate::route::{Route, Routes};
use std::rc::Rc;

/// What a configuration says of a listener's requests.
pub struct Routing {
    /// Where what no route takes goes
    pub default: Option<Rc<Cluster>>,
    pub routes: Routes,
    /// Of each route
    leads: Vec<Lead>,
    /// Who deals with bodies, if there is anything to deal with
    pub workers: Option<Rc<Workers>>,
    /// Where what is answered here goes: it has no endpoint
    nowhere: Rc<Cluster>,
}

/// What a page of metrics is made of, and the number of what workers do for it.
pub type Fetched = (Rc<Fetcher>, u32);

/// Where a route leads, and the numbers of what workers do for it, as [`crate::filter::Tasks`] counts.
struct Lead {
    cluster: Option<Rc<Cluster>>,
    page: Option<Fetched>,
    request: Option<u32>,
    /// Of each of its `responses`
    responses: Vec<Option<u32>>,
}

impl Routing {
    /// For `listener`. `cluster` and `page` find one by its name, and `task` is the number of the listener's first one.
    pub fn new(
        listener: &config::Listener,
        cluster: impl Fn(&str) -> Option<Rc<Cluster>>,
        page: impl Fn(&str) -> Option<Fetched>,
        workers: Option<Rc<Workers>>,
        mut task: u32,
    ) -> Rc<Self> {
        let default = listener.cluster.as_deref().and_then(&cluster);
        let mut next = |has: bool| {
            let number = has.then_some(task);
            task += u32::from(has);
            number
        };
        let leads = listener.routes.iter().map(|route| Lead {
            cluster: match &route.to {
                To::Default => default.clone(),
                To::Cluster(name) => cluster(name),
                To::Metrics(_) | To::Answer(_) => None,
            },
            page: if let To::Metrics(name) = &route.to { page(name) } else { None },
            request: next(route.request.body.is_some()),
            responses: route.responses.iter().map(|response| next(response.body.is_some())).collect(),
        });
        let leads = leads.collect();
        let nowhere = Cluster::new("", &config::Cluster::of(vec![]));
        Rc::new(Self { default, routes: Routes::new(&listener.routes), leads, workers, nowhere })
    }

    /// That of the listener's own cluster; empty where it has none.
    pub fn name(&self) -> Rc<str> {
        self.default.as_ref().unwrap_or(&self.nowhere).name.clone()
    }

    pub fn route(&self, number: Option<usize>) -> Option<&Route> {
        self.routes.get(number?)
    }

    /// Where a request goes that a route takes, or none.
    pub fn cluster(&self, route: Option<usize>) -> Rc<Cluster> {
        let to = match route {
            Some(route) => self.leads.get(route).and_then(|lead| lead.cluster.as_ref()),
            None => self.default.as_ref(),
        };
        to.unwrap_or(&self.nowhere).clone()
    }

    /// What a route's page is made of.
    pub fn page(&self, route: usize) -> Option<&Fetched> {
        self.leads.get(route)?.page.as_ref()
    }

    /// Whether another body is made of the request's.
    pub fn maps_request(&self, route: usize) -> bool {
        self.leads.get(route).is_some_and(|lead| lead.request.is_some())
    }

    /// What is made of the request's body.
    pub fn request(&self, route: usize) -> Option<(&BodyMapping, u32)> {
        Some((self.routes.get(route)?.request.body.as_ref()?, self.leads.get(route)?.request?))
    }

    /// What is made of an answer's body by one of the route's `responses`.
    pub fn answer(&self, route: usize, number: usize) -> Option<(&BodyMapping, u32)> {
        let task = *self.leads.get(route)?.responses.get(number)?;
        Some((self.routes.get(route)?.responses.get(number)?.body.as_ref()?, task?))
    }
}
