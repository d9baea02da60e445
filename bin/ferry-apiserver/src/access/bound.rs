//! What a token of a service account may be bound to: it is believed for as long as that is there.

use std::collections::BTreeMap;

use ferry_api::Kind;
use serde::{Deserialize, Serialize};

/// What a token is bound to, beside its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundTo {
    /// Of which kind it is.
    pub kind: BoundKind,
    /// Its name; it is in the namespace of the account.
    pub name: String,
    /// Its uid: the token is not for one that has the name later.
    pub uid: String,
}

/// What a token can be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundKind {
    /// A pod.
    Pod,
    /// A secret.
    Secret,
}

impl BoundKind {
    /// The kind of objects.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Pod => Kind::Pod,
            Self::Secret => Kind::Secret,
        }
    }
}

/// An object as tokens name it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) uid: String,
}

/// What a token says of what it is bound to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct BoundClaims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod: Option<Named>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Named>,
}

impl From<Option<&BoundTo>> for BoundClaims {
    fn from(bound: Option<&BoundTo>) -> Self {
        let Some(BoundTo { kind, name, uid }) = bound else { return Self::default() };
        let named = Some(Named { name: name.clone(), uid: uid.clone() });
        match kind {
            BoundKind::Pod => Self { pod: named, secret: None },
            BoundKind::Secret => Self { pod: None, secret: named },
        }
    }
}

impl BoundClaims {
    pub(super) fn bound(self) -> Option<BoundTo> {
        let of = |kind| move |Named { name, uid }| BoundTo { kind, name, uid };
        let pod = self.pod.map(of(BoundKind::Pod));
        pod.or_else(|| self.secret.map(of(BoundKind::Secret)))
    }
}

/// What is known of a caller whose token is bound to a pod.
// PARITY: apiserver/pkg/authentication/serviceaccount/util.go#ServiceAccountInfo.UserInfo
pub(super) fn tell(bound: &BoundTo, extra: &mut BTreeMap<String, Vec<String>>) {
    if bound.kind == BoundKind::Pod {
        for (key, value) in [("pod-name", &bound.name), ("pod-uid", &bound.uid)] {
            extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value.clone()]);
        }
    }
}
