//! The server, asked over the line as a client would.

use super::{Authority, Fault, How, Server, Verdict};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

const BULK: &str = "/logs-app-default/_bulk?filter_path=errors,items.*.status,items.*.error";
const NDJSON: &str = "content-type: application/x-ndjson\r\n";

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Sends a request, and reads one answer by its length.
fn ask(
    stream: &mut (impl Read + Write),
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<(u16, Value)> {
    let head = format!("{method} {target} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat())?;
    answer(stream)
}

fn answer(stream: &mut impl Read) -> io::Result<(u16, Value)> {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok((status.unwrap(), serde_json::from_slice(&body).unwrap_or_default()))
}

/// Documents with these numbers, which are their ids, too.
fn documents(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let document = |number| {
        format!(
            "{{\"create\":{{\"_id\":\"{number}\"}}}}\n{{\"@timestamp\":\"2026-11-21T18:03:02Z\",\"message\":\"n={number}\"}}\n"
        )
    };
    numbers.map(document).collect::<String>().into()
}

#[test]
fn documents_are_stored_and_answered_for() {
    let server = Server::start();
    let mut stream = connect(&server);
    let (status, said) = ask(&mut stream, "POST", BULK, NDJSON, &documents(0..2)).unwrap();
    let expected = r#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#;
    assert_eq!((status, said.to_string().as_str()), (200, expected));
    let (_, said) = ask(&mut stream, "POST", "/logs-app-default/_bulk", NDJSON, &documents(1..3)).unwrap();
    assert_eq!((&said["errors"], &said["items"][0]["create"]["status"]), (&true.into(), &409.into()));
    assert_eq!(said["items"][1]["create"]["_id"], "2");
    server.until_stored(3);
    let search = |stream: &mut _, index: &str, query: &str| {
        let (status, said) = ask(stream, "GET", &format!("/{index}/_search?{query}"), "", b"").unwrap();
        (status, said.to_string())
    };
    let found = search(&mut stream, "logs-app-default", "_source=message&filter_path=hits.hits._source&size=2");
    let expected = r#"{"hits":{"hits":[{"_source":{"message":"n=0"}},{"_source":{"message":"n=1"}}]}}"#;
    assert_eq!(found, (200, expected.into()));
    let (status, said) = search(&mut stream, "logs-none-default", "");
    assert!(status == 404 && said.contains("index_not_found_exception"), "{said}");
    let (status, said) = search(&mut stream, "logs-app-default", "sort=x");
    assert!(status == 400 && said.contains("unrecognized parameter: [sort]"), "{said}");
    server.with(|state| {
        assert_eq!(state.store.messages("logs-app-default"), ["n=0", "n=1", "n=2"]);
        assert_eq!((state.connections, state.requests.len(), state.requests[1].items), (1, 5, 2));
        assert_eq!((state.store.conflicts, state.store.numbers.extra()), (1, 0));
    });
}

#[test]
fn what_is_not_asked_rightly_is_refused() {
    let server = Server::start();
    let mut stream = connect(&server);
    let body = documents(0..1);
    for (method, target, headers, status, why) in [
        ("GET", BULK, NDJSON, 405, "allowed: [POST, PUT]"),
        ("POST", "/x/_bluk", NDJSON, 400, "no handler found"),
        ("POST", BULK, "", 406, "Content-Type header [] is not supported"),
        ("POST", BULK, "content-type: text/plain\r\n", 406, "[text/plain]"),
        ("POST", "/x/_bulk?filterpath=x", NDJSON, 400, "unrecognized parameter: [filterpath]"),
        ("POST", "/_bulk", NDJSON, 400, "index is missing"),
        ("POST", BULK, "content-type: application/x-ndjson\r\ncontent-encoding: gzip\r\n", 400, "i_o_exception"),
        ("POST", BULK, "content-type: application/x-ndjson\r\ncontent-encoding: zstd\r\n", 400, "i_o_exception"),
    ] {
        let (seen, said) = ask(&mut stream, method, target, headers, &body).unwrap();
        assert!(seen == status && said.to_string().contains(why), "{target} {headers}: {seen} {said}");
    }
    let (status, said) = ask(&mut stream, "POST", BULK, NDJSON, &body[..body.len() - 1]).unwrap();
    assert_eq!((status, &said["error"]["root_cause"][0]["type"]), (400, &"illegal_argument_exception".into()));
    server.with(|state| {
        state.authorization = Some("ApiKey secret".into());
        assert_eq!(state.store.stored(), 0);
        assert!(state.requests.iter().all(|request| request.status >= 400));
    });
    for (headers, expected) in
        [("", 401), ("authorization: ApiKey wrong\r\n", 401), ("authorization: ApiKey secret\r\n", 200)]
    {
        assert_eq!(ask(&mut stream, "POST", BULK, &format!("{NDJSON}{headers}"), &body).unwrap().0, expected);
    }
    server.with(|state| state.max_content = Some(100));
    server.with(|state| state.authorization = None);
    assert_eq!(ask(&mut stream, "POST", BULK, NDJSON, &documents(0..10)).unwrap().0, 413);
    assert_eq!(server.with(|state| state.store.stored()), 1);
}

#[test]
fn compressed_and_in_chunks() {
    let server = Server::start();
    let mut stream = connect(&server);
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(&documents(0..1000)).unwrap();
    let mut zstd = Vec::with_capacity(1 << 20);
    zstd_safe::compress(&mut zstd, &documents(1000..2000), 1).unwrap();
    for (encoding, body) in [("gzip", encoder.finish().unwrap()), ("zstd", zstd)] {
        let headers = format!("{NDJSON}content-encoding: {encoding}\r\n");
        assert_eq!(ask(&mut stream, "POST", BULK, &headers, &body).unwrap().0, 200);
    }
    let body = documents(2000..3000);
    stream.write_all(format!("POST {BULK} HTTP/1.1\r\n{NDJSON}transfer-encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    for chunk in body.chunks(999) {
        stream.write_all(&[format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(answer(&mut stream).unwrap().0, 200);
    server.with(|state| {
        assert_eq!((state.store.numbers.seen(), state.store.numbers.extra()), (3000, 0));
        assert!(state.requests[0].length.0 * 4 < state.requests[0].length.1);
    });
}

#[test]
fn over_tls() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Server::start_tls(&authority);
    assert!(server.url().starts_with("https://127.0.0.1:"));
    for (believed, expected) in [(&authority, true), (&other, false)] {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(believed.pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, connect(&server));
        let answered = ask(&mut stream, "POST", BULK, NDJSON, &documents(0..1));
        assert_eq!(answered.is_ok_and(|(status, _)| status == 200), expected);
    }
}

#[test]
fn items_of_which_the_test_decides() {
    let server = Server::start();
    server.judge(|item| if item.number == Some(1) { Verdict::Busy } else { Verdict::Store });
    let (_, said) = ask(&mut connect(&server), "POST", BULK, NDJSON, &documents(0..3)).unwrap();
    let statuses: Vec<_> = (0..3).map(|at| said["items"][at]["create"]["status"].as_u64().unwrap()).collect();
    assert_eq!((&said["errors"], statuses), (&true.into(), vec![201, 429, 201]));
}

#[test]
fn faults_come_when_they_are_asked_for() {
    let server = Server::start();
    let ask = || ask(&mut connect(&server), "POST", BULK, NDJSON, &documents(0..2));
    let stored = || server.with(|state| state.store.stored());
    server.next(1, Fault::status(429).with("retry-after", "1"));
    server.next(1, Fault::redirect("http://127.0.0.1:1/"));
    assert_eq!((ask().unwrap().0, ask().unwrap().0), (429, 307));
    for how in [How::Close, How::HalfClose, How::Reset, How::Short] {
        server.next(1, Fault::instead(how.clone()));
        let error = ask().unwrap_err().kind();
        let expected = if matches!(how, How::Reset) { ErrorKind::ConnectionReset } else { ErrorKind::UnexpectedEof };
        assert_eq!(error, expected, "{how:?}");
    }
    server.next(1, Fault::instead(How::NotJson));
    assert_eq!(ask().unwrap(), (200, Value::Null));
    assert_eq!(stored(), 0);
    server.next(1, Fault::after_storing(How::Close));
    assert_eq!((ask().unwrap_err().kind(), stored()), (ErrorKind::UnexpectedEof, 2));
    for how in [How::Slowly(Duration::from_micros(10)), How::Cut] {
        server.next(1, Fault::after_storing(how.clone()));
        let (status, said) = ask().unwrap();
        assert_eq!((status, said.is_null()), (200, matches!(how, How::Cut)));
    }
    server.always(Fault::status(503));
    assert_eq!([(); 5].map(|()| ask().unwrap().0), [503; 5]);
    server.recover();
    assert_eq!(ask().unwrap().0, 200);
}

#[test]
fn one_that_never_answers() {
    let server = Server::start();
    server.next(1, Fault::after_storing(How::Never));
    let mut stream = connect(&server);
    stream.write_all(format!("POST {BULK} HTTP/1.1\r\n{NDJSON}content-length: 0\r\n\r\n").as_bytes()).unwrap();
    server.until("it is asked", |state| !state.requests.is_empty());
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn down_and_up_again() {
    let server = Server::start();
    let mut stream = connect(&server);
    ask(&mut stream, "POST", BULK, NDJSON, &documents(0..1)).unwrap();
    server.down();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(TcpStream::connect(server.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    server.up();
    let (_, said) = ask(&mut connect(&server), "POST", BULK, NDJSON, &documents(0..1)).unwrap();
    assert_eq!(said["items"][0]["create"]["status"], 409);
}
