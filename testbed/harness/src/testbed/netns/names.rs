//! What namespaces and interfaces of a testbed are called.
//!
//! Interfaces have at most 15 characters. Only one of them is in this machine's own namespace, where
//! those of other testbeds are too.

use crate::testbed::Dir;

/// The port of the management bridge that the cable to this machine ends at.
pub(super) const UPLINK: &str = "mgmt-host";

/// What is called a node, and is none.
const TRIAL: &str = "-trial";

/// The names of a testbed, which follow from where it is: they are found even if it was killed before
/// it could write anything down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    id: String,
}

impl Names {
    pub(super) fn of(dir: &Dir) -> Self {
        Self { id: format!("{:08x}", dir.number()) }
    }

    /// Those of a process that only tries whether there can be any.
    pub(super) fn of_process() -> Self {
        Self { id: format!("{:08x}", std::process::id()) }
    }

    /// This machine's interface.
    pub(super) fn uplink(&self) -> String {
        format!("ferry{}", self.id)
    }

    /// The namespace of bridges.
    pub(super) fn switch(&self) -> String {
        format!("ferry-{}", self.id)
    }

    /// The namespace of a node.
    pub(super) fn node(&self, node: &str) -> String {
        format!("ferry-{}-{node}", self.id)
    }

    /// A namespace to try things in. No node's name begins with a dash.
    pub(super) fn trial(&self) -> String {
        self.node(TRIAL)
    }

    /// Whether a namespace is one to try things in, whoever has made it.
    pub(super) fn is_trial(namespace: &str) -> bool {
        let id = namespace.strip_prefix("ferry-").and_then(|rest| rest.strip_suffix(TRIAL));
        let id = id.and_then(|rest| rest.strip_suffix('-')).unwrap_or_default();
        id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// Whether a namespace is one of these.
    pub(super) fn has(&self, namespace: &str) -> bool {
        let rest = namespace.strip_prefix(&self.switch());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_testbeds_own_and_fit() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let names = |at: &tempfile::TempDir| Names::of(&Dir::make(at.path()).unwrap());
        let (one, other) = (names(&one), names(&other));
        assert_ne!(one, other);
        assert!(one.uplink().len() <= 15);
        for namespace in [one.switch(), one.node("a"), one.trial()] {
            assert!(one.has(&namespace) && !other.has(&namespace), "{namespace}");
        }
        assert!(!one.has(&format!("{}0", one.switch())) && !one.has("ferry-"));
        assert!(Names::is_trial(&one.trial()) && Names::is_trial(&Names::of_process().trial()));
        for other in [&one.switch(), &one.node("trial"), "ferry---trial", "ferry-1--trial", "x"] {
            assert!(!Names::is_trial(other), "{other}");
        }
    }
}
