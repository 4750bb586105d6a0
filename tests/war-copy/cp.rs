//! Under the name of cp: what scripts and pod templates that call cp expect.

use crate::run::{Place, cp, identity, mode, refuse, succeed, tree, write};
use e2e::launch::pipe;
use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

#[test]
fn a_file_into_a_directory_and_under_another_name() {
    let place = Place::new();
    write(place.from.join("sample.war"), "sample");
    succeed(cp(&[&place.from.join("sample.war"), &place.to]));
    succeed(cp(&[&place.from.join("sample.war"), &place.to.join("ROOT.war")]));
    assert_eq!(crate::run::names(&place.to), ["ROOT.war", "sample.war"]);
}

#[test]
fn a_directory_needs_r_and_is_merged() {
    let place = Place::new();
    write(place.from.join("site/index.html"), "new");
    write(place.to.join("site/foreign"), "theirs");
    refuse(cp(&[&place.from.join("site"), &place.to]), 1, &["cp: error: ", "is a directory", "-R copies directories"]);
    for option in ["-r", "-R", "-a", "-Rf", "--recursive"] {
        fs::remove_file(place.to.join("site/index.html")).ok();
        succeed(cp(&[&option, &place.from.join("site"), &place.to]));
        assert_eq!(crate::run::names(&place.to.join("site")), ["foreign", "index.html"], "{option}");
    }
    // `cp -r DIR/. NEW`, as init containers have it
    succeed(cp(&[&"-r", &place.contents(), &place.to.join("new")]));
    assert_eq!(tree(&place.to.join("new")), tree(&place.from));
}

#[test]
fn n_u_i_and_f_say_what_may_be_replaced() {
    let place = Place::new();
    let (from, to) = (place.from.join("a"), place.to.join("a"));
    write(&from, "new");
    write(&to, "old");
    let is = |expected: &str| assert_eq!(fs::read_to_string(&to).unwrap(), expected);
    let age = |path, seconds| {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        File::options().write(true).open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    };
    succeed(cp(&[&"-n", &from, &to]));
    is("old");
    age(&from, 100);
    succeed(cp(&[&"-u", &from, &to]));
    is("old");
    age(&to, 200);
    succeed(cp(&[&"-u", &from, &to]));
    is("new");
    for (answer, expected) in [("n\n", "old"), ("", "old"), ("yes\n", "new")] {
        write(&to, "old");
        let (input, writer) = pipe().unwrap();
        File::from(writer).write_all(answer.as_bytes()).unwrap();
        let said = succeed(cp(&[&"-i", &from, &to]).redirected(0, input));
        assert!(said.contains(&format!("cp: replace {}? ", to.display())), "{said}");
        is(expected);
    }
    write(&to, "old");
    succeed(cp(&[&"-n", &"-i", &"-n", &"-f", &from, &to]));
    is("old");
}

/// Of what is left as it was nothing is expected, whoever said that it is to be left.
#[test]
fn what_may_not_be_replaced_needs_no_digest() {
    let place = Place::new();
    let (from, to) = (place.from.join("s.war"), place.to.join("s.war"));
    write(&from, "new");
    write(place.from.join("s.war.sha256"), e2e::archive::sha256(&from));
    write(&to, "old");
    for option in ["-n", "-i"] {
        let (input, writer) = pipe().unwrap();
        File::from(writer).write_all(b"n\n").unwrap();
        let said = succeed(cp(&[&option, &from, &to]).redirected(0, input));
        assert!(said.contains("1 left as they were"), "{option}: {said}");
        assert_eq!(fs::read_to_string(&to).unwrap(), "old");
    }
}

#[test]
fn p_and_a_keep_modes_and_times() {
    let place = Place::new();
    let (from, to) = (place.from.join("run.sh"), place.to.join("run.sh"));
    write(&from, "#!/bin/sh");
    fs::set_permissions(&from, std::os::unix::fs::PermissionsExt::from_mode(0o751)).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    File::open(&from).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    succeed(cp(&[&from, &to]).with_umask(0o077));
    assert_eq!(mode(&to), 0o700, "the umask counts");
    assert!(fs::metadata(&to).unwrap().modified().unwrap() > time, "now");
    for option in ["-p", "-a"] {
        fs::remove_file(&to).unwrap();
        succeed(cp(&[&option, &from, &to]).with_umask(0o077));
        assert_eq!(mode(&to), 0o751);
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), time, "{option}");
        let before = identity(&to);
        succeed(cp(&[&option, &from, &to]));
        assert_eq!(identity(&to), before, "it is right already");
    }
}

#[test]
fn h_l_and_p_say_which_links_are_followed() {
    let place = Place::new();
    write(place.from.join("tree/file"), "file");
    symlink("file", place.from.join("tree/link")).unwrap();
    symlink("tree", place.from.join("named")).unwrap();
    let named = place.from.join("named");
    for (options, is_link, has_link) in
        [("-R", true, false), ("-RP", true, false), ("-RH", false, true), ("-RL", false, false), ("-RLH", false, true)]
    {
        let to = place.to.join(options);
        succeed(cp(&[&options, &named, &to]));
        assert_eq!(to.is_symlink(), is_link, "{options}");
        assert_eq!(to.join("link").is_symlink(), has_link, "{options}");
    }
    symlink("tree/file", place.from.join("to-file")).unwrap();
    succeed(cp(&[&place.from.join("to-file"), &place.to.join("followed")]));
    assert_eq!(fs::symlink_metadata(place.to.join("followed")).unwrap().len(), 4);
    succeed(cp(&[&"-P", &place.from.join("to-file"), &place.to.join("kept")]));
    assert_eq!(fs::read_link(place.to.join("kept")).unwrap().to_str(), Some("tree/file"));
}

#[test]
fn v_names_every_file() {
    let place = Place::new();
    write(place.from.join("a"), "a");
    let said = succeed(cp(&[&"-v", &place.from.join("a"), &place.to]));
    let line = format!("cp: '{}' -> '{}'", place.from.join("a").display(), place.to.join("a").display());
    assert!(said.starts_with(&line), "{said}");
}

#[test]
fn what_it_does_not_know_it_says_so() {
    for option in ["--reflink=auto", "-x", "-t", "--explode", "--backup"] {
        refuse(cp(&[&option, &"a", &"b"]), 2, &["error: unexpected argument '-", "Usage: cp "]);
    }
    refuse(cp(&[&"a"]), 2, &["cp: error: a is the only path"]);
    refuse(cp(&[]), 2, &["error: "]);
}

/// A pod may well set variables for war-copy on a container that calls cp.
#[test]
fn no_variable_changes_it() {
    let place = Place::new();
    write(place.from.join("a"), "new");
    write(place.to.join("a"), "old");
    succeed(cp(&[&place.from.join("a"), &place.to]).env("WAR_COPY_NO_CLOBBER", "1").env("CP_NO_CLOBBER", "1"));
    assert_eq!(fs::read(place.to.join("a")).unwrap(), b"new");
}
