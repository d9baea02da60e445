//! Roles and bindings: nobody gives what he does not have.
//!
//! Without this, whoever may write roles in a namespace could give himself all that there is in it.

use ferry_api::{Kind, View};
use ferry_registry::{Document, Part, Refusal, Review};
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::Value;

use crate::denial::forbidden;
use crate::fields::{at, same, text};
use crate::identity::{MASTERS, is_in};
use crate::policies::rbac_shape;
use crate::rbac::{
    Attributes, Authorizer, ResourceAttributes, RoleReference, Rule, missing, referenced_rules,
    sentence_of_missing,
};

pub(super) fn check(review: &Review<'_>, view: &impl View) -> Result<(), Refusal> {
    let Some((old, new)) = super::states(review) else { return Ok(()) };
    rbac_shape::check(review, old, new)?;
    if review.target.part != Part::Main
        || is_in(review.user, MASTERS)
        || old.is_some_and(|old| differs_for_the_collector_only(old, new))
    {
        return Ok(());
    }
    let escalation = Escalation { review, authorizer: Authorizer::compile(view) };
    match review.target.served.kind() {
        Kind::Role | Kind::ClusterRole => escalation.role(new),
        _ => escalation.binding(new, view),
    }
}

/// Owners and finalizers may be taken away by whoever may write the object at all.
// PARITY: pkg/registry/rbac/helpers.go#IsOnlyMutatingGCFields
fn differs_for_the_collector_only(old: &Document, new: &Document) -> bool {
    let essence = |object: &Document| {
        let mut object = object.clone();
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            for field in ["ownerReferences", "finalizers", "managedFields", "resourceVersion"] {
                metadata.remove(field);
            }
        }
        Value::Object(object)
    };
    same(Some(&essence(old)), Some(&essence(new)))
}

struct Escalation<'a> {
    review: &'a Review<'a>,
    authorizer: Authorizer,
}

impl Escalation<'_> {
    // PARITY: pkg/registry/rbac/clusterrole/policybased/storage.go#Create
    fn role(&self, role: &Document) -> Result<(), Refusal> {
        let plural = self.review.target.served.definition().plural;
        if self.may("escalate", plural, &self.review.target.name) {
            return Ok(());
        }
        if at(role, &["aggregationRule", "clusterRoleSelectors"]).is_some() {
            let everything = [Rule::all_resources(), Rule::all_paths()];
            self.holds(&everything).map_err(|message| {
                let message = format!(
                    "must have cluster-admin privileges to use an aggregationRule: {message}"
                );
                forbidden(self.review.target, message)
            })?;
        }
        let rules = role.get("rules").cloned().unwrap_or_default();
        // What has passed the schema can be read.
        let rules: Option<Vec<PolicyRule>> = serde_json::from_value(rules).unwrap_or_default();
        let rules: Vec<Rule> = rules.into_iter().flatten().map(Rule::from).collect();
        self.holds(&rules).map_err(|message| forbidden(self.review.target, message))
    }

    // PARITY: pkg/registry/rbac/rolebinding/policybased/storage.go#Create
    fn binding(&self, binding: &Document, view: &impl View) -> Result<(), Refusal> {
        let kind = text(binding, &["roleRef", "kind"]).unwrap_or_default();
        let name = text(binding, &["roleRef", "name"]).unwrap_or_default();
        let plural = if kind == "Role" { "roles" } else { "clusterroles" };
        if self.may("bind", plural, name) {
            return Ok(());
        }
        let namespace = self.review.target.namespace.as_str();
        let rules = referenced_rules(view, RoleReference { kind, name, namespace })
            .map_err(|message| forbidden(self.review.target, message))?;
        self.holds(&rules).map_err(|message| forbidden(self.review.target, message))
    }

    fn may(&self, verb: &str, resource: &str, name: &str) -> bool {
        let wanted = ResourceAttributes {
            verb,
            group: rbac_shape::GROUP,
            version: "v1",
            resource,
            subresource: "",
            namespace: &self.review.target.namespace,
            name,
        };
        self.authorizer.authorize(self.review.user, &Attributes::Resource(wanted)).is_allowed()
    }

    /// Whether the user has all that himself.
    fn holds(&self, rules: &[Rule]) -> Result<(), String> {
        let namespace = self.review.target.namespace.as_str();
        let held = self.authorizer.held(self.review.user, namespace);
        let missing = missing(&held, rules)?;
        if missing.is_empty() {
            return Ok(());
        }
        let trouble = self.authorizer.trouble(self.review.user, namespace);
        Err(sentence_of_missing(self.review.user, missing, &trouble))
    }
}
