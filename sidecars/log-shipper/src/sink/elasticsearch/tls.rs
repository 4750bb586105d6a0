//! Whose certificates are believed.

use crate::config::{Tls, Verify};
use anyhow::{Context, Result, bail};
use chassis::exit::Usage;
use chassis::message;
use chassis::stamp::Stamp;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, KeyProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where distributions have all of their CAs in one file: Debian, Red Hat, SUSE, Alpine.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How many sessions the TLS library remembers: there are a few lanes to a few servers.
const SESSIONS: usize = 8;

/// What is believed, made when it is first needed.
pub struct Trust {
    verify: Verify,
    ca_file: PathBuf,
    made: Mutex<Option<(Option<Stamp>, Arc<ClientConfig>)>>,
}

impl Trust {
    /// # Errors
    /// When the configuration makes no sense.
    pub fn new(tls: &Tls) -> Result<Self, Usage> {
        match (tls.verify, &tls.ca_file) {
            (Verify::Ca, None) => Err(Usage("`verify: ca` without `ca-file`\nhint: name the file of the CA".into())),
            (Verify::System | Verify::None, Some(_)) => {
                Err(Usage("`ca-file` has no meaning without `verify: ca`\nhint: say `verify: ca`".into()))
            }
            (verify, ca_file) => {
                Ok(Self { verify, ca_file: ca_file.clone().unwrap_or_default(), made: Mutex::default() })
            }
        }
    }

    /// For a new connection. The file of a given CA is read again when it is another one.
    ///
    /// # Errors
    /// When there are no certificates where there should be.
    pub fn config(&self) -> Result<Arc<ClientConfig>> {
        let stamp = (self.verify == Verify::Ca).then(|| stamp(&self.ca_file)).transpose()?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, config)) = &*made
            && *known == stamp
        {
            return Ok(config.clone());
        }
        let config = Arc::new(self.make()?);
        *made = Some((stamp, config.clone()));
        Ok(config)
    }

    fn make(&self) -> Result<ClientConfig> {
        let provider = Arc::new(CryptoProvider { key_provider: &NoKeys, ..ring::default_provider() });
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let builder = match self.verify {
            Verify::System => {
                let [file, directory] = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(env::var_os);
                builder.with_root_certificates(system(file.as_ref(), directory.as_ref(), &BUNDLES)?)
            }
            Verify::Ca => builder.with_root_certificates(bundle(&self.ca_file)?),
            Verify::None => {
                message::warning("`verify: none`: anyone can pretend to be the sink, and read what is shipped");
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)))
            }
        };
        let mut config = builder.with_no_client_auth();
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn stamp(path: &Path) -> Result<Stamp> {
    Stamp::at(path).with_context(|| format!("cannot read {}\nhint: mount the CA there", path.display()))
}

/// The CAs of the system, as OpenSSL would look for them, or else those that are built in.
fn system(file: Option<&OsString>, directory: Option<&OsString>, bundles: &[&str]) -> Result<RootCertStore> {
    if file.is_some() || directory.is_some() {
        let mut store = file.map_or_else(|| Ok(RootCertStore::empty()), |file| bundle(Path::new(file)))?;
        for directory in directory.into_iter().flat_map(env::split_paths) {
            store.roots.append(&mut all_in(&directory)?.roots);
        }
        if store.is_empty() {
            bail!("no certificates in SSL_CERT_DIR\nhint: unset it to have the usual ones");
        }
        return Ok(store);
    }
    let bundles = bundles.iter().map(Path::new);
    Ok(bundles
        .filter(|path| path.exists())
        .find_map(|path| bundle(path).ok())
        .unwrap_or_else(|| RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }))
}

/// Each certificate in a file. Those of odd old CAs that the library does not understand are passed over.
fn bundle(path: &Path) -> Result<RootCertStore> {
    let pem = fs::read(path).with_context(|| format!("cannot read certificates from {}", path.display()))?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    if store.is_empty() {
        bail!("no certificates in {}\nhint: it is to have them in PEM: -----BEGIN CERTIFICATE-----", path.display());
    }
    Ok(store)
}

/// Each certificate in each file. Others may be there, too, and links to files that are gone.
fn all_in(directory: &Path) -> Result<RootCertStore> {
    let cannot = || format!("cannot read certificates from {}", directory.display());
    let mut store = RootCertStore::empty();
    for found in fs::read_dir(directory).with_context(cannot)? {
        if let Ok(mut more) = bundle(&found.with_context(cannot)?.path()) {
            store.roots.append(&mut more.roots);
        }
    }
    Ok(store)
}

/// Nobody asks log-shipper who it is in a way that takes a key of its own: what signs is left out of the program.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("there are no keys here".into()))
    }
}

/// Believes any certificate, but not that its key was used when it was not.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer,
        _: &[CertificateDer],
        _: &ServerName,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::{Trust, system};
    use crate::config::{Tls, Verify};
    use rcgen::generate_simple_self_signed;
    use std::fs;

    fn pem() -> String {
        generate_simple_self_signed(["a CA".to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn the_environment_says_where_the_cas_are() {
        let directory = tempfile::tempdir().unwrap();
        let (file, more) = (directory.path().join("two.pem"), directory.path().join("more"));
        fs::write(&file, pem() + &pem()).unwrap();
        fs::create_dir(&more).unwrap();
        fs::write(more.join("one.pem"), pem()).unwrap();
        fs::write(more.join("README"), "no certificate").unwrap();
        std::os::unix::fs::symlink("gone", more.join("link")).unwrap();
        let (file, more) = (file.into_os_string(), more.into_os_string());
        let usual = file.to_str().unwrap();
        assert_eq!(system(Some(&file), None, &[]).unwrap().len(), 2);
        assert_eq!(system(None, Some(&more), &[usual]).unwrap().len(), 1);
        assert_eq!(system(Some(&file), Some(&more), &[]).unwrap().len(), 3);
        // Where one was named, no other takes its place.
        let missing = directory.path().join("missing").into_os_string();
        assert!(system(Some(&missing), None, &[usual]).is_err());
        assert!(system(None, Some(&missing), &[usual]).is_err());
        let empty = tempfile::tempdir().unwrap().path().to_owned().into_os_string();
        fs::create_dir(&empty).unwrap();
        assert!(system(None, Some(&empty), &[usual]).is_err());
        fs::remove_dir(&empty).unwrap();
    }

    #[test]
    fn without_it_they_are_where_they_usually_are_or_built_in() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bundle.pem");
        fs::write(&file, pem()).unwrap();
        assert_eq!(system(None, None, &["/missing", file.to_str().unwrap()]).unwrap().len(), 1);
        assert!(system(None, None, &["/missing"]).unwrap().len() > 50);
    }

    #[test]
    fn a_ca_file_that_is_no_certificate_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let trust = Trust::new(&Tls { verify: Verify::Ca, ca_file: Some(file.clone()) }).unwrap();
        let error = format!("{:#}", trust.config().unwrap_err());
        assert!(error.contains("ca.pem"), "{error}");
        fs::write(&file, "-----BEGIN").unwrap();
        let error = format!("{:#}", trust.config().unwrap_err());
        assert!(error.contains("ca.pem") && error.contains("PEM"), "{error}");
    }
}
