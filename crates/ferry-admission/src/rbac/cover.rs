//! Nobody may give what he does not have: whether some rules cover others, and what is missing.

use std::collections::{BTreeMap, BTreeSet};

use ferry_registry::User;

use crate::rbac::Rule;
use crate::rbac::held::Held;

/// Into as many parts all rules of a role may be broken down: more than it has room for where each
/// is written out. A rule of three long lists would come to thousands of millions.
const MOST_PARTS: usize = 50_000;

/// As often a part may be compared with a rule: some tenths of a second of the thread that decides
/// for everybody. All roles that a cluster begins with take some thousands.
const MOST_COMPARED: usize = 2_000_000;

/// What of `wanted` is not covered by `held`, in rules of one verb and one resource or path each;
/// or why that cannot be said.
// PARITY: component-helpers/auth/rbac/validation/policy_comparator.go#Covers
pub(crate) fn missing(held: &[Rule], wanted: &[Rule]) -> Result<Vec<Rule>, String> {
    let held = Held::new(held);
    let parts = wanted.iter().map(parts).fold(0, usize::saturating_add);
    if parts > MOST_PARTS || parts.saturating_mul(held.asked()) > MOST_COMPARED {
        return Err("the rules come to too many combinations of verbs, resources and names to \
                    compare with those of who gives them: give fewer at a time"
            .to_owned());
    }
    let parts = wanted.iter().flat_map(break_down);
    Ok(parts.filter(|part| !held.covers(part)).collect())
}

/// How many parts a rule is broken down into.
fn parts(rule: &Rule) -> usize {
    let lists = [&rule.groups, &rule.resources].map(Vec::len);
    let objects = lists.into_iter().fold(rule.names.len().max(1), usize::saturating_mul);
    objects.saturating_add(rule.paths.len()).saturating_mul(rule.verbs.len())
}

/// The rule as rules of one verb and one resource, name or path each.
fn break_down(rule: &Rule) -> Vec<Rule> {
    let one = |text: &String| vec![text.clone()];
    let mut parts = Vec::new();
    for verb in &rule.verbs {
        for group in &rule.groups {
            for resource in &rule.resources {
                let part = Rule {
                    verbs: one(verb),
                    groups: one(group),
                    resources: one(resource),
                    ..Rule::default()
                };
                if rule.names.is_empty() {
                    parts.push(part.clone());
                }
                for name in &rule.names {
                    parts.push(Rule { names: one(name), ..part.clone() });
                }
            }
        }
        for path in &rule.paths {
            parts.push(Rule { verbs: one(verb), paths: one(path), ..Rule::default() });
        }
    }
    parts
}

/// What `user` is told who would give what he does not have.
// PARITY: pkg/registry/rbac/validation/rule.go#ConfirmNoEscalation
pub(crate) fn sentence_of_missing(user: &User, missing: Vec<Rule>, reason: &str) -> String {
    let lines: BTreeSet<String> = compact(missing).iter().map(describe).collect();
    let lines: Vec<String> = lines.into_iter().collect();
    let mut sentence = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        list(&user.groups),
        lines.join("\n")
    );
    if !reason.is_empty() {
        sentence.push_str("; resolution errors: [");
        sentence.push_str(reason);
        sentence.push(']');
    }
    sentence
}

/// Rules that differ by verb only become one.
// PARITY: pkg/registry/rbac/validation/policy_compact.go#CompactRules
fn compact(rules: Vec<Rule>) -> Vec<Rule> {
    let mut compacted = Vec::new();
    let mut simple: BTreeMap<(Vec<String>, Vec<String>), Rule> = BTreeMap::new();
    for rule in rules {
        if !rule.names.is_empty() || !rule.paths.is_empty() {
            compacted.push(rule);
            continue;
        }
        simple
            .entry((rule.groups.clone(), rule.resources.clone()))
            .and_modify(|known| known.verbs.extend(rule.verbs.iter().cloned()))
            .or_insert(rule);
    }
    compacted.extend(simple.into_values());
    compacted
}

// PARITY: pkg/apis/rbac/v1/evaluation_helpers.go#CompactString
fn describe(rule: &Rule) -> String {
    let parts: Vec<String> = [
        ("APIGroups", &rule.groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.paths),
        ("ResourceNames", &rule.names),
        ("Verbs", &rule.verbs),
    ]
    .into_iter()
    .filter(|(_, values)| !values.is_empty())
    .map(|(name, values)| format!("{name}:{}", list(values)))
    .collect();
    format!("{{{}}}", parts.join(", "))
}

/// A list of texts as Go prints it.
fn list(values: &[String]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    format!("[{}]", quoted.join(" "))
}
