//! The example `image-volume`: an image mounted where an init container would copy from it.

use crate::Node;
use crate::examples::directory;
use crate::war_tomcat::{images, turn};
use e2e::engine::image;
use kubelet::session::{self, Services};

#[test]
fn the_session() {
    let _turn = turn();
    let node = Node::get();
    images::load(&node).unwrap();
    session::play(&node.containerd, &node.cri, &directory("image-volume"), &Services::default()).unwrap();
}

/// Also where the mount does not say so, and the image is one layer, which is mounted as a directory is.
#[test]
fn an_image_is_read_only() {
    let node = Node::get();
    let spec = format!(
        "  volumes: [{{ name: files, image: {{ reference: {}, pullPolicy: Never }} }}]
  containers:
    - {{ name: app, image: localhost/app:0.1.0, args: [wait], volumeMounts: [{{ name: files, mountPath: /files }}] }}
",
        image("pause")
    );
    let pod = node.start(&spec).unwrap();
    let run = |words: [&str; 4]| pod.exec("app", &words.map(Into::into));
    let error = format!("{:#}", run(["/app", "note", "/files/pause", "text"]).unwrap_err());
    assert!(error.contains("Read-only file system"), "{error}");
}

#[test]
fn an_image_that_is_not_there_is_refused() {
    let node = Node::get();
    for (source, expected) in [
        ("reference: localhost/none:1", "localhost/none:1"),
        ("reference: localhost/pause:0.1.0, pullPolicy: Always", "pulls nothing"),
    ] {
        let spec = format!(
            "  volumes: [{{ name: files, image: {{ {source} }} }}]
  containers: [{{ name: app, image: localhost/app:0.1.0 }}]
"
        );
        let error = format!("{:#}", node.start(&spec).err().unwrap());
        assert!(error.contains("volume files") && error.contains(expected), "{error}");
    }
}
