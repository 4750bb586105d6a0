//! From listening to the end.

use crate::args::Settings;
use crate::status::Status;
use adapter_proxy::cluster::Cluster;
use adapter_proxy::config::Protocol;
use adapter_proxy::http::{self, AccessLog, Http};
use adapter_proxy::listener::Listener;
use adapter_proxy::tcp;
use anyhow::Result;
use chassis::stop::Stop;
use chassis::{admin, message};
use std::collections::BTreeMap;
use std::future::pending;
use std::rc::Rc;
use tokio::task::LocalSet;

/// Serves until it is asked to end, and has.
///
/// # Errors
/// When an address is taken.
pub async fn proxy(settings: Settings, stop: &Stop) -> Result<()> {
    let admin = admin::bind(settings.admin)?;
    let status = Rc::new(Status::default());
    let tasks = LocalSet::new();
    let clusters: BTreeMap<_, _> =
        settings.config.clusters.iter().map(|(name, cluster)| (name.clone(), Cluster::new(name, cluster))).collect();
    let log = Rc::new(AccessLog::default());
    for listener in &settings.config.listeners {
        let (socket, cluster) = (Listener::at(&listener.listen).await?, clusters[&listener.cluster].clone());
        message::info(format_args!("listening on {} for the cluster {}", listener.listen, listener.cluster));
        if listener.protocol == Protocol::Http {
            let http = Http::new(listener, cluster, log.clone());
            status.http.borrow_mut().push(http.clone());
            tasks.spawn_local(async move {
                loop {
                    match socket.accept().await {
                        Ok(stream) => drop(tokio::task::spawn_local(http::serve(stream, http.clone()))),
                        Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                    }
                }
            });
            continue;
        }
        tasks.spawn_local(async move {
            loop {
                match socket.accept().await {
                    Ok(stream) => drop(tokio::task::spawn_local(tcp::serve(stream, cluster.clone()))),
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                }
            }
        });
    }
    let answering = async {
        match admin {
            Some(admin) => admin::serve(admin, status).await,
            None => pending().await,
        }
    };
    tasks
        .run_until(async {
            tokio::select! {
                () = answering => {}
                () = stop.asked() => {}
            }
        })
        .await;
    log.finish().await;
    Ok(())
}
