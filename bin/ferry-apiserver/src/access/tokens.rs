//! Tokens that the server issues and believes: of service accounts, and of users.
//!
//! A token of a service account ends with the account: its uid is in the token, and a new account
//! of the same name has another. A token of a user (`ferry-apiserver kubeconfig --token`) stands
//! for a name and groups, as a certificate does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ferry_registry::User;
use ferry_units::WallTime;
use ring::hmac;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::bound::{BoundClaims, BoundTo, Named};
use super::{CREDENTIAL_ID, Realm, SERVICE_ACCOUNT, jwt, service_account_groups};
use crate::files::{self, FileError};
use crate::secret::Secret;

/// For whom a token is that is to be used with this server, and who issued it.
pub const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";

/// Bytes of the key: as many as HMAC-SHA-256 makes use of.
const KEY_BYTES: usize = 32;

/// Signs tokens, and knows its signature again.
#[derive(Debug)]
pub struct Tokens {
    key: hmac::Key,
}

/// Whom a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A service account.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its uid: the token is not for one that has the name later.
        uid: String,
        /// What else has to be there for the token to be good.
        bound: Option<BoundTo>,
    },
    /// A user.
    User {
        /// Its name.
        name: String,
        /// Its groups.
        groups: Vec<String>,
    },
}

/// A token that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub token: Secret,
    /// Until when it is good.
    pub expires: WallTime,
}

/// Why a token is not believed. Clients are told nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It is none of ours at all.
    #[error("this is no token of this server")]
    Malformed,
    /// Its signature is another key's.
    #[error("the token is not signed by this server")]
    Signature,
    /// It is too old.
    #[error("the token has expired")]
    Expired,
    /// Its time is still to come.
    #[error("the token is not valid yet")]
    TooEarly,
    /// It is for somebody else to read.
    #[error("the token is for another audience")]
    Audience,
}

/// The key of tokens cannot be used.
#[derive(Debug, Error)]
pub enum TokenKeyError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no key.
    #[error(
        "{} is no key of 32 bytes in base64: restore it from a copy, or remove it, which ends all \
         tokens that were issued",
        .path.display()
    )]
    Damaged {
        /// Which.
        path: PathBuf,
    },
}

/// A token that is ours and good now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whom it is for.
    pub holder: Holder,
    /// Those of the wanted audiences that it is for.
    pub audiences: Vec<String>,
    id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    aud: Vec<String>,
    exp: i64,
    iat: i64,
    iss: String,
    jti: String,
    #[serde(rename = "kubernetes.io", default, skip_serializing_if = "Option::is_none")]
    account: Option<Account>,
    #[serde(rename = "ferry.io/groups", default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    nbf: i64,
    sub: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Account {
    namespace: String,
    serviceaccount: Named,
    #[serde(flatten)]
    bound: BoundClaims,
}

impl Tokens {
    /// Reads the key from `sa.key` in `dir`, or makes one of `entropy`.
    ///
    /// # Errors
    /// [`TokenKeyError`], with the file.
    pub fn open(
        dir: &Path,
        entropy: impl FnOnce() -> [u8; KEY_BYTES],
    ) -> Result<Self, TokenKeyError> {
        let path = dir.join("sa.key");
        let Some(text) = files::read_if_there(&path)? else {
            let key = entropy();
            files::write_private(&path, format!("{}\n", BASE64_STANDARD.encode(key)).as_bytes())?;
            return Ok(Self::new(&key));
        };
        let key = BASE64_STANDARD.decode(text.trim_ascii()).ok();
        let key = key.and_then(|key| <[u8; KEY_BYTES]>::try_from(key).ok());
        key.map(|key| Self::new(&key)).ok_or(TokenKeyError::Damaged { path })
    }

    fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// A token by which `holder` is known to `audiences` (without any, to this server) for
    /// `lifetime` from `now`. `id` is 16 bytes drawn by chance, by which logs can name the token.
    pub fn issue(
        &self,
        holder: &Holder,
        audiences: &[String],
        lifetime: Duration,
        now: WallTime,
        id: [u8; 16],
    ) -> Issued {
        let issued = now.unix_seconds();
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let expires = issued.saturating_add(seconds);
        let (sub, account, groups) = match holder {
            Holder::ServiceAccount { namespace, name, uid, bound } => {
                let account = Account {
                    namespace: namespace.clone(),
                    serviceaccount: Named { name: name.clone(), uid: uid.clone() },
                    bound: bound.as_ref().into(),
                };
                (format!("{SERVICE_ACCOUNT}{namespace}:{name}"), Some(account), Vec::new())
            }
            Holder::User { name, groups } => (name.clone(), None, groups.clone()),
        };
        let own = || vec![AUDIENCE.to_owned()];
        let claims = Claims {
            aud: if audiences.is_empty() { own() } else { audiences.to_vec() },
            exp: expires,
            iat: issued,
            iss: AUDIENCE.to_owned(),
            jti: uuid(id),
            account,
            groups,
            nbf: issued,
            sub,
        };
        // Far beyond the calendar nobody needs to know when it ends.
        let expires = WallTime::from_unix_seconds(expires).unwrap_or(now);
        Issued { token: jwt::sign(&self.key, &claims), expires }
    }

    /// Whom a token is for that one of `audiences` was given.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(
        &self,
        token: &str,
        audiences: &[String],
        now: WallTime,
    ) -> Result<Verified, TokenError> {
        let claims: Claims = jwt::read(&self.key, token)?;
        let now = now.unix_seconds();
        if claims.iss != AUDIENCE {
            return Err(TokenError::Malformed);
        }
        if now >= claims.exp {
            return Err(TokenError::Expired);
        }
        if now < claims.nbf {
            return Err(TokenError::TooEarly);
        }
        let is_for = |audience: &&String| claims.aud.contains(audience);
        let audiences: Vec<_> = audiences.iter().filter(is_for).cloned().collect();
        if audiences.is_empty() {
            return Err(TokenError::Audience);
        }
        let holder = match claims.account {
            Some(Account { namespace, serviceaccount: Named { name, uid }, bound }) => {
                Holder::ServiceAccount { namespace, name, uid, bound: bound.bound() }
            }
            None => Holder::User { name: claims.sub, groups: claims.groups },
        };
        Ok(Verified { holder, audiences, id: claims.jti })
    }
}

impl Verified {
    /// The user that the token stands for; nobody if it was a service account that is gone, or is
    /// bound to something that is.
    // PARITY: apiserver/pkg/authentication/serviceaccount/util.go#UserInfo
    pub fn user(self, realm: &impl Realm, now: WallTime) -> Option<User> {
        let mut extra =
            BTreeMap::from([(CREDENTIAL_ID.to_owned(), vec![format!("JTI={}", self.id)])]);
        match self.holder {
            Holder::User { name, groups } => Some(User { name, uid: String::new(), groups, extra }),
            Holder::ServiceAccount { namespace, name, uid, bound } => {
                let alive = realm.service_account(&namespace, &name)?;
                if let Some(bound) = &bound {
                    realm.is_there(&namespace, bound, now).then_some(())?;
                    super::bound::tell(bound, &mut extra);
                }
                (alive == uid).then(|| User {
                    name: format!("{SERVICE_ACCOUNT}{namespace}:{name}"),
                    uid,
                    groups: service_account_groups(&namespace),
                    extra,
                })
            }
        }
    }
}

/// A version 4 UUID of bytes drawn by chance.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = super::hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
