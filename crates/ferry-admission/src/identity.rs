//! Who is who: the names by which ferry's own components and the cluster's nodes are known.
//!
//! The names of components are no service accounts on purpose: whoever may make a service account
//! in some namespace could make himself one of them.

use ferry_registry::User;

/// The group whose members may do everything, whatever the roles say.
pub const MASTERS: &str = "system:masters";

/// The group of the cluster's nodes.
pub const NODES: &str = "system:nodes";

/// What the name of a node's user begins with; the name of the node follows.
pub const NODE_PREFIX: &str = "system:node:";

/// The controller, which plays the part of KubeVirt's virt-controller.
pub const CONTROLLER: &str = "system:ferry:controller";

/// The API server where it writes on somebody's behalf, as KubeVirt's virt-api does.
pub const API_SERVER: &str = "system:ferry:apiserver";

/// What a user is to the rules of virtual machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// The controller or the API server: it keeps the status and may change what users may not.
    Component,
    /// The node of that name: it reports on what runs there.
    Node(&'a str),
    /// It is among the nodes but does not say which one it is.
    NamelessNode,
    /// Anybody else.
    Other,
}

/// What `user` is.
// PARITY: pkg/auth/nodeidentifier/default.go#NodeIdentity
pub fn role(user: &User) -> Role<'_> {
    if user.name == CONTROLLER || user.name == API_SERVER {
        return Role::Component;
    }
    if !is_in(user, NODES) {
        return Role::Other;
    }
    match user.name.strip_prefix(NODE_PREFIX) {
        Some(name) if !name.is_empty() => Role::Node(name),
        Some(_) | None => Role::NamelessNode,
    }
}

/// Whether `user` is in `group`.
pub fn is_in(user: &User, group: &str) -> bool {
    user.groups.iter().any(|each| each == group)
}

/// The user as whom the API server writes on somebody's behalf.
pub(crate) fn api_server() -> User {
    User { name: API_SERVER.to_owned(), ..User::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_only_a_user_with_the_name_and_the_group_is_a_node() {
        for (name, groups, expected) in [
            ("system:node:a", &[NODES][..], Role::Node("a")),
            ("system:node:a", &[], Role::Other),
            ("system:node:", &[NODES], Role::NamelessNode),
            ("alice", &[NODES], Role::NamelessNode),
            ("alice", &[MASTERS], Role::Other),
            (CONTROLLER, &[], Role::Component),
            (API_SERVER, &[], Role::Component),
            ("system:serviceaccount:kubevirt:kubevirt-controller", &[], Role::Other),
        ] {
            let user = User {
                name: name.to_owned(),
                groups: groups.iter().map(|&group| group.to_owned()).collect(),
                ..User::default()
            };
            assert_eq!(role(&user), expected, "{name} {groups:?}");
        }
    }
}
