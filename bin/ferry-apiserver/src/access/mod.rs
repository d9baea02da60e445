//! Who asks: certificates, tokens, nobody, and whoever acts for somebody else.
//!
//! ```text
//!   certificate of the connection ─┐ first that is there
//!   token in a file                ├────────────────────► user ── Impersonate-… ──► user acted for
//!   token of a service account     ┘  bad: 401                     not allowed: 403
//!   none: anonymous, which only open paths take
//! ```

mod bearer;
mod bound;
mod certificate;
mod error;
mod impersonation;
mod jwt;
pub mod realm;
#[cfg(test)]
mod tests;
mod token_file;
mod tokens;

use std::sync::Arc;

use ferry_registry::User;
use ferry_units::WallTime;
use http::HeaderMap;

use crate::tls::ClientCertificates;

pub use bound::{BoundKind, BoundTo};
pub use certificate::Peer;
pub use error::AccessError;
pub use impersonation::Whom;
pub use token_file::{TokenFile, TokenFileError};
pub use tokens::{AUDIENCE, Holder, Issued, TokenError, TokenKeyError, Tokens};

/// The group of everybody who has said who they are.
pub const AUTHENTICATED: &str = "system:authenticated";

/// The group of everybody who has not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";

/// The user that stands for everybody who has not.
pub const ANONYMOUS: &str = "system:anonymous";

/// The groups of every service account, and of those of a namespace.
const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";

/// The beginning of the name of every service account.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// What authenticators know of the credentials, for whoever looks for them in a log.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// What is open to everybody, with all that is below.
const OPEN_PATHS: [&str; 4] = ["/healthz", "/livez", "/readyz", "/version"];

/// Who asks, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user for whom the request is done.
    pub user: Arc<User>,
    /// How that is known.
    pub authenticated: Authenticated,
}

/// How a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticated {
    /// By the certificate of the connection.
    Certificate,
    /// By a token.
    Token,
    /// Not at all.
    Anonymous,
}

/// What the cluster is asked about callers.
pub trait Realm: Send + Sync + 'static {
    /// The uid of the service account of that name, if there is one that is not being deleted.
    fn service_account(&self, namespace: &str, name: &str) -> Option<String>;

    /// Whether what a token is bound to is there, in the namespace of the token's account.
    fn is_there(&self, namespace: &str, bound: &BoundTo, now: WallTime) -> bool;

    /// Whether `user` has the verb `impersonate` for `whom`.
    fn may_impersonate(&self, user: &User, whom: &Whom) -> bool;
}

/// A caller, and who acts for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Who asks.
    pub caller: Caller,
    /// The name of the user who really asks, if it is another.
    pub impersonator: Option<String>,
}

/// Finds out who asks.
#[derive(Debug)]
pub struct Authenticator {
    clients: ClientCertificates,
    file: TokenFile,
    tokens: Tokens,
}

impl Authenticator {
    /// Believes certificates that `clients` vouches for, and tokens from a file or of its own.
    pub fn new(clients: ClientCertificates, file: TokenFile, tokens: Tokens) -> Self {
        Self { clients, file, tokens }
    }

    /// What issues tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// What is known of a connection for as long as it lasts, from the certificates shown on it.
    pub fn peer(
        &self,
        certificates: Option<&[rustls::pki_types::CertificateDer<'_>]>,
        now: WallTime,
    ) -> Peer {
        certificates.map_or(Peer::Unknown, |chain| Peer::of(chain, &self.clients, now))
    }

    /// Who asks for `path` with `headers` on the connection of `peer`.
    ///
    /// # Errors
    /// [`AccessError`], with the answer.
    pub fn admit(
        &self,
        peer: &Peer,
        path: &str,
        headers: &HeaderMap,
        realm: &impl Realm,
        now: WallTime,
    ) -> Result<Admitted, AccessError> {
        let caller = match self.caller(peer, headers, realm, now)? {
            Some(caller) => caller,
            None if is_open(path) && !impersonation::is_wanted(headers) => anonymous(),
            None => return Err(AccessError::Unauthorized),
        };
        let Some(user) = impersonation::act_for(&caller.user, headers, realm)? else {
            return Ok(Admitted { caller, impersonator: None });
        };
        let impersonator = Some(caller.user.name.clone());
        let caller = Caller { user: user.into(), authenticated: caller.authenticated };
        Ok(Admitted { caller, impersonator })
    }

    /// Whom a token stands for, for a `TokenReview`. The second part is which of `audiences` it is
    /// for; without any, those of this server.
    pub fn review(
        &self,
        token: &str,
        audiences: &[String],
        realm: &impl Realm,
        now: WallTime,
    ) -> Option<(User, Vec<String>)> {
        let own = [AUDIENCE.to_owned()];
        let wanted = if audiences.is_empty() { &own } else { audiences };
        if let Some(user) = self.file.user(token) {
            let for_us = wanted.iter().any(|audience| audience == AUDIENCE);
            return for_us.then(|| (with_authenticated(user.clone()), own.to_vec()));
        }
        let verified = self.tokens.verify(token, wanted, now).ok()?;
        let audiences = verified.audiences.clone();
        Some((with_authenticated(verified.user(realm, now)?), audiences))
    }

    fn caller(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        realm: &impl Realm,
        now: WallTime,
    ) -> Result<Option<Caller>, AccessError> {
        if let Some(user) = peer.user(now) {
            let user = Arc::clone(user);
            return Ok(Some(Caller { user, authenticated: Authenticated::Certificate }));
        }
        if let Some(token) = bearer::token(headers)? {
            return match self.review(token, &[], realm, now) {
                Some((user, _)) => {
                    let user = Arc::new(user);
                    Ok(Some(Caller { user, authenticated: Authenticated::Token }))
                }
                None => Err(AccessError::Unauthorized),
            };
        }
        match peer {
            Peer::Unknown => Ok(None),
            // It has expired, or somebody else signed it.
            Peer::Certified { .. } | Peer::Unbelieved => Err(AccessError::Unauthorized),
        }
    }
}

/// Nobody in particular.
fn anonymous() -> Caller {
    let user = User {
        name: ANONYMOUS.to_owned(),
        groups: vec![UNAUTHENTICATED.to_owned()],
        ..User::default()
    };
    Caller { user: user.into(), authenticated: Authenticated::Anonymous }
}

fn is_open(path: &str) -> bool {
    OPEN_PATHS.into_iter().any(|open| {
        path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

// PARITY: apiserver/pkg/authentication/group/authenticated_group_adder.go#AuthenticateRequest
fn with_authenticated(mut user: User) -> User {
    let is_said = |group: &String| group == AUTHENTICATED || group == UNAUTHENTICATED;
    if user.name != ANONYMOUS && !user.groups.iter().any(is_said) {
        user.groups.push(AUTHENTICATED.to_owned());
    }
    user
}

/// The groups of the service accounts of a namespace.
fn service_account_groups(namespace: &str) -> Vec<String> {
    vec![SERVICE_ACCOUNTS.to_owned(), format!("{SERVICE_ACCOUNTS}:{namespace}")]
}

/// Bytes as digits.
fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}
