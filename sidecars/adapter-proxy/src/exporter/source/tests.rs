use super::{Body, Source};
use crate::config::metrics::Page;
use std::fs;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::time::timeout;

fn source(yaml: &str) -> Source {
    let yaml = format!("targets: [{{name: a, max-body: 100, source: {yaml}, metrics: [{{name: x}}]}}]");
    let page: Page = chassis::config::parse(Path::new("p"), &yaml).unwrap_or_else(|wrong| panic!("{}", wrong.0));
    Source::new(&page.targets[0])
}

/// Takes a connection for each of the answers, and says what was asked.
async fn serve(listener: TcpListener, answers: &[&str]) -> Vec<String> {
    let mut asked = vec![];
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        asked.push(exchange(&mut stream, answer).await);
    }
    asked
}

async fn exchange(stream: &mut TcpStream, answer: &str) -> String {
    let mut asked = vec![0; 4096];
    let length = stream.read(&mut asked).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
    asked.truncate(length);
    String::from_utf8(asked).unwrap()
}

/// What the source has when it gets these answers, and what it asked.
async fn read(yaml: &str, answers: &[&str]) -> (Result<Body, String>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = source(&yaml.replace("ADDRESS", &listener.local_addr().unwrap().to_string()));
    tokio::join!(source.read(), serve(listener, answers))
}

fn one(body: &str) -> Body {
    Body::One(body.into())
}

#[tokio::test]
async fn http() {
    let get = "{http: \"http://ADDRESS/s?x\"}";
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi there", Ok(one("hi"))),
        ("HTTP/1.0 200 OK\r\n\r\nup to the end", Ok(one("up to the end"))),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n2;x\r\nel\r\n0\r\n\r\n", Ok(one("hel"))),
        ("HTTP/1.1 103 Early\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Ok(one(""))),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi", Err("the body of the answer is cut off".into())),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhi",
            Err("the body of the answer is cut off".into()),
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n", Err("the body of the answer is cut off".into())),
        ("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", Err("status 503".into())),
        ("+PONG\r\n\r\n", Err("the answer is no HTTP/1.1".into())),
        ("HTTP/1.1 200 OK\n\n", Err("bare LF".into())),
        ("HTTP/1.1 2", Err("closed before an answer".into())),
    ] {
        let (body, asked) = read(get, &[answer]).await;
        match expected {
            Ok(_) => assert_eq!(body, expected, "{answer:?}"),
            Err(expected) => {
                let said = body.unwrap_err();
                assert!(said.starts_with("GET /s?x: ") && said.contains(&expected), "{answer:?}: {said}");
            }
        }
        let [asked] = &asked[..] else { panic!("{asked:?}") };
        assert!(asked.starts_with("GET /s?x HTTP/1.1\r\nhost: 127.0.0.1:"), "{asked}");
        assert!(asked.ends_with("\r\naccept: */*\r\nconnection: close\r\n\r\n"), "{asked}");
    }
    let long = format!("HTTP/1.0 200 OK\r\n\r\n{}", "x".repeat(101));
    let said = read(get, &[&long]).await.0.unwrap_err();
    assert!(said.contains("longer than 100 bytes\nhint: raise `max-body`"), "{said}");
    let other = "{http: \"http://ADDRESS/\", statuses: [200, 503]}";
    assert_eq!(read(other, &["HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nhi"]).await.0, Ok(one("hi")));
}

#[tokio::test]
async fn secrets_are_read_for_each_request() {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    fs::write(&token, "s3{token}\n").unwrap();
    let yaml = format!(
        "{{http: \"http://ADDRESS/\", method: POST, headers: {{Host: a.b, authorization: \"Bearer {{token}}\"}}, body: \"{{{{a}}: {{token}}\", secrets: {{token: {}}}}}",
        token.display()
    );
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let asked = read(&yaml, &[answer]).await.1.join("");
    assert!(asked.starts_with("POST / HTTP/1.1\r\nuser-agent: "), "{asked}");
    assert!(asked.contains("\r\nHost: a.b\r\nauthorization: Bearer s3{token}\r\ncontent-length: 15\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\n{{a}: s3{token}"), "{asked}");
    fs::write(&token, "two\nlines").unwrap();
    let said = source(&yaml.replace("ADDRESS", "127.0.0.1:1")).read().await.unwrap_err();
    assert!(said.contains("`authorization` would have a line end") && !said.contains("lines"), "{said}");
    fs::remove_file(&token).unwrap();
    let said = source(&yaml.replace("ADDRESS", "127.0.0.1:1")).read().await.unwrap_err();
    assert!(said.contains("hint: mount the Secret there"), "{said}");
}

