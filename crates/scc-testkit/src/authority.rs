//! A certificate authority of the tests, which their sandboxes trust.
//!
//! It is kept beside the build's other products: what an image trusts is part of what it is, and a
//! new authority for each test would mean new images for each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority with its key.
#[derive(Debug)]
pub struct Authority {
    certificate: String,
    key: String,
}

impl Authority {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters().self_signed(&key).expect("a certificate").pem();
        Self {
            certificate,
            key: key.serialize_pem(),
        }
    }

    /// The one of all tests on this machine.
    #[must_use]
    pub fn shared() -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-authority");
        if !directory.exists() {
            let new = Self::new();
            let parent = directory.parent().expect("a parent");
            std::fs::create_dir_all(parent).expect("a target directory");
            let fresh = tempfile::tempdir_in(parent).expect("a directory").keep();
            std::fs::write(fresh.join("ca.crt"), new.certificate).expect("a file");
            std::fs::write(fresh.join("ca.key"), new.key).expect("a file");
            // Whoever was faster has made the one that counts.
            if std::fs::rename(&fresh, &directory).is_err() {
                let _ = std::fs::remove_dir_all(&fresh);
            }
        }
        let read = |name| std::fs::read_to_string(directory.join(name)).expect("an authority");
        Self {
            certificate: read("ca.crt"),
            key: read("ca.key"),
        }
    }

    /// The file with the certificate of [`Authority::shared`].
    #[must_use]
    pub fn shared_file() -> PathBuf {
        drop(Self::shared());
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-authority/ca.crt")
    }

    /// The certificate, as PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What a server needs to be these hosts.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        let own = KeyPair::from_pem(&self.key).expect("a key");
        let issuer = Issuer::new(parameters(), own);
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let parameters = CertificateParams::new(names).expect("names");
        let certificate = parameters.signed_by(&key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a usable certificate");
        Arc::new(config)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn parameters() -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).expect("a name");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // With the name that servers have too it would pass for one that signs itself.
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "authority of scc's tests");
    parameters.distinguished_name = name;
    parameters
}
