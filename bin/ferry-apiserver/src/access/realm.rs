//! What a cluster's objects say about callers.

use std::time::Duration;

use ferry_admission::{Attributes, Authorizer, ResourceAttributes};
use ferry_api::Kind;
use ferry_registry::{ObjectKey, State, User};
use ferry_units::WallTime;

use super::{BoundTo, Whom};

/// The uid of the service account of that name in `state`, if there is one that is not being
/// deleted.
pub fn service_account(state: &State, namespace: &str, name: &str) -> Option<String> {
    let account = state.object(&ObjectKey::new(Kind::ServiceAccount, namespace, name))?;
    account.meta.deleted().is_none().then(|| account.meta.uid.to_string())
}

/// For how long a token is believed after what it is bound to should have ended.
// PARITY: pkg/serviceaccount/claims.go#validator.Validate
const LEEWAY: Duration = Duration::from_secs(60);

/// Whether what a token is bound to is in `state`. A pod that is told to end needs its tokens until
/// it has.
pub fn is_there(state: &State, namespace: &str, bound: &BoundTo, now: WallTime) -> bool {
    let object = state.object(&ObjectKey::new(bound.kind.kind(), namespace, bound.name.as_str()));
    object.is_some_and(|object| {
        let is_over = object.meta.deleted().is_some_and(|end| now.since(end) > LEEWAY);
        object.meta.uid == *bound.uid && !is_over
    })
}

/// Whether `authorizer` lets `user` act for `whom`.
pub fn may_impersonate(authorizer: &Authorizer, user: &User, whom: &Whom) -> bool {
    let wanted = ResourceAttributes {
        verb: "impersonate",
        group: whom.group,
        version: "v1",
        resource: whom.resource,
        subresource: &whom.subresource,
        namespace: &whom.namespace,
        name: &whom.name,
    };
    authorizer.authorize(user, &Attributes::Resource(wanted)).is_allowed()
}
