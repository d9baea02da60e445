//! The certificate of a connection: its common name is the user, each organization a group.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferry_registry::User;
use ferry_units::WallTime;
use ring::digest;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::x509::AttributeTypeAndValue;

use super::CREDENTIAL_ID;
use crate::tls::ClientCertificates;

/// What a connection has shown of whom it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// No certificate.
    Unknown,
    /// A certificate that the authority did not sign, or that was not valid then.
    Unbelieved,
    /// A certificate of this user.
    Certified {
        /// The user, shared by all requests of the connection.
        user: Arc<User>,
        /// Until when it is valid.
        until: WallTime,
    },
}

impl Peer {
    /// Whom `chain` belongs to.
    // PARITY: apiserver/pkg/authentication/request/x509/x509.go#CommonNameUserConversion
    pub(super) fn of(
        chain: &[CertificateDer<'_>],
        clients: &ClientCertificates,
        now: WallTime,
    ) -> Self {
        if !clients.are_valid(chain, now) {
            return Self::Unbelieved;
        }
        let until = chain.iter().map(|certificate| valid_until(certificate)).min().flatten();
        let user = chain.first().and_then(|certificate| user(certificate));
        match (user, until) {
            (Some(user), Some(until)) => {
                Self::Certified { user: super::with_authenticated(user).into(), until }
            }
            (None, _) | (_, None) => Self::Unbelieved,
        }
    }

    /// The user, while the certificate is valid.
    pub fn user(&self, now: WallTime) -> Option<&Arc<User>> {
        match self {
            Self::Certified { user, until } if now <= *until => Some(user),
            Self::Certified { .. } | Self::Unknown | Self::Unbelieved => None,
        }
    }
}

fn valid_until(certificate: &[u8]) -> Option<WallTime> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    WallTime::from_unix_seconds(parsed.validity().not_after.timestamp())
}

fn user(certificate: &[u8]) -> Option<User> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let subject: &X509Name<'_> = parsed.subject();
    // Of several, Go keeps the last.
    let name = subject.iter_common_name().filter_map(text).last()?;
    if name.is_empty() {
        return None;
    }
    let digest = digest::digest(&digest::SHA256, certificate);
    let id = format!("X509SHA256={}", super::hex(digest.as_ref()));
    Some(User {
        name,
        uid: String::new(),
        groups: subject.iter_organization().filter_map(text).collect(),
        extra: BTreeMap::from([(CREDENTIAL_ID.to_owned(), vec![id])]),
    })
}

fn text(value: &AttributeTypeAndValue<'_>) -> Option<String> {
    value.as_str().ok().map(str::to_owned)
}
