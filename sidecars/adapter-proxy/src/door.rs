//! A listener that is served.

use adapter_proxy::cluster::Cluster;
use adapter_proxy::complaint::Complaint;
use adapter_proxy::config::{self, Protocol};
use adapter_proxy::listener::Listener;
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
    listener: Listener,
    traffic: Rc<Traffic>,
    /// What is followed by connections that come later
    settings: RefCell<(config::Listener, Rc<Cluster>)>,
    shared: Rc<tcp::Shared>,
    ended: Rc<Notify>,
}

impl Door {
    /// Takes connections from now on. Within a `LocalSet`.
    pub fn open(
        listener: Listener,
        settings: (config::Listener, Rc<Cluster>),
        traffic: Rc<Traffic>,
        shared: &Rc<tcp::Shared>,
        ended: &Rc<Notify>,
    ) -> Self {
        let (settings, shared, ended) = (RefCell::new(settings), shared.clone(), ended.clone());
        let opened = Rc::new(Opened { listener, traffic, settings, shared, ended });
        let accepting = spawn_local(accept(opened.clone())).abort_handle();
        Self { opened, accepting }
    }

    /// Other settings, for connections that come from now on.
    ///
    /// # Errors
    /// When they cannot be applied.
    pub fn follow(&self, settings: config::Listener, cluster: Rc<Cluster>) -> Result<()> {
        if settings.mode != self.opened.settings.borrow().0.mode {
            self.opened.listener.set_mode(Mode::from_raw_mode(settings.mode))?;
        }
        self.opened.settings.replace((settings, cluster));
        self.opened.ended.notify_waiters(); // there may be room for more of them now
        Ok(())
    }

    pub fn traffic(&self) -> &Rc<Traffic> {
        &self.opened.traffic
    }

    /// The name of the cluster that it leads to.
    pub fn cluster(&self) -> Rc<str> {
        self.opened.settings.borrow().1.name.clone()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(door: Rc<Opened>) {
    let troubles = Complaint::default();
    loop {
        while door.traffic.open() >= door.settings.borrow().0.max_connections {
            door.ended.notified().await;
        }
        match door.listener.accept().await {
            Ok(stream) => door.serve(stream),
            Err(error) => {
                let listener = &door.traffic.listener;
                troubles.say(format_args!("cannot take a connection to {listener}: {error}"));
                // There is no descriptor left, for one, until a connection ends or somebody else has closed some.
                tokio::select! {
                    () = door.ended.notified() => {}
                    () = sleep(Duration::from_millis(100)) => {}
                }
            }
        }
    }
}

impl Opened {
    fn serve(&self, stream: Stream) {
        let connection = Connection::of(&self.traffic);
        let (settings, cluster) = &*self.settings.borrow();
        match settings.protocol {
            Protocol::Tcp => {
                let (cluster, shared) = (cluster.clone(), self.shared.clone());
                spawn_local(tcp::serve(stream, connection, cluster, settings.idle_timeout, shared));
            }
        }
    }
}
