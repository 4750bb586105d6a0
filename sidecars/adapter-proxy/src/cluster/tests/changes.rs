//! Endpoints that come, stay and leave.

use super::{cluster, counts, endpoint, port, ports, settings};
use crate::cluster::{Failure, metrics, page};
use chassis::exposition::Exposition;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(start_paused = true)]
async fn who_stays_keeps_its_state() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:2'], balance: round-robin}");
    let (one, two) = (endpoint(&cluster, 1), endpoint(&cluster, 2));
    ports(&cluster, 10);
    let mut held = cluster.choose(std::slice::from_ref(&two)).unwrap();
    held.failed(Failure::Broken);
    cluster.reconfigure(&settings(
        "{endpoints: ['127.0.0.1:3', {at: '127.0.0.1:1', weight: 7, backup: true}], balance: round-robin}",
    ));
    assert!(Rc::ptr_eq(&one, &endpoint(&cluster, 1)));
    assert_eq!((one.busy(), one.weight.get(), one.backup.get(), one.outlier.failures().0), (1, 7, true, 1));
    assert!(!one.has_left() && two.has_left());
    timeout(Duration::from_secs(1), two.left()).await.unwrap();
    assert_eq!(counts(&ports(&cluster, 10)).into_keys().collect::<Vec<_>>(), [3]);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_may_end_what_it_has_begun() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1']}");
    let mut held = cluster.choose(&[]).unwrap();
    let left = {
        let endpoint = held.endpoint().clone();
        async move { endpoint.left().await }
    };
    let mut left = std::pin::pin!(left);
    assert!(timeout(Duration::from_secs(1), &mut left).await.is_err());
    cluster.reconfigure(&settings("{endpoints: ['127.0.0.1:2']}"));
    timeout(Duration::from_secs(1), left).await.unwrap();
    assert_eq!(ports(&cluster, 10), [2; 10]);
    assert!(page(std::slice::from_ref(&cluster)).contains("\"leaving\""));
    held.succeeded();
    drop(held);
    assert!(!page(std::slice::from_ref(&cluster)).contains("\"leaving\""));
}

/// An address that is written twice is one endpoint; and one that comes late does not get all turns until it has as many.
#[test]
fn new_ones() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1', '127.0.0.1:1'], balance: round-robin}");
    assert_eq!(ports(&cluster, 100), [1; 100]);
    cluster.reconfigure(&settings("{endpoints: ['127.0.0.1:1', '127.0.0.1:2'], balance: round-robin}"));
    assert_eq!(cluster.members.list().len(), 2);
    assert_eq!(counts(&ports(&cluster, 10)).into_values().collect::<Vec<_>>(), [5, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_gone() {
    let cluster = cluster("{endpoints: ['127.0.0.1:1']}");
    let mut held = cluster.choose(&[]).unwrap();
    drop(cluster);
    assert!(held.endpoint().has_left());
    held.failed(Failure::Connect);
    assert_eq!((port(held.endpoint()), held.endpoint().busy()), (1, 1));
}

#[test]
fn what_is_told() {
    let clusters = [cluster("{endpoints: ['127.0.0.1:1', 'unix:/a \"b\".sock']}"), cluster("{endpoints: ['[::1]:1']}")];
    let json: serde_json::Value = serde_json::from_str(&page(&clusters)).unwrap();
    let of = |field: &str| json.as_array().unwrap().iter().map(|line| line[field].clone()).collect::<Vec<_>>();
    assert_eq!(of("address"), ["127.0.0.1:1", "unix:/a \"b\".sock", "[::1]:1"]);
    assert_eq!((of("state"), of("busy")), (vec!["up".into(); 3], vec![0.into(); 3]));
    let mut exposition = Exposition::new();
    metrics(&clusters, &mut exposition);
    let text = exposition.finish();
    let mut families: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let count = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), count, "each family is written once");
    let up = "adapter_proxy_endpoint_up{cluster=\"test\",endpoint=\"[::1]:1\",address=\"[::1]:1\"} 1";
    assert!(text.contains(up), "{text}");
}
