//! The server's own certificate: the names that clients may call it by.
//!
//! It is made again at a start when names have come or gone, when less than half of its time is left,
//! or when that has not begun because it was made by a wrong clock. So a process may run for a year before it has to start again.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use ferry_units::WallTime;
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::authority::key_pair;
use super::{Authority, PkiError, is_to_come, set_validity};
use crate::files;

/// Clients of some systems refuse certificates of servers that live for longer than 825 days.
const SERVER_LIFETIME: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);

/// What is called by everybody by these names.
const ALWAYS: [&str; 7] = [
    "127.0.0.1",
    "::1",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "localhost",
];

/// A name that a client may call the server by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Ip(IpAddr),
    Dns(String),
}

/// The names in the certificate of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(BTreeSet<Name>);

impl Names {
    /// Those that every server has, with `more`.
    ///
    /// # Errors
    /// [`PkiError::Name`] for what is neither an address nor a DNS name.
    pub fn new<'a>(more: impl IntoIterator<Item = &'a str>) -> Result<Self, PkiError> {
        let names: Result<_, _> = ALWAYS.into_iter().chain(more).map(name).collect();
        names.map(Self)
    }

    /// Those that a node is called by, and no others: itself, and what this machine calls itself.
    ///
    /// # Errors
    /// [`PkiError::Name`] if the node's name is no DNS name.
    pub fn of_node(node: &str, addresses: &[IpAddr]) -> Result<Self, PkiError> {
        let addresses = addresses.iter().copied().map(Name::Ip);
        let localhost = Name::Dns("localhost".to_owned());
        Ok(Self(addresses.chain([name(node)?, localhost]).collect()))
    }

    /// Those in a certificate; the ones that are neither address nor DNS name are left out.
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let extension = certificate.subject_alternative_name().ok().flatten();
        let names = extension.iter().flat_map(|extension| &extension.value.general_names);
        Self(names.filter_map(general_name).collect())
    }
}

fn name(text: &str) -> Result<Name, PkiError> {
    if let Ok(address) = text.parse() {
        return Ok(Name::Ip(address));
    }
    match DnsName::try_from(text) {
        Ok(_) => Ok(Name::Dns(text.to_ascii_lowercase())),
        Err(_) => Err(PkiError::Name { name: text.to_owned() }),
    }
}

fn general_name(name: &GeneralName<'_>) -> Option<Name> {
    if let GeneralName::DNSName(name) = name {
        return Some(Name::Dns((*name).to_owned()));
    }
    let GeneralName::IPAddress(bytes) = name else { return None };
    let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
    v4.or(v6).ok().map(Name::Ip)
}

/// A certificate with those that lead to the authority's, and its key.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// Reads the server's certificate from `server.crt` and `server.key` in `dir`, or makes it.
pub(super) fn open(
    dir: &Path,
    authority: &Authority,
    names: &Names,
    now: WallTime,
) -> Result<Pair, PkiError> {
    let (certificate, key) = (dir.join("server.crt"), dir.join("server.key"));
    let found = (files::read_if_there(&certificate)?, files::read_if_there(&key)?);
    if let (Some(text), Some(secret)) = found
        && let Ok(secret) = key_pair(&secret, &key, &certificate)
        && let Ok(der) = CertificateDer::from_pem_slice(&text)
        && is_fit(&der, &secret, authority, names, now)
    {
        return Ok(pair(der, &secret));
    }
    let secret = KeyPair::generate().map_err(PkiError::Make)?;
    let params = params("ferry-apiserver", names, SERVER_LIFETIME, now)?;
    let text = authority.issue_server(params, &secret)?;
    files::write_private(&key, secret.serialize_pem().as_bytes())?;
    files::write_private(&certificate, text.as_bytes())?;
    let der = CertificateDer::from_pem_slice(text.as_bytes())
        .map_err(|_| PkiError::Make(rcgen::Error::CouldNotParseCertificate))?;
    Ok(pair(der, &secret))
}

fn pair(certificate: CertificateDer<'static>, key: &KeyPair) -> Pair {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Pair { chain: vec![certificate], key }
}

/// What a certificate of a server says of it.
pub(super) fn params(
    common_name: &str,
    names: &Names,
    lifetime: Duration,
    now: WallTime,
) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    set_validity(&mut params, now, lifetime);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    for name in &names.0 {
        params.subject_alt_names.push(match name {
            Name::Ip(address) => SanType::IpAddress(*address),
            Name::Dns(name) => SanType::DnsName(name.as_str().try_into().map_err(PkiError::Make)?),
        });
    }
    Ok(params)
}

/// Whether a certificate can still be used.
fn is_fit(
    der: &CertificateDer<'_>,
    key: &KeyPair,
    authority: &Authority,
    names: &Names,
    now: WallTime,
) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(der) else { return false };
    let Ok((_, issuer)) = X509Certificate::from_der(authority.certificate()) else { return false };
    let until = WallTime::from_unix_seconds(parsed.validity().not_after.timestamp());
    let left = until.map(|until| until.since(now)).unwrap_or_default();
    parsed.public_key().raw == key.subject_public_key_info()
        && parsed.issuer() == issuer.subject()
        && parsed.verify_signature(Some(issuer.public_key())).is_ok()
        && Names::of(&parsed) == *names
        && left > SERVER_LIFETIME / 2
        && !is_to_come(&parsed, now)
}
