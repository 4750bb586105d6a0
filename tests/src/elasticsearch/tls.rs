//! A certification authority of the tests' own, and what it certifies.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;

/// Nobody believes it who is not told to.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// # Panics
    /// If there is no randomness.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "pause-kit tests");
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its certificate, for who is to believe it.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// What a server needs that is called by one of these names or addresses.
    ///
    /// # Panics
    /// If one of them is no name.
    pub fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        let params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("names");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions that ring has")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], key)
            .expect("a key for the certificate");
        Arc::new(config)
    }
}