#[tokio::test]
async fn a_page_for_each_name() {
    let yaml = "{http: \"http://ADDRESS/m/{name}\", names: [a.b, c, d]}";
    let found = |body: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let (body, asked) = read(yaml, &[&found("1"), missing, &found("22")]).await;
    assert_eq!(body, Ok(Body::Named(vec![("a.b".into(), b"1".to_vec()), ("d".into(), b"22".to_vec())])));
    assert!(asked[0].starts_with("GET /m/a.b ") && asked[2].starts_with("GET /m/d "), "{asked:?}");
    let said = read(yaml, &[missing, missing, missing]).await.0.unwrap_err();
    assert!(said.contains("none of the names is there"), "{said}");
    let half = "x".repeat(60);
    let said = read(yaml, &[&found(&half), &found(&half)]).await.0.unwrap_err();
    assert!(said.contains("longer than 40 bytes"), "{said}");
}

#[tokio::test]
async fn over_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let source = source(&format!("{{unix: {}, path: /x}}", path.display()));
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 256];
        let length = stream.read(&mut asked).await.unwrap();
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhi").await.unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    };
    let (body, asked) = tokio::join!(source.read(), serve);
    assert_eq!(body, Ok(one("hi")));
    assert!(asked.starts_with("GET /x HTTP/1.1\r\nhost: localhost\r\n"), "{asked}");
}

#[tokio::test]
async fn talk() {
    for (until, answer, expected) in [
        ("close", "a: b\n", Ok("a: b\n")),
        ("close", "", Err("without an answer")),
        ("redis-reply", "+OK\r\n$4\r\na:b\n\r\n", Ok("a:b\n")),
        ("redis-reply", "-NOAUTH\r\n", Err("it answers: NOAUTH")),
        ("redis-reply", "$4\r\na", Err("its answer is cut off")),
        ("{text: \"END\\r\\n\"}", "STAT a 1\r\nEND\r\nmore", Ok("STAT a 1\r\n")),
        ("{text: END}", "STAT a 1\r\n", Err("its answer is cut off")),
    ] {
        let (body, asked) =
            read(&format!("{{talk: \"ADDRESS\", send: \"stats\\r\\n\", until: {until}}}"), &[answer]).await;
        match expected {
            Ok(expected) => assert_eq!(body, Ok(Body::One(expected.into())), "{answer:?}"),
            Err(expected) => assert!(body.as_ref().is_err_and(|said| said.ends_with(expected)), "{answer:?}: {body:?}"),
        }
        assert_eq!(asked, ["stats\r\n"]);
    }
    for until in ["close", "{text: END}"] {
        let yaml = format!("{{talk: \"ADDRESS\", send: x, until: {until}}}");
        let said = read(&yaml, &[&"x".repeat(4000)]).await.0.unwrap_err();
        assert!(said.contains("longer than 100 bytes"), "{said}");
    }
}

/// The end of an answer comes in two pieces.
#[tokio::test]
async fn an_end_in_pieces() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let source = source(&format!("{{talk: \"{address}\", send: x, until: {{text: END}}}}"));
    let mut reading = pin!(source.read());
    let (mut stream, _) = tokio::select! {
        accepted = listener.accept() => accepted.unwrap(),
        body = &mut reading => panic!("{body:?}"),
    };
    stream.set_nodelay(true).unwrap();
    stream.write_all(b"a EN").await.unwrap();
    assert!(timeout(Duration::from_millis(50), &mut reading).await.is_err());
    stream.write_all(b"D").await.unwrap();
    assert_eq!(reading.await, Ok(one("a ")));
}

#[tokio::test]
async fn files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("status");
    let read = async || source(&format!("{{file: {}}}", path.display())).read().await;
    assert!(read().await.unwrap_err().contains("status: No such file"));
    fs::write(&path, "x".repeat(100)).unwrap();
    assert_eq!(read().await, Ok(one(&"x".repeat(100))));
    fs::write(&path, "x".repeat(101)).unwrap();
    assert!(read().await.unwrap_err().contains("longer than 100 bytes"));
    fs::remove_file(&path).unwrap();
    let pipe = rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0);
    pipe.unwrap();
    assert!(read().await.unwrap_err().ends_with("status is no file"));
}
