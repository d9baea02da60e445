//! From roles and bindings to who has which rules.
//!
//! A role that gathers the rules of others (`aggregationRule`) is resolved here, where upstream a
//! controller copies the rules: what the labels of roles say holds at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferry_api::{Selector, View};
use k8s_openapi::api::rbac::v1::{
    AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef,
    Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::rbac::Rule;
use crate::rbac::authorizer::{Grant, Order, Rank};

/// The rules of a role, or the reason why there are none.
pub(super) type Resolved = Result<Arc<[Rule]>, String>;

/// All roles, resolved when a binding first asks for them.
struct Roles {
    cluster: BTreeMap<String, ClusterRole>,
    namespaced: BTreeMap<(String, String), Arc<[Rule]>>,
    resolved: BTreeMap<String, Resolved>,
}

/// A reference to a role from within a namespace; an empty one is the whole cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoleReference<'a> {
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
}

/// The rules that a reference stands for.
pub(crate) fn referenced_rules(
    view: &impl View,
    reference: RoleReference<'_>,
) -> Result<Arc<[Rule]>, String> {
    Roles::of(view).referenced(reference)
}

/// A role that gathers others.
pub(super) struct Gathering {
    pub(super) name: String,
    /// The rules that stand in it.
    pub(super) shown: Vec<Rule>,
    /// The rules that it comes to.
    pub(super) gathered: Vec<Rule>,
}

/// All roles that gather others, by name.
pub(super) fn gathering(view: &impl View) -> Vec<Gathering> {
    let roles = Roles::of(view);
    let gathering = roles.cluster.iter().filter(|(_, role)| role.aggregation_rule.is_some());
    gathering
        .filter_map(|(name, role)| {
            Some(Gathering {
                name: name.clone(),
                shown: rules_of(role.rules.clone()),
                gathered: roles.resolve(name).ok()?.to_vec(),
            })
        })
        .collect()
}

/// What everybody is granted, by whom it is granted to.
pub(super) fn grants(view: &impl View) -> BTreeMap<String, Vec<Grant>> {
    let mut roles = Roles::of(view);
    let mut index = BTreeMap::new();
    let everything = Selector::default();
    for (number, binding) in
        view.list::<ClusterRoleBinding>(None, &everything).into_iter().enumerate()
    {
        let shape = Binding {
            rank: Rank::Cluster(number),
            namespace: None,
            name: quoted(&name(&binding.metadata)),
            kind: "ClusterRoleBinding",
        };
        shape.add(&mut index, &mut roles, &binding.role_ref, binding.subjects.as_deref());
    }
    for (number, binding) in view.list::<RoleBinding>(None, &everything).into_iter().enumerate() {
        let namespace = binding.metadata.namespace.clone().unwrap_or_default();
        let shape = Binding {
            rank: Rank::Namespace(number),
            name: quoted(&format!("{}/{namespace}", name(&binding.metadata))),
            namespace: Some(namespace),
            kind: "RoleBinding",
        };
        shape.add(&mut index, &mut roles, &binding.role_ref, binding.subjects.as_deref());
    }
    index
}

/// What the two kinds of bindings have in common.
struct Binding {
    rank: Rank,
    namespace: Option<String>,
    name: String,
    kind: &'static str,
}

impl Binding {
    fn add(
        &self,
        index: &mut BTreeMap<String, Vec<Grant>>,
        roles: &mut Roles,
        role: &RoleRef,
        subjects: Option<&[Subject]>,
    ) {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        let granted =
            roles.referenced(RoleReference { kind: &role.kind, name: &role.name, namespace });
        let namespace: Option<Arc<str>> = self.namespace.as_deref().map(Arc::from);
        for (number, subject) in subjects.unwrap_or_default().iter().enumerate() {
            let Some(key) = key_of(subject, self.namespace.as_deref()) else { continue };
            // PARITY: pkg/registry/rbac/validation/rule.go#VisitRulesFor
            let source = format!(
                "{} {} of {} {} to {}",
                self.kind,
                self.name,
                role.kind,
                quoted(&role.name),
                describe(subject, namespace.as_deref().unwrap_or_default()),
            );
            index.entry(key).or_default().push(Grant {
                order: Order { binding: self.rank, subject: number },
                namespace: namespace.clone(),
                rules: granted.clone(),
                source: Arc::from(source),
            });
        }
    }
}

