//! A WAR in an image made FROM war-copy, as one's own are: `docker build` with three lines.

use anyhow::Result;
use e2e::archive::sha256;
use e2e::engine::{Engine, image};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// In the image, as long as this is there.
pub struct Artifact<'a> {
    engine: &'a Engine,
    pub image: String,
    /// What the app is to serve
    pub page: String,
}

impl<'a> Artifact<'a> {
    pub fn build(engine: &'a Engine) -> Result<Self> {
        let context = tempfile::tempdir()?;
        let page = pack(&e2e::workspace("examples/compose/artifacts/shop"), &context.path().join("shop.war"))?;
        let sums = format!("{}  shop.war\n", sha256(&context.path().join("shop.war")));
        fs::write(context.path().join("SHA256SUMS"), sums)?;
        let dockerfile = format!("FROM {}\nCOPY shop.war SHA256SUMS /artifacts/\n", image("war-copy"));
        fs::write(context.path().join("Dockerfile"), dockerfile)?;
        // What `Drop` removes is named before it is made.
        let artifact = Self { engine, image: format!("localhost/{}-shop-war:1", e2e::pod::name()), page };
        let directory = context.path().to_string_lossy();
        engine.run(&["build", "--force-rm", "--quiet", "--tag", &artifact.image, &directory])?;
        Ok(artifact)
    }
}

impl Drop for Artifact<'_> {
    fn drop(&mut self) {
        let _ = self.engine.run(&["image", "rm", &self.image]);
    }
}

/// Packs the site; its first page.
fn pack(site: &Path, war: &Path) -> Result<String> {
    let mut archive = ZipWriter::new(File::create(war)?);
    for name in ["index.html", "WEB-INF/web.xml"] {
        archive.start_file(name, SimpleFileOptions::default())?;
        archive.write_all(&fs::read(site.join(name))?)?;
    }
    archive.finish()?;
    Ok(fs::read_to_string(site.join("index.html"))?.trim_end().into())
}
