//! What the pod is made of: Debian's Tomcat, and an application packed as the example's Dockerfile says.

use super::directory;
use crate::Node;
use anyhow::{Context, Result, bail, ensure};
use e2e::engine::image;
use kubelet::image::Image;
use serde_json::json;
use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const TOMCAT: &str = "localhost/tomcat:10";

/// Has the node know `localhost/tomcat:10`, `localhost/sample:1` and `localhost/sample:2`.
pub fn load(node: &Node) -> Result<()> {
    if node.cri.image(TOMCAT).is_ok() {
        return Ok(());
    }
    for version in [1, 2] {
        load_application(node, version)?;
    }
    let home = tempfile::tempdir()?;
    let archive = home.path().join("image.tar");
    let root = e2e::workspace("target/tomcat/root.tar");
    ensure!(root.exists(), "{} is missing: run `make tomcat`", root.display());
    let config = json!({
        "Env": [
            "PATH=/usr/local/tomcat/bin:/usr/bin:/bin",
            "CATALINA_HOME=/usr/share/tomcat10",
            "CATALINA_BASE=/usr/local/tomcat",
        ],
        "Cmd": ["catalina.sh", "run"],
    });
    Image::from_scratch(&config).layer(&root).write(TOMCAT, &archive)?;
    node.containerd.load(&archive)
}

/// Has the node know `localhost/sample:VERSION`.
pub fn load_application(node: &Node, version: u32) -> Result<()> {
    let name = format!("localhost/sample:{version}");
    if node.cri.image(&name).is_ok() {
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let archive = home.path().join("image.tar");
    fs::write(home.path().join("sample.war"), war(version)?)?;
    build(home.path())?.write(&name, &archive)?;
    node.containerd.load(&archive)
}

/// As `docker build` in the example's directory, with `sample.war` in `context`.
fn build(context: &Path) -> Result<Image> {
    let dockerfile = fs::read_to_string(directory().join("Dockerfile"))?;
    let mut built: Option<Image> = None;
    for line in dockerfile.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<_> = line.split_whitespace().collect();
        built = Some(match (words.as_slice(), built) {
            (["FROM", base], None) => {
                let program = base.strip_prefix("localhost/").and_then(|base| base.split(':').next());
                let program = program.with_context(|| format!("{base} is none of this project's"))?;
                ensure!(*base == image(program), "the Dockerfile wants {base}; {} is built", image(program));
                Image::from_archive(&e2e::workspace(&format!("dist/images/{program}.tar")))?
            }
            (["COPY", file, to], Some(image)) => {
                let to = to.strip_prefix('/').context("COPY wants a path from the root")?;
                let layer = context.join("layer.tar");
                let mut tar = tar::Builder::new(File::create(&layer)?);
                let mut directory = tar::Header::new_ustar();
                directory.set_entry_type(tar::EntryType::Directory);
                directory.set_mode(0o755);
                tar.append_data(&mut directory, to, &[][..])?;
                tar.append_path_with_name(context.join(file), Path::new(to).join(file))?;
                tar.into_inner()?;
                image.layer(&layer)
            }
            _ => bail!("the Dockerfile says `{line}`"),
        });
    }
    built.context("the Dockerfile is empty")
}

/// The example's application, and what makes it heavy enough to be caught half written.
fn war(version: u32) -> Result<Vec<u8>> {
    let mut war = ZipWriter::new(Cursor::new(vec![]));
    let mut file = |name: &str, content: &[u8], method| -> Result<()> {
        war.start_file(name, SimpleFileOptions::default().compression_method(method))?;
        Ok(war.write_all(content)?)
    };
    for name in ["index.jsp", "WEB-INF/web.xml"] {
        let content = fs::read_to_string(directory().join("sample").join(name))?;
        let value = |version| format!("<param-value>{version}</param-value>");
        file(name, content.replace(&value(1), &value(version)).as_bytes(), CompressionMethod::Deflated)?;
    }
    file("long.txt", long(version).as_bytes(), CompressionMethod::Deflated)?;
    file("heavy.bin", &vec![0; 32 << 20], CompressionMethod::Stored)?;
    Ok(war.finish()?.into_inner())
}

/// A page that shows whether it is whole, and of one version.
pub fn long(version: u32) -> String {
    format!("version {version}\n").repeat(5000)
}
