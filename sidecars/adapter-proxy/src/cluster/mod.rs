//! A cluster: its endpoints, which of them is chosen, and what becomes of those that fail.

mod endpoint;

pub use endpoint::{Endpoint, Failure, Try};

use crate::address::Target;
use crate::config;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display, Formatter};
use std::rc::Rc;

pub struct Cluster {
    pub name: Rc<str>,
    settings: RefCell<config::Cluster>,
    endpoints: RefCell<Vec<Rc<Endpoint>>>,
    turn: Cell<usize>,
}

/// Why there is no endpoint for a try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unavailable {
    /// There are none, or all have been tried
    None,
    /// All of them have as much to do as they may have
    Busy,
}

impl Display for Unavailable {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::None => "it has no endpoint left to try",
            Self::Busy => "its endpoints have all the connections that they may have",
        })
    }
}

impl Cluster {
    pub fn new(name: &str, settings: &config::Cluster) -> Rc<Self> {
        let known = settings.endpoints.iter().filter_map(|one| match &one.at {
            Target::At(address) => Some(Endpoint::new(&address.to_string(), address.clone())),
            Target::Named(..) => None,
        });
        Rc::new(Self {
            name: name.into(),
            settings: RefCell::new(settings.clone()),
            endpoints: RefCell::new(known.collect()),
            turn: Cell::new(0),
        })
    }

    /// The endpoint for one try, which is none of those that have been `tried`.
    ///
    /// # Errors
    /// When there is none.
    pub fn choose(&self, tried: &[Rc<Endpoint>]) -> Result<Try, Unavailable> {
        let endpoints = self.endpoints.borrow();
        let left = || endpoints.iter().filter(|one| !tried.iter().any(|other| Rc::ptr_eq(one, other)));
        let turn = self.turn.replace(self.turn.get().wrapping_add(1));
        let chosen = left().nth(turn % left().count().max(1)).ok_or(Unavailable::None)?;
        Ok(Try::of(chosen.clone()))
    }

    pub fn connect_timeout(&self) -> std::time::Duration {
        self.settings.borrow().connect_timeout
    }
}
