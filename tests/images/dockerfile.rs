use anyhow::{Context, Result, ensure};
use e2e::command::output;
use e2e::engine::Engine;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Stands in for the Rust image, where none can be pulled.
const STAND_IN: &str = "localhost/rust-stand-in";
const BUILT: &str = "localhost/built-by-dockerfile";

/// What the test leaves in the engine, removed also when it fails.
struct Images<'a> {
    engine: &'a Engine,
    /// Untagged images there were before; the builder leaves one for each step
    untagged: BTreeSet<String>,
}

impl<'a> Images<'a> {
    fn new(engine: &'a Engine) -> Self {
        Self { engine, untagged: untagged(engine) }
    }
}

impl Drop for Images<'_> {
    fn drop(&mut self) {
        let left = untagged(self.engine);
        let left = left.difference(&self.untagged).map(String::as_str);
        for image in [BUILT].into_iter().chain(left).chain([STAND_IN]) {
            let _ = self.engine.run(&["image", "rm", image]);
        }
    }
}

fn untagged(engine: &Engine) -> BTreeSet<String> {
    let images = engine.run(&["images", "--quiet", "--filter", "dangling=true"]).unwrap_or_default();
    images.lines().map(Into::into).collect()
}

/// Each program that is built by a Dockerfile is the one that `make build` makes.
#[test]
fn they_build_the_same_programs() {
    let Some(engine) = Engine::docker() else {
        e2e::skip("Dockerfiles are built by Docker, and no Docker daemon answers");
        return;
    };
    if output(Command::new("apt-cache").arg("--version")).is_err() {
        e2e::skip("the stand-in for the Rust image is made of Debian packages, and this is no Debian");
        return;
    }
    let _images = Images::new(&engine);
    import_stand_in(&engine).unwrap();
    expect_same(&engine, "Dockerfile.pause", "pause", "/pause", "65535:65535 [/pause]");
    expect_same(&engine, "Dockerfile.sidecar", "war-copy", "/bin/war-copy", "65532:65532 [/bin/sidecar]");
    let said = engine.run(&["run", "--rm", BUILT, "--version"]).unwrap();
    assert!(said.starts_with("war-copy "), "{said}");
    let said = engine.run(&["run", "--rm", "--entrypoint=cp", BUILT, "--help"]).unwrap();
    assert!(said.contains("cp"), "{said}");
}

/// Builds `program` by `file`, and compares it, and what the image says of its user and entry point.
fn expect_same(engine: &Engine, file: &str, program: &str, path: &str, says: &str) {
    let (rust, sidecar) = (format!("RUST={STAND_IN}"), format!("SIDECAR={program}"));
    let (file, context) = (e2e::workspace(file), e2e::workspace(""));
    let mut arguments = vec!["build", "--force-rm", "--quiet", "--network=none", "--build-arg", &rust];
    if program != "pause" {
        arguments.extend(["--build-arg", &sidecar]);
    }
    arguments.extend(["--file", file.to_str().unwrap(), "--tag", BUILT, context.to_str().unwrap()]);
    engine.run(&arguments).unwrap();

    let container = engine.run(&["create", BUILT]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join(program);
    let copied = engine.run(&["cp", &format!("{container}:{path}"), copy.to_str().unwrap()]);
    engine.run(&["rm", &container]).unwrap();
    copied.unwrap();
    assert!(fs::read(copy).unwrap() == fs::read(e2e::program(program)).unwrap(), "not the bytes of dist/bin");
    let config = engine.run(&["inspect", "--format", "{{.Config.User}} {{.Config.Entrypoint}}", BUILT]).unwrap();
    assert_eq!(config, says);
}

/// An image of this machine's toolchain: rustc and cargo, the crates already fetched, gcc and what it needs.
fn import_stand_in(engine: &Engine) -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let sysroot = sysroot.trim_start_matches('/');
    let cargo_home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.cargo"))?;
    let registry = format!("{}/registry", cargo_home.trim_start_matches('/'));

    let list = tempfile::NamedTempFile::new()?;
    fs::write(&list, system_files()?)?;
    let mut tar = Command::new("tar")
        .args(["--create", "--directory=/", "--exclude=share/doc", "--exclude=registry/src"])
        .args(["--files-from".as_ref(), list.path().as_os_str()])
        .args(["--recursion", sysroot, &registry])
        .stdout(Stdio::piped())
        .spawn()?;
    let change = format!(
        "ENV PATH=/{sysroot}/bin:/usr/bin:/bin CARGO_HOME=/{} CARGO_NET_OFFLINE=true",
        cargo_home.trim_start_matches('/')
    );
    let import = engine
        .command()
        .args(["import", "--change", &change, "-", STAND_IN])
        .stdin(tar.stdout.take().context("a pipe")?)
        .output()?;
    ensure!(tar.wait()?.success(), "tar fails");
    ensure!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
    Ok(())
}

/// The files of gcc, a shell and all they depend on, relative to the root, without the contents of directories.
fn system_files() -> Result<String> {
    let wanted = ["gcc", "libc6-dev", "dash", "coreutils", "zlib1g", "libgcc-s1"];
    let depends = output(
        Command::new("apt-cache")
            .args(["depends", "--recurse", "--installed", "--no-recommends", "--no-suggests", "--no-conflicts"])
            .args(["--no-breaks", "--no-replaces", "--no-enhances"])
            .args(wanted),
    )?;
    let packages = depends.lines().filter(|line| !line.starts_with([' ', '<', '|']));
    let files = output(Command::new("dpkg-query").arg("--listfiles").args(packages))?;
    let root_links = ["bin", "lib", "lib64", "sbin"]; // to their namesakes in /usr, where their files are
    let mut paths: Vec<PathBuf> = root_links.map(|link| Path::new("/").join(link)).into();
    for file in files.lines().map(Path::new).filter(|file| !file.starts_with("/usr/share")) {
        if let (Some(directory), Some(name)) = (file.parent(), file.file_name()) {
            paths.extend(directory.canonicalize().map(|directory| directory.join(name)));
        }
    }
    paths.extend(["/usr/bin/cc", "/etc/alternatives/cc"].map(PathBuf::from)); // no package's, but update-alternatives'
    paths.retain(|path| path.symlink_metadata().is_ok());
    paths.sort_unstable();
    paths.dedup();
    let lines = paths.iter().map(|path| path.to_string_lossy().trim_start_matches('/').to_string());
    Ok(["--no-recursion".into()].into_iter().chain(lines).collect::<Vec<_>>().join("\n"))
}