impl Roles {
    fn of(view: &impl View) -> Self {
        let everything = Selector::default();
        let cluster = view.list::<ClusterRole>(None, &everything);
        let namespaced = view.list::<Role>(None, &everything);
        Self {
            cluster: cluster.into_iter().map(|role| (name(&role.metadata), role)).collect(),
            namespaced: namespaced
                .into_iter()
                .map(|role| {
                    let namespace = role.metadata.namespace.clone().unwrap_or_default();
                    ((namespace, name(&role.metadata)), rules_of(role.rules).into())
                })
                .collect(),
            resolved: BTreeMap::new(),
        }
    }

    // PARITY: pkg/registry/rbac/validation/rule.go#GetRoleReferenceRules
    fn referenced(&mut self, reference: RoleReference<'_>) -> Resolved {
        let RoleReference { kind, name, namespace } = reference;
        match kind {
            "Role" => {
                self.namespaced.get(&(namespace.to_owned(), name.to_owned())).cloned().ok_or_else(
                    || format!("role.rbac.authorization.k8s.io {} not found", quoted(name)),
                )
            }
            "ClusterRole" => {
                if !self.resolved.contains_key(name) {
                    let rules = self.resolve(name);
                    self.resolved.insert(name.to_owned(), rules);
                }
                self.resolved[name].clone()
            }
            other => Err(format!("unsupported role reference kind: {}", quoted(other))),
        }
    }

    fn resolve(&self, name: &str) -> Resolved {
        if !self.cluster.contains_key(name) {
            return Err(format!(
                "clusterrole.rbac.authorization.k8s.io {} not found",
                quoted(name)
            ));
        }
        // Roles that gather one another are looked at once each.
        let mut seen = BTreeSet::new();
        let mut waiting = vec![name];
        let mut known = BTreeSet::new();
        let mut rules = Vec::new();
        while let Some(name) = waiting.pop() {
            let Some((name, role)) = self.cluster.get_key_value(name) else { continue };
            if !seen.insert(name.as_str()) {
                continue;
            }
            match &role.aggregation_rule {
                None => {
                    for rule in rules_of(role.rules.clone()) {
                        if known.insert(rule.clone()) {
                            rules.push(rule);
                        }
                    }
                }
                // Last in, first out: by name in the end.
                Some(aggregation) => waiting.extend(self.gathered(aggregation).into_iter().rev()),
            }
        }
        Ok(rules.into())
    }

    /// The roles that `aggregation` gathers, by name.
    // PARITY: pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go#syncClusterRole
    fn gathered(&self, aggregation: &AggregationRule) -> Vec<&str> {
        let selectors: Vec<Selector> = aggregation
            .cluster_role_selectors
            .iter()
            .flatten()
            // What cannot be read selects nothing.
            .filter_map(|selector| Selector::try_from(selector).ok())
            .collect();
        self.cluster
            .iter()
            .filter(|(_, role)| {
                let none = BTreeMap::new();
                let labels = role.metadata.labels.as_ref().unwrap_or(&none);
                selectors.iter().any(|selector| selector.matches(labels))
            })
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

/// What the subject is found by: the name of a user, or a group with a mark in front.
// PARITY: pkg/registry/rbac/validation/rule.go#appliesToUser
fn key_of(subject: &Subject, namespace: Option<&str>) -> Option<String> {
    match subject.kind.as_str() {
        "User" => Some(key_of_user(&subject.name)),
        "Group" => Some(key_of_group(&subject.name)),
        "ServiceAccount" => {
            let own = subject.namespace.as_deref().filter(|namespace| !namespace.is_empty());
            let namespace = own.or(namespace)?;
            Some(key_of_user(&format!("system:serviceaccount:{namespace}:{}", subject.name)))
        }
        _ => None,
    }
}

pub(super) fn key_of_user(name: &str) -> String {
    format!("user {name}")
}

pub(super) fn key_of_group(name: &str) -> String {
    format!("group {name}")
}

fn describe(subject: &Subject, namespace: &str) -> String {
    if subject.kind == "ServiceAccount" {
        let own = subject.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let namespace = own.unwrap_or(namespace);
        return format!("ServiceAccount {}", quoted(&format!("{}/{namespace}", subject.name)));
    }
    format!("{} {}", subject.kind, quoted(&subject.name))
}

fn rules_of(rules: Option<Vec<PolicyRule>>) -> Vec<Rule> {
    rules.unwrap_or_default().into_iter().map(Rule::from).collect()
}

fn name(metadata: &ObjectMeta) -> String {
    metadata.name.clone().unwrap_or_default()
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}
