use super::{Read, Tailer};
use crate::batch::Batch;
use crate::config::Input;
use crate::input::generation::Generation;
use crate::route::Passed;
use crate::window::Window;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// A tailer of these patterns, in a directory of its own.
fn tailer(directory: &TempDir, patterns: &[&str]) -> Tailer {
    let files = patterns.iter().map(|pattern| directory.path().join(pattern).display().to_string()).collect();
    Tailer::new(&[Input { files, ..Input::default() }], None, 0).unwrap()
}

fn append(path: &Path, text: &str) {
    let file = File::options().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).unwrap();
}

fn switch(target: &str, link: &Path) {
    let new = link.with_extension("new");
    symlink(target, &new).and_then(|()| fs::rename(new, link)).unwrap();
}

/// All that is new, which is shipped at once.
fn news(tailer: &mut Tailer) -> String {
    tailer.update().unwrap();
    let (records, _) = tailer.records();
    tailer.recorded(&records);
    let (mut text, mut window) = (String::new(), Window::default());
    while let Some(id) = tailer.next(|_| true) {
        if let Read::Nothing = tailer.read(id, &mut window, false) {
            tailer.update().unwrap();
            continue;
        }
        let mut batch = Batch::default();
        let passed = Passed { consumed: window.bytes.len(), waiting: false, stopped: false };
        tailer.decoded(id, &window, &passed, &mut batch);
        tailer.shipped(&batch.reach);
        text += std::str::from_utf8(&window.bytes).unwrap();
    }
    text
}

/// As after a minute in which nobody wrote to them.
fn close_old_files(tailer: &mut Tailer) {
    for log in &mut tailer.logs {
        let old = log.generations.len() - usize::from(log.live);
        log.generations.iter_mut().take(old).for_each(Generation::rest);
    }
}

#[tokio::test]
async fn where_a_link_led_is_written_to_after_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let [a, link] = ["a", "current.log"].map(|name| directory.path().join(name));
    append(&a, "one\n");
    append(&directory.path().join("b"), "two\n");
    switch("a", &link);
    let mut tailer = tailer(&directory, &["current.log"]);
    assert_eq!(news(&mut tailer), "one\n");
    switch("b", &link);
    assert_eq!(news(&mut tailer), "two\n");
    close_old_files(&mut tailer);
    append(&a, "three\n");
    assert_eq!(news(&mut tailer), "three\n");
}

/// Its place is of interest to another pattern, and the new file there may have the number of the old one.
#[tokio::test]
async fn where_a_link_led_is_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let [a, link] = ["x/a.log", "current.log"].map(|name| directory.path().join(name));
    fs::create_dir(directory.path().join("x")).unwrap();
    append(&a, "one\n");
    switch("x/a.log", &link);
    let mut tailer = tailer(&directory, &["current.log", "x/*.log"]);
    assert_eq!(news(&mut tailer), "one\n");
    switch("x/b.log", &link);
    append(&directory.path().join("x/b.log"), "two\n");
    assert_eq!(news(&mut tailer), "two\n");
    close_old_files(&mut tailer);
    fs::remove_file(&a).unwrap();
    append(&a, "three\n");
    assert_eq!(news(&mut tailer), "three\n");
    append(&a, "four\n");
    append(&directory.path().join("x/b.log"), "five\n");
    let both = news(&mut tailer);
    assert!(both.contains("four\n") && both.contains("five\n"), "{both}");
}

/// It was a log by its own name before a link led to it.
#[tokio::test]
async fn a_link_leads_to_another_log() {
    let directory = tempfile::tempdir().unwrap();
    let [b, link] = ["x/b.log", "current.log"].map(|name| directory.path().join(name));
    fs::create_dir(directory.path().join("x")).unwrap();
    append(&directory.path().join("x/a.log"), "one\n");
    switch("x/a.log", &link);
    let mut tailer = tailer(&directory, &["current.log", "x/*.log"]);
    assert_eq!(news(&mut tailer), "one\n");
    append(&b, "two\n");
    assert_eq!(news(&mut tailer), "two\n");
    switch("x/b.log", &link);
    assert_eq!(news(&mut tailer), "");
    append(&b, "three\n");
    assert_eq!(news(&mut tailer), "three\n");
}
