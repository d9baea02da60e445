//! Identities from directories that are complete, and from each that is not.

use std::path::{Path, PathBuf};
use std::{error, fs};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa,
    KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::ProtocolVersion;
use tempfile::TempDir;

use super::*;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn put(dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(name), text).unwrap();
}

fn put_pair(dir: &Path, who: &str, issuer: &Issuer) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    put(dir, &format!("{who}-cert.pem"), &certificate.pem());
    put(dir, &format!("{who}-key.pem"), &key.serialize_pem());
}

/// A directory with everything.
fn complete() -> (TempDir, Issuer) {
    let dir = tempfile::tempdir().unwrap();
    let issuer = authority();
    put(dir.path(), "ca-cert.pem", &issuer.pem());
    put_pair(dir.path(), "server", &issuer);
    put_pair(dir.path(), "client", &issuer);
    (dir, issuer)
}

fn refused(dir: &TempDir, role: Role) -> IdentityError {
    Identity::load(dir.path(), role, VerifyPeer::Yes).unwrap_err()
}

#[test]
fn a_complete_directory_serves_both_ends_whomever_they_verify() {
    let (dir, issuer) = complete();
    let revoked = CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2024, 1, 1),
        next_update: rcgen::date_time_ymd(2094, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    for verify in [VerifyPeer::Yes, VerifyPeer::No, VerifyPeer::Yes] {
        let client = Identity::load(dir.path(), Role::Client, verify).unwrap();
        assert!(client.server().is_none());
        assert!(client.client().unwrap().client_auth_cert_resolver.has_certs());
        let server = Identity::load(dir.path(), Role::Server, verify).unwrap();
        assert!(server.client().is_none());
        assert_eq!(server.server().unwrap().send_tls13_tickets, 0);
        // And with a list of what is revoked from the second time on.
        put(dir.path(), "ca-crl.pem", &revoked.signed_by(&issuer).unwrap().pem().unwrap());
    }
}

#[test]
fn only_tls_1_3_is_spoken_and_aes_comes_first() {
    let suites = algorithms().cipher_suites.clone();
    assert!(format!("{:?}", suites[0].suite()).contains("AES_128_GCM"));
    for suite in suites {
        assert_eq!(suite.version().version, ProtocolVersion::TLSv1_3);
    }
}

#[test]
fn what_is_missing_is_named() {
    for (name, role) in [
        ("ca-cert.pem", Role::Client),
        ("ca-cert.pem", Role::Server),
        ("client-cert.pem", Role::Client),
        ("client-key.pem", Role::Client),
        ("server-cert.pem", Role::Server),
        ("server-key.pem", Role::Server),
    ] {
        let (dir, _) = complete();
        fs::remove_file(dir.path().join(name)).unwrap();
        let error = refused(&dir, role).to_string();
        assert!(error.contains(name), "{name}: {error}");
    }
}

#[test]
fn a_client_needs_a_certificate_only_to_be_verified() {
    let (dir, _) = complete();
    for name in ["client-cert.pem", "client-key.pem"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    let error = refused(&dir, Role::Client);
    assert!(matches!(error, IdentityError::Read { .. }), "{error}");
    let identity = Identity::load(dir.path(), Role::Client, VerifyPeer::No).unwrap();
    assert!(!identity.client().unwrap().client_auth_cert_resolver.has_certs());
}

#[test]
fn what_is_wrong_is_named() {
    for (name, text, role, end) in [
        ("ca-cert.pem", "", Role::Client, "contains no certificate"),
        ("ca-crl.pem", "nothing", Role::Server, "contains no list of revoked certificates"),
        ("server-key.pem", "nothing", Role::Server, "contains no private key"),
        ("client-cert.pem", "-----BEGIN CERTIFICATE-----\n!", Role::Client, "is no PEM file"),
    ] {
        let (dir, _) = complete();
        put(dir.path(), name, text);
        let error = refused(&dir, role).to_string();
        let path: PathBuf = dir.path().join(name);
        assert!(error.starts_with(&format!("{} {end}", path.display())), "{error}");
    }
}

#[test]
fn the_key_of_another_certificate_is_refused() {
    for (who, role) in [("client", Role::Client), ("server", Role::Server)] {
        let (dir, _) = complete();
        let other = KeyPair::generate().unwrap();
        put(dir.path(), &format!("{who}-key.pem"), &other.serialize_pem());
        let error = refused(&dir, role);
        assert!(matches!(error, IdentityError::Pair { .. }), "{error}");
        let source = error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("keys may not be consistent"), "{source}");
    }
}

#[test]
fn garbage_in_good_form_is_refused() {
    let (dir, _) = complete();
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    put(dir.path(), "ca-cert.pem", garbage);
    let error = refused(&dir, Role::Server);
    assert!(matches!(error, IdentityError::Authority { .. }), "{error}");
    let (dir, _) = complete();
    let garbage = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    put(dir.path(), "ca-crl.pem", garbage);
    let error = refused(&dir, Role::Client);
    assert!(matches!(error, IdentityError::Verifier { .. }), "{error}");
}
