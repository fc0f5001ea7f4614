//! The authorities of this machine and the added ones.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::tls::{Certificate, PemItem, parse_pem};

/// All certificates: those of this machine, then those in the PEM files.
pub(crate) fn all(extra: &[Vec<u8>]) -> Result<Vec<Certificate<'static>>, String> {
    let own = rustls_native_certs::load_native_certs().certs;
    let mut found: Vec<_> = own
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    for (index, pem) in extra.iter().enumerate() {
        let before = found.len();
        for item in parse_pem(pem) {
            let item = item.map_err(|error| {
                let number = index + 1;
                format!("authority file {number} is not a PEM file of certificates: {error}")
            })?;
            if let PemItem::Certificate(certificate) = item {
                found.push(certificate);
            }
        }
        if found.len() == before {
            let number = index + 1;
            return Err(format!("authority file {number} holds no certificate"));
        }
    }
    Ok(found)
}

/// The same as one PEM file.
pub(crate) fn bundle(extra: &[Vec<u8>]) -> Result<String, String> {
    let mut pem = String::new();
    for certificate in all(extra)? {
        let text = STANDARD.encode(certificate.der());
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        // Base64 is ASCII, so that every 64 bytes are 64 characters.
        for (index, letter) in text.chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    Ok(pem)
}
