//! A listener that is served.

use adapter_proxy::config::{self, Protocol};
use adapter_proxy::http::{self, AccessLog, Http, Routing};
use adapter_proxy::listener::{Listener, SILENT};
use adapter_proxy::stream::Stream;
use adapter_proxy::tcp;
use adapter_proxy::traffic::{Connection, Traffic};
use anyhow::Result;
use rustix::fs::Mode;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;

/// It takes no more connections when it is dropped; those that it has taken go on.
pub struct Door {
    opened: Rc<Opened>,
    accepting: AbortHandle,
}

struct Opened {
    listener: Rc<Listener>,
    traffic: Rc<Traffic>,
    /// What is followed by connections that come later
    settings: RefCell<(config::Listener, Rc<Routing>)>,
    /// What those that speak HTTP have in common
    http: Rc<Http>,
    shared: Rc<Shared>,
}

/// What all doors share.
#[derive(Default)]
pub struct Shared {
    pub tcp: Rc<tcp::Shared>,
    pub log: Rc<AccessLog>,
    /// Told whenever a connection has ended
    pub ended: Rc<Notify>,
}

impl Door {
    /// Takes connections from now on. Within a `LocalSet`.
    pub fn open(
        listener: Listener,
        settings: (config::Listener, Rc<Routing>),
        traffic: Rc<Traffic>,
        shared: &Rc<Shared>,
    ) -> Self {
        listener.set_client_first(settings.0.protocol == Protocol::Http);
        let http = Http::new(&settings.0, settings.1.clone(), shared.log.clone());
        let (listener, settings, shared) = (Rc::new(listener), RefCell::new(settings), shared.clone());
        let opened = Rc::new(Opened { listener, traffic, settings, http, shared });
        let accepting = spawn_local(accept(opened.clone())).abort_handle();
        Self { opened, accepting }
    }

    /// Other settings, for connections that come from now on.
    ///
    /// # Errors
    /// When they cannot be applied.
    pub fn follow(&self, settings: config::Listener, routing: Rc<Routing>) -> Result<()> {
        if settings.mode != self.opened.settings.borrow().0.mode {
            self.opened.listener.set_mode(Mode::from_raw_mode(settings.mode))?;
        }
        self.opened.listener.set_client_first(settings.protocol == Protocol::Http);
        self.opened.http.follow(&settings, routing.clone());
        self.opened.settings.replace((settings, routing));
        self.opened.shared.ended.notify_waiters(); // there may be room for more of them now
        Ok(())
    }

    /// Hears of each connection at once from now on, and says how long it may be until it has heard of those before.
    pub fn hear_all(&self) -> Duration {
        self.opened.listener.set_client_first(false);
        let may_not_know = matches!(*self.opened.listener, Listener::Tcp(_)) && self.http().is_some();
        if may_not_know { SILENT } else { Duration::ZERO }
    }

    pub fn listener(&self) -> &Rc<Listener> {
        &self.opened.listener
    }

    pub fn traffic(&self) -> &Rc<Traffic> {
        &self.opened.traffic
    }

    /// What it counts of HTTP, if that is what it speaks.
    pub fn http(&self) -> Option<&Rc<Http>> {
        (self.opened.settings.borrow().0.protocol == Protocol::Http).then_some(&self.opened.http)
    }

    /// The name of the cluster that it leads to; empty where only routes lead somewhere.
    pub fn cluster(&self) -> Rc<str> {
        self.opened.settings.borrow().1.name()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(door: Rc<Opened>) {
    loop {
        while door.traffic.open() >= door.settings.borrow().0.max_connections {
            door.shared.ended.notified().await;
        }
        match door.listener.accept().await {
            Ok(stream) => door.serve(stream),
            Err(error) => {
                let (traffic, cluster) = (&door.traffic, door.settings.borrow().1.name());
                let said = format_args!("cannot take a connection to {}: {error}", traffic.listener);
                traffic.complaints.say("accept", &cluster, said);
                // There is no descriptor left, for one, until a connection ends or somebody else has closed some.
                tokio::select! {
                    () = door.shared.ended.notified() => {}
                    () = sleep(Duration::from_millis(100)) => {}
                }
            }
        }
    }
}

impl Opened {
    fn serve(&self, stream: Stream) {
        let connection = Connection::of(&self.traffic);
        let (settings, routing) = &*self.settings.borrow();
        match settings.protocol {
            Protocol::Tcp => {
                let (cluster, shared) = (routing.cluster(None), self.shared.tcp.clone());
                spawn_local(tcp::serve(stream, connection, cluster, settings.idle_timeout, shared));
            }
            Protocol::Http => drop(spawn_local(http::serve(stream, connection, self.http.clone()))),
        }
    }
}
