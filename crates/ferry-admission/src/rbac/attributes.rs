//! What somebody wants to do, as authorization sees it.

use ferry_registry::User;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes<'a> {
    /// Something with objects.
    Resource(ResourceAttributes<'a>),
    /// Something with a path that has no objects, such as `/healthz`.
    Path {
        /// The HTTP method in lower case.
        verb: &'a str,
        /// The path.
        path: &'a str,
    },
}

/// What somebody wants to do with objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceAttributes<'a> {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection` and others.
    pub verb: &'a str,
    /// The group; empty for Kubernetes' core.
    pub group: &'a str,
    /// The version.
    pub version: &'a str,
    /// The plural.
    pub resource: &'a str,
    /// What of the object; empty for the object itself.
    pub subresource: &'a str,
    /// The namespace; empty for all of them and for kinds of the whole cluster.
    pub namespace: &'a str,
    /// The name; empty for a collection.
    pub name: &'a str,
}

impl Attributes<'_> {
    /// The namespace that roles are looked up in.
    pub(super) const fn namespace(&self) -> &str {
        match self {
            Self::Resource(resource) => resource.namespace,
            Self::Path { .. } => "",
        }
    }

    /// What `user` is told who may not do that. `reason` is that of the verdict.
    // PARITY: apiserver/pkg/endpoints/handlers/responsewriters/errors.go#forbiddenMessage
    pub fn sentence(&self, user: &User, reason: &str) -> String {
        let mut sentence = match self {
            Self::Path { verb, path } => {
                format!("User {:?} cannot {verb} path {path:?}", user.name)
            }
            Self::Resource(wanted) => {
                let slash = if wanted.subresource.is_empty() { "" } else { "/" };
                let place = if wanted.namespace.is_empty() {
                    "at the cluster scope".to_owned()
                } else {
                    format!("in the namespace {:?}", wanted.namespace)
                };
                format!(
                    "User {:?} cannot {} resource \"{}{slash}{}\" in API group {:?} {place}",
                    user.name, wanted.verb, wanted.resource, wanted.subresource, wanted.group,
                )
            }
        };
        if !reason.is_empty() {
            sentence.push_str(": ");
            sentence.push_str(reason);
        }
        sentence
    }
}
