//! What somebody holds, as an index: whether a part of a rule is covered by it.

use std::collections::{BTreeMap, BTreeSet};

use crate::rbac::Rule;
use crate::rbac::rule::ALL;

/// Rules, so that whether they cover something is not asked of each. A role has room for tens of
/// thousands of them, and as many may be wanted.
pub(super) struct Held<'a> {
    /// What rules of one verb and one resource hold, which is what somebody makes who makes many.
    single: BTreeSet<Single<'a>>,
    /// What rules of one verb and one path hold, by verb.
    paths: BTreeMap<&'a str, Paths<'a>>,
    /// All other rules, which are asked one by one.
    wide: Vec<Wide<'a>>,
}

/// A verb, a group, a resource, and a name unless it is about all objects.
type Single<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

/// A rule of several verbs, resources, names or paths.
struct Wide<'a> {
    verbs: BTreeSet<&'a str>,
    groups: BTreeSet<&'a str>,
    resources: BTreeSet<&'a str>,
    names: BTreeSet<&'a str>,
    paths: Paths<'a>,
}

/// Patterns of paths.
#[derive(Default)]
struct Paths<'a> {
    exact: BTreeSet<&'a str>,
    /// What stands before a `*`. None of them begins with another one.
    prefixes: BTreeSet<&'a str>,
}

impl<'a> Held<'a> {
    pub(super) fn new(rules: &'a [Rule]) -> Self {
        let mut single = BTreeSet::new();
        let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut wide = Vec::new();
        for rule in rules {
            let Rule { verbs, groups, resources, names, paths: of_paths } = rule;
            match (&verbs[..], &groups[..], &resources[..], &names[..], &of_paths[..]) {
                ([verb], [group], [resource], [], []) => {
                    single.insert((verb.as_str(), group.as_str(), resource.as_str(), None));
                }
                ([verb], [group], [resource], [name], []) => {
                    single.insert((verb, group, resource, Some(name.as_str())));
                }
                ([verb], [], [], [], [path]) => paths.entry(verb).or_default().push(path),
                _ => wide.push(Wide::new(rule)),
            }
        }
        let paths = paths.into_iter().map(|(verb, all)| (verb, Paths::new(all))).collect();
        Self { single, paths, wide }
    }

    /// How many rules have to be asked for each part.
    pub(super) fn asked(&self) -> usize {
        1 + self.wide.len()
    }

    /// Whether a rule of one verb and one resource, name or path is covered.
    pub(super) fn covers(&self, part: &Rule) -> bool {
        let Some(verb) = part.verbs.first() else { return true };
        let known = match part.paths.first() {
            Some(path) => [verb, ALL]
                .iter()
                .any(|verb| self.paths.get(verb).is_some_and(|paths| paths.cover(path))),
            None => self.has_single(verb, part),
        };
        known || self.wide.iter().any(|rule| rule.covers(part))
    }

    fn has_single(&self, verb: &str, part: &Rule) -> bool {
        let (Some(group), Some(resource)) = (part.groups.first(), part.resources.first()) else {
            return false;
        };
        let name = part.names.first().map(String::as_str);
        let resources = standing_for(resource);
        let resources = resources.iter().map(String::as_str).chain([resource.as_str(), ALL]);
        resources.into_iter().any(|resource| {
            [verb, ALL].iter().any(|verb| {
                [group, ALL].iter().any(|group| {
                    self.single.contains(&(verb, group, resource, None))
                        || name.is_some() && self.single.contains(&(verb, group, resource, name))
                })
            })
        })
    }
}

impl<'a> Wide<'a> {
    fn new(rule: &'a Rule) -> Self {
        Self {
            verbs: set(&rule.verbs),
            groups: set(&rule.groups),
            resources: set(&rule.resources),
            names: set(&rule.names),
            paths: Paths::new(rule.paths.iter().map(String::as_str).collect()),
        }
    }

    fn covers(&self, part: &Rule) -> bool {
        let has = |set: &BTreeSet<&str>, wanted: &String| {
            set.contains(ALL) || set.contains(wanted.as_str())
        };
        let covers_names = self.names.is_empty()
            || part.names.first().is_some_and(|name| self.names.contains(name.as_str()));
        covers_names
            && part.verbs.iter().all(|verb| has(&self.verbs, verb))
            && part.groups.iter().all(|group| has(&self.groups, group))
            && part.resources.iter().all(|resource| {
                has(&self.resources, resource)
                    || standing_for(resource)
                        .is_some_and(|all| self.resources.contains(all.as_str()))
            })
            && part.paths.iter().all(|path| self.paths.cover(path))
    }
}

impl<'a> Paths<'a> {
    fn new(patterns: Vec<&'a str>) -> Self {
        let sorted: BTreeSet<&str> = patterns
            .iter()
            .filter(|pattern| pattern.ends_with(ALL))
            .map(|pattern| pattern.trim_end_matches(ALL))
            .collect();
        let mut prefixes = BTreeSet::new();
        let mut last: Option<&str> = None;
        for prefix in sorted {
            if last.is_none_or(|last| !prefix.starts_with(last)) {
                prefixes.insert(prefix);
                last = Some(prefix);
            }
        }
        Self { exact: patterns.into_iter().collect(), prefixes }
    }

    /// Whether some pattern covers the path.
    fn cover(&self, path: &str) -> bool {
        // Whatever stands between a prefix of the path and the path begins with that prefix, and no
        // prefix begins with another one: only the last before the path can be it.
        let before = self.prefixes.range(..=path).next_back();
        self.exact.contains(path) || before.is_some_and(|prefix| path.starts_with(prefix))
    }
}

/// What stands for a subresource of all resources.
fn standing_for(resource: &str) -> Option<String> {
    resource.split_once('/').map(|(_, subresource)| format!("*/{subresource}"))
}

fn set(list: &[String]) -> BTreeSet<&str> {
    list.iter().map(String::as_str).collect()
}
