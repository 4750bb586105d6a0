use super::Fetcher;
use crate::exporter::Body;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

async fn target(more: &str) -> (Fetcher, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let yaml =
        format!("targets: [{{name: a, source: {{talk: \"{address}\", send: x}}, metrics: [{{name: x}}]{more}}}]");
    let page = chassis::config::parse(Path::new("p"), &yaml).unwrap_or_else(|wrong| panic!("{}", wrong.0));
    (Fetcher::new("page", &page), listener)
}

async fn answer(mut stream: TcpStream, text: &str) {
    // Bytes that nobody has read make a close a reset.
    stream.read_exact(&mut [0]).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn body(fetcher: &Fetcher) -> Result<String, String> {
    match &fetcher.fetch().await[0].body {
        Ok(Body::One(bytes)) => Ok(String::from_utf8(bytes.clone()).unwrap()),
        Ok(body) => panic!("{body:?}"),
        Err(wrong) => Err(wrong.clone()),
    }
}

#[tokio::test]
async fn those_who_ask_at_the_same_time_share_an_answer() {
    let (fetcher, listener) = target("").await;
    let serve = async {
        let (first, _) = listener.accept().await.unwrap();
        // All three wait for it now.
        sleep(Duration::from_millis(20)).await;
        answer(first, "1").await;
    };
    let (a, b, c, ()) = tokio::join!(body(&fetcher), body(&fetcher), body(&fetcher), serve);
    assert_eq!((a, b, c), (Ok("1".into()), Ok("1".into()), Ok("1".into())));
    assert!(fetcher.targets[0].last.lock().await.is_none(), "nobody needs it any more");
    let serve = async { answer(listener.accept().await.unwrap().0, "2").await };
    assert_eq!(tokio::join!(body(&fetcher), serve).0, Ok("2".into()), "it is not kept");
}

#[tokio::test]
async fn who_gives_up_leaves_it_to_the_next() {
    let (fetcher, listener) = target("").await;
    let serve = async {
        let (first, _) = listener.accept().await.unwrap();
        let (second, _) = listener.accept().await.unwrap();
        answer(second, "2").await;
        drop(first);
    };
    let impatient = tokio::time::timeout(Duration::from_millis(20), body(&fetcher));
    let (gone, patient, ()) = tokio::join!(impatient, body(&fetcher), serve);
    assert!(gone.is_err());
    assert!(fetcher.targets[0].last.lock().await.is_none());
    assert_eq!(patient, Ok("2".into()));
}

#[tokio::test]
async fn what_is_kept_is_served_until_it_is_old() {
    let (fetcher, listener) = target(", cache: 200ms").await;
    let serve = async |text: &str| answer(listener.accept().await.unwrap().0, text).await;
    // What went wrong is not kept.
    let failed = tokio::join!(body(&fetcher), serve("")).0;
    assert!(failed.is_err_and(|said| said.contains("without an answer")));
    assert_eq!(tokio::join!(body(&fetcher), serve("1")).0, Ok("1".into()));
    assert_eq!(body(&fetcher).await, Ok("1".into()));
    assert!(fetcher.targets[0].last.lock().await.is_some());
    sleep(Duration::from_millis(200)).await;
    assert_eq!(tokio::join!(body(&fetcher), serve("2")).0, Ok("2".into()));
}

#[tokio::test]
async fn one_that_says_nothing_is_not_waited_for() {
    let (fetcher, _listener) = target(", timeout: 30ms").await;
    let all = fetcher.fetch().await;
    assert_eq!(all[0].body, Err("it took longer than 30ms".into()));
    assert!(all[0].took >= Duration::from_millis(30) && all[0].took < Duration::from_secs(3));
}
