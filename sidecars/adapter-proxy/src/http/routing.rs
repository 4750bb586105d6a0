//! Where the requests of a listener go.

use crate::cluster::Cluster;
use crate::config::{self, To};
use crate::filter::Workers;
use crate::route::{Asked, Parts, Route, Routes};
use std::rc::Rc;

/// What a configuration says of a listener's requests.
#[derive(Default)]
pub struct Routing {
    /// Where what no route takes goes
    pub default: Option<Rc<Cluster>>,
    pub routes: Routes,
    /// Of each route
    leads: Vec<Lead>,
    /// Who deals with bodies, if there is anything to deal with
    pub workers: Option<Rc<Workers>>,
}

/// Where a route leads, and what workers do for it, as [`crate::filter::Tasks`] counts that.
pub struct Lead {
    pub cluster: Option<Rc<Cluster>>,
    /// With the request's body
    pub request: Option<u32>,
    /// With that of an answer, of each of `responses`
    pub responses: Vec<Option<u32>>,
}

impl Routing {
    /// For `listener`. `cluster` finds one by its name, and `task` is the number of the listener's first one.
    pub fn new(
        listener: &config::Listener,
        cluster: impl Fn(&str) -> Option<Rc<Cluster>>,
        workers: Option<Rc<Workers>>,
        mut task: u32,
    ) -> Self {
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
            request: next(route.request.body.is_some()),
            responses: route.responses.iter().map(|response| next(response.body.is_some())).collect(),
        });
        let leads = leads.collect();
        Self { default, routes: Routes::new(&listener.routes), leads, workers }
    }

    /// The route that takes a request, with its number.
    pub fn find<'a>(&'a self, asked: &Asked<'a>) -> Option<(usize, &'a Route, Parts<'a>)> {
        self.routes.find(asked)
    }

    pub fn lead(&self, route: usize) -> Option<&Lead> {
        self.leads.get(route)
    }
}
