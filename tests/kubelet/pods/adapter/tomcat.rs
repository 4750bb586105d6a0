//! The preset `tomcat`, of a Tomcat.

use super::{PERIOD, PROXY};
use crate::{Node, war_tomcat};
use e2e::sidecar::metric;
use kubelet::http;
use kubelet::manifest::Manifest;
use kubelet::pod::Pod;
use std::net::SocketAddr;
use std::time::Duration;

fn page(pod: &Pod) -> anyhow::Result<String> {
    Ok(http::get(SocketAddr::new(pod.ip()?, 9631), "/metrics", Duration::from_secs(20))?.body)
}

#[test]
fn the_preset_has_what_its_manager_says() {
    let _turn = war_tomcat::turn();
    let node = Node::with_image(PROXY);
    war_tomcat::images::load(&node).unwrap();
    let manifest = Manifest::parse(include_str!("tomcat.yaml")).unwrap();
    let mut pod = Pod::start(&node.containerd, &node.cri, manifest).unwrap();
    // An adapter that has begun answers whether its target is there or not.
    let is_up = |pod: &mut Pod| Ok(page(pod).is_ok_and(|page| page.contains("adapter_up{target=\"tomcat\"} 1")));
    pod.until("the manager answers", PERIOD, is_up).unwrap_or_else(|error| {
        panic!("{error:#}: {:?}\n{}\n{}", page(&pod), pod.log("tomcat").unwrap(), pod.log(PROXY).unwrap())
    });
    let before = page(&pod).unwrap();
    let value = |page: &str, name: &str| metric(page, name).unwrap_or_else(|| panic!("no {name} in {page}"));
    let connector = "{name=\"http-nio-8080\"}";
    assert!(value(&before, &format!("tomcat_threads_busy_threads{connector}")) >= 1.0, "the one that answers");
    assert!(value(&before, &format!("tomcat_threads_config_max_threads{connector}")) >= 1.0);
    assert!(value(&before, "tomcat_jvm_memory_total_bytes") > 1e6);
    assert!(before.lines().filter(|line| line.starts_with("jvm_memory_used_bytes{area=\"heap\",id=")).count() >= 2);
    assert!(before.contains("adapter_values_unusable{target=\"tomcat\"} 0\n"), "{before}");
    // It counts a request once it is answered.
    let requests = format!("tomcat_global_request_seconds_count{connector}");
    let after = page(&pod).unwrap();
    assert!(value(&after, &requests) > value(&before, &requests), "{before}\n{after}");
    pod.delete().unwrap();
}
