//! One rule of a role, and what it lets through.

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::rbac::{Attributes, ResourceAttributes};

/// What stands for everything, in each list of a rule but that of names.
pub(super) const ALL: &str = "*";

/// One rule of a role: either about objects or about paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Verbs.
    pub verbs: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// `pods`, `pods/status`, `*/status`.
    pub resources: Vec<String>,
    /// Names; none for all objects.
    pub names: Vec<String>,
    /// Paths; a `*` at the end stands for whatever follows.
    pub paths: Vec<String>,
}

impl From<PolicyRule> for Rule {
    fn from(rule: PolicyRule) -> Self {
        Self {
            verbs: rule.verbs,
            groups: rule.api_groups.unwrap_or_default(),
            resources: rule.resources.unwrap_or_default(),
            names: rule.resource_names.unwrap_or_default(),
            paths: rule.non_resource_urls.unwrap_or_default(),
        }
    }
}

impl Rule {
    /// Everything that can be done with objects.
    pub(crate) fn all_resources() -> Self {
        let all = || vec![ALL.to_owned()];
        Self { verbs: all(), groups: all(), resources: all(), ..Self::default() }
    }

    /// Everything that can be done with paths.
    pub(crate) fn all_paths() -> Self {
        let all = || vec![ALL.to_owned()];
        Self { verbs: all(), paths: all(), ..Self::default() }
    }

    /// Whether it lets somebody do that.
    // PARITY: plugin/pkg/auth/authorizer/rbac/rbac.go#RuleAllows
    pub fn allows(&self, wanted: &Attributes<'_>) -> bool {
        match wanted {
            Attributes::Resource(wanted) => {
                has_or_all(&self.verbs, wanted.verb)
                    && has_or_all(&self.groups, wanted.group)
                    && self.names_resource(wanted)
                    && (self.names.is_empty() || has(&self.names, wanted.name))
            }
            Attributes::Path { verb, path } => {
                has_or_all(&self.verbs, verb)
                    && self.paths.iter().any(|pattern| path_covers(pattern, path))
            }
        }
    }

    // PARITY: pkg/apis/rbac/v1/evaluation_helpers.go#ResourceMatches
    fn names_resource(&self, wanted: &ResourceAttributes<'_>) -> bool {
        self.resources.iter().any(|named| match named.split_once('/') {
            None => named == ALL || wanted.subresource.is_empty() && named == wanted.resource,
            Some((resource, subresource)) => {
                !wanted.subresource.is_empty()
                    && subresource == wanted.subresource
                    && (resource == ALL || resource == wanted.resource)
            }
        })
    }
}

/// Whether `list` has `wanted`.
fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|each| each == wanted)
}

/// Whether `list` has `wanted` or stands for everything.
fn has_or_all(list: &[String], wanted: &str) -> bool {
    list.iter().any(|each| each == ALL || each == wanted)
}

/// Whether the path that a rule names covers `path`, which may end with a `*` itself.
// PARITY: pkg/apis/rbac/v1/evaluation_helpers.go#NonResourceURLMatches
fn path_covers(pattern: &str, path: &str) -> bool {
    pattern == path || pattern.ends_with('*') && path.starts_with(pattern.trim_end_matches('*'))
}
