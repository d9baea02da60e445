//! Whoever asks, as its certificate says: the common name is the user, each organization a group.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user, such as `system:node:node-1`.
    pub user: String,
    /// The groups, such as `system:nodes`.
    pub groups: Vec<String>,
}

/// The group of node daemons.
const NODES: &str = "system:nodes";

/// The group of those who may everything.
const MASTERS: &str = "system:masters";

/// The prefix of a node daemon's name.
const NODE: &str = "system:node:";

impl Caller {
    /// Whom a certificate that was believed belongs to; `None` if it does not say.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let subject = parsed.subject();
        let user = subject.iter_common_name().filter_map(|it| it.as_str().ok()).last()?;
        let groups = subject.iter_organization().filter_map(|it| it.as_str().ok());
        let groups = groups.map(str::to_owned).collect();
        (!user.is_empty()).then(|| Self { user: user.to_owned(), groups })
    }

    /// Whether it is a node daemon.
    pub fn is_node(&self) -> bool {
        self.is_in(NODES) && self.user.strip_prefix(NODE).is_some_and(|name| !name.is_empty())
    }

    /// Whether it may everything.
    pub fn is_administrator(&self) -> bool {
        self.is_in(MASTERS)
    }

    fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|each| each == group)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn caller(names: &[(DnType, &str)]) -> Option<Caller> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, name) in names {
            params.distinguished_name.push(kind.clone(), *name);
        }
        let key = KeyPair::generate().unwrap();
        Caller::of(params.self_signed(&key).unwrap().der())
    }

    #[test]
    fn a_certificate_says_who_asks() {
        let (name, group) = (DnType::CommonName, DnType::OrganizationName);
        for (user, organization, is_node, is_administrator) in [
            ("system:node:node-1", "system:nodes", true, false),
            ("system:node:", "system:nodes", false, false),
            ("node-1", "system:nodes", false, false),
            ("system:node:node-1", "people", false, false),
            ("admin", "system:masters", false, true),
            ("ada", "people", false, false),
        ] {
            let names = [(name.clone(), user), (group.clone(), organization)];
            let caller = caller(&names).unwrap();
            assert_eq!((caller.user.as_str(), caller.groups[0].as_str()), (user, organization));
            assert_eq!(caller.is_node(), is_node, "{user}");
            assert_eq!(caller.is_administrator(), is_administrator, "{user}");
        }
        assert_eq!(caller(&[(group, "system:masters")]), None);
    }
}
