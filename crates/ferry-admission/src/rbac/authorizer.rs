//! The index of who may do what, and the answers from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use ferry_api::View;
use ferry_registry::User;

use crate::identity::{MASTERS, is_in};
use crate::rbac::compile::{Resolved, grants, key_of_group, key_of_user};
use crate::rbac::{Attributes, Rule};

/// The roles and bindings of a cluster, compiled so that a question costs microseconds.
#[derive(Clone, Default)]
pub struct Authorizer {
    grants: BTreeMap<String, Vec<Grant>>,
}

/// What a binding grants to one of its subjects.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) order: Order,
    /// The namespace that it holds in; everywhere if none.
    pub(super) namespace: Option<Arc<str>>,
    pub(super) rules: Resolved,
    /// The binding, as the reason of a verdict has it.
    pub(super) source: Arc<str>,
}

/// Which grant is looked at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    pub(super) binding: Rank,
    pub(super) subject: usize,
}

/// Bindings of the cluster come before those of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Cluster(usize),
    Namespace(usize),
}

/// Whether somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// He may.
    Allowed {
        /// By which binding.
        reason: String,
    },
    /// He may not.
    Denied {
        /// Roles that bindings name and that are not there; usually empty.
        reason: String,
    },
}

/// What somebody may do in a namespace, as `kubectl auth can-i --list` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Rules about objects.
    pub resources: Vec<Rule>,
    /// Rules about paths.
    pub paths: Vec<Rule>,
    /// What could not be looked up; usually empty.
    pub error: String,
}

impl Verdict {
    /// Whether it is a yes.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }
}

impl Authorizer {
    /// Compiles the roles and bindings that `view` has.
    pub fn compile(view: &impl View) -> Self {
        Self { grants: grants(view) }
    }

    /// Whether `user` may do that.
    // PARITY: plugin/pkg/auth/authorizer/rbac/rbac.go#Authorize
    pub fn authorize(&self, user: &User, wanted: &Attributes<'_>) -> Verdict {
        if is_in(user, MASTERS) {
            return Verdict::Allowed { reason: String::new() };
        }
        let mut first: Option<&Grant> = None;
        for grant in self.of(user, wanted.namespace()) {
            if first.is_some_and(|first| first.order < grant.order) {
                continue;
            }
            let rules = grant.rules.as_deref().unwrap_or_default();
            if rules.iter().any(|rule| rule.allows(wanted)) {
                first = Some(grant);
            }
        }
        match first {
            Some(grant) => {
                Verdict::Allowed { reason: format!("RBAC: allowed by {}", grant.source) }
            }
            None => Verdict::Denied { reason: self.trouble(user, wanted.namespace()) },
        }
    }

    /// What `user` may do in `namespace`; empty for the whole cluster.
    // PARITY: plugin/pkg/auth/authorizer/rbac/rbac.go#RulesFor
    pub fn rules(&self, user: &User, namespace: &str) -> Rules {
        let mut rules = Rules::default();
        for rule in self.held(user, namespace) {
            let list = if rule.paths.is_empty() { &mut rules.resources } else { &mut rules.paths };
            list.push(rule);
        }
        rules.error = self.trouble(user, namespace);
        rules
    }

    /// The rules that `user` has in `namespace`, in the order of the bindings.
    pub(crate) fn held(&self, user: &User, namespace: &str) -> Vec<Rule> {
        let everything = [Rule::all_resources(), Rule::all_paths()];
        let everything: &[Rule] = if is_in(user, MASTERS) { &everything } else { &[] };
        // Of a binding that names somebody twice the first subject counts.
        let mut grants: BTreeMap<Rank, &Grant> = BTreeMap::new();
        for grant in self.of(user, namespace) {
            let first = grants.entry(grant.order.binding).or_insert(grant);
            if grant.order < first.order {
                *first = grant;
            }
        }
        let granted = grants.into_values().flat_map(|it| it.rules.as_deref().unwrap_or_default());
        let mut seen = BTreeSet::new();
        everything.iter().chain(granted).filter(|rule| seen.insert(*rule)).cloned().collect()
    }

    /// The roles of bindings for `user` that are not there, as denials have it.
    pub(crate) fn trouble(&self, user: &User, namespace: &str) -> String {
        let mut missing: BTreeMap<Order, &str> = BTreeMap::new();
        for grant in self.of(user, namespace) {
            if let Err(reason) = &grant.rules {
                missing.insert(grant.order, reason);
            }
        }
        let mut seen = BTreeSet::new();
        let mut reasons: Vec<&str> = missing.into_values().collect();
        reasons.retain(|reason| seen.insert(*reason));
        match reasons.as_slice() {
            [] => String::new(),
            [reason] => format!("RBAC: {reason}"),
            several => format!("RBAC: [{}]", several.join(", ")),
        }
    }

    /// What is granted to `user` in `namespace` or everywhere.
    fn of<'a>(&'a self, user: &User, namespace: &'a str) -> impl Iterator<Item = &'a Grant> {
        let keys = std::iter::once(key_of_user(&user.name))
            .chain(user.groups.iter().map(|group| key_of_group(group)))
            .collect::<Vec<String>>();
        keys.into_iter().filter_map(|key| self.grants.get(&key)).flatten().filter(move |grant| {
            match &grant.namespace {
                None => true,
                Some(only) => !namespace.is_empty() && **only == *namespace,
            }
        })
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("subjects", &self.grants.len()).finish()
    }
}
