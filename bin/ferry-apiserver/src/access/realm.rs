//! What a cluster's objects say about callers.

use ferry_admission::{Attributes, Authorizer, ResourceAttributes};
use ferry_api::Kind;
use ferry_registry::{ObjectKey, State, User};

use super::Whom;

/// The uid of the service account of that name in `state`, if there is one that is not being
/// deleted.
pub fn service_account(state: &State, namespace: &str, name: &str) -> Option<String> {
    let account = state.object(&ObjectKey::new(Kind::ServiceAccount, namespace, name))?;
    account.meta.deleted.is_none().then(|| account.meta.uid.clone())
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
