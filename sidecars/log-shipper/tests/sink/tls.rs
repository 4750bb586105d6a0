//! Whose certificates are believed.

use crate::faults::NOBODY;
use crate::server::{Server, Step, stored};
use crate::{batch, deliver, sink, sink_with_state};
use log_shipper::sink::Sink;
use log_shipper::sink::counters::Outcome;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;
use std::fs;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca() -> Ca {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate for this name.
async fn server(ca: &Ca, name: &str, script: impl IntoIterator<Item = Step>) -> Server {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, ca).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Server::on(listener, Some(TlsAcceptor::from(Arc::new(config))), script)
}

/// Waits until connecting has failed that often, while something is being delivered.
async fn cannot_connect(sink: &Sink) {
    tokio::select! {
        () = deliver(sink, batch(["one"])) => panic!("it was delivered"),
        () = async {
            while sink.counters().requests(Outcome::Unreachable) < 2 {
                tokio::task::yield_now().await;
            }
        } => {}
    }
}

#[tokio::test]
async fn a_given_ca_and_large_bodies() {
    let (ca, directory) = (ca(), tempfile::tempdir().unwrap());
    let file = directory.path().join("ca.pem");
    fs::write(&file, ca.pem()).unwrap();
    let mut server = server(&ca, "127.0.0.1", [stored()]).await;
    let sink = sink(&server.url, &json!({"tls": {"verify": "ca", "ca-file": file}, "batch": "1MiB"}));
    for count in [1, 5000, 1] {
        deliver(&sink, batch(vec!["x".repeat(100); count])).await;
        let request = server.request().await;
        assert_eq!((request.connection, request.lines().len()), (0, 2 * count));
    }
}

#[tokio::test]
async fn another_ca_is_not_believed_until_it_is_the_given_one() {
    let (right, wrong, directory) = (ca(), ca(), tempfile::tempdir().unwrap());
    let file = directory.path().join("ca.pem");
    fs::write(&file, wrong.pem()).unwrap();
    let mut server = server(&right, "127.0.0.1", [stored()]).await;
    let sink = sink(&server.url, &json!({"tls": {"verify": "ca", "ca-file": &file}}));
    cannot_connect(&sink).await;
    assert!(server.no_more_requests());
    fs::write(directory.path().join("new"), right.pem()).unwrap();
    fs::rename(directory.path().join("new"), &file).unwrap();
    deliver(&sink, batch(["one"])).await;
    server.request().await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_believed() {
    let (ca, directory) = (ca(), tempfile::tempdir().unwrap());
    let file = directory.path().join("ca.pem");
    fs::write(&file, ca.pem()).unwrap();
    let mut server = server(&ca, "elsewhere", [stored()]).await;
    cannot_connect(&sink(&server.url, &json!({"tls": {"verify": "ca", "ca-file": file}}))).await;
    assert!(server.no_more_requests());
}

#[tokio::test]
async fn the_system_does_not_know_our_ca() {
    let mut server = server(&ca(), "127.0.0.1", [stored()]).await;
    cannot_connect(&sink(&server.url, &json!({}))).await;
    assert!(server.no_more_requests());
}

#[tokio::test]
async fn anyone_is_believed_if_that_is_asked_for() {
    let mut server = server(&ca(), "elsewhere", [stored()]).await;
    deliver(&sink(&server.url, &json!({"tls": {"verify": "none"}})), batch(["one"])).await;
    assert_eq!(server.request().await.lines()[1]["message"], "one");
}

#[tokio::test]
async fn a_server_without_tls_is_none() {
    let mut plain = Server::start([stored()]).await;
    let url = plain.url.replace("http:", "https:");
    let other = Server::start([stored()]).await;
    deliver(&sink_with_state(&[&url, NOBODY, &other.url], &json!({"timeout": "1s"}), None), batch(["one"])).await;
    assert!(plain.no_more_requests());
}
