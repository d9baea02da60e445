//! Sets of fields: who owns what is one of these for each manager.
//!
//! A set is a tree of path elements, each list of them sorted. An element may be a member itself,
//! lead to members, or both: `spec` and `spec.running` are two members, and neither implies the
//! other.

use std::cmp::Ordering;

use crate::fields::element::PathElement;

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    nodes: Vec<Node>,
}

/// An element of a set, and the set below it. One of both is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The element.
    pub(super) element: PathElement,
    /// Whether the element and what is below are in the set.
    pub(super) part: Part,
}

/// What a set says of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Whether the field itself is a member.
    pub(super) member: bool,
    /// The members below it.
    pub(super) below: FieldSet,
}

impl Part {
    /// A member with nothing below.
    pub(super) fn leaf() -> Self {
        Self { member: true, below: FieldSet::default() }
    }

    /// Whether neither the field nor anything below it is in the set.
    pub(super) fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl FieldSet {
    /// Whether it has no members.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes, sorted.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The set of these nodes, of which no two have the same element. Empty ones are left out.
    pub(super) fn of(mut nodes: Vec<Node>) -> Self {
        nodes.retain(|node| !node.part.is_empty());
        if !nodes.is_sorted_by(|left, right| left.element < right.element) {
            nodes.sort_by(|left, right| left.element.cmp(&right.element));
        }
        Self { nodes }
    }

    /// Adds a member, or what leads to one.
    pub(super) fn insert(&mut self, element: PathElement, part: Part) {
        if part.is_empty() {
            return;
        }
        match self.nodes.binary_search_by(|node| node.element.cmp(&element)) {
            Ok(index) => {
                let own = &mut self.nodes[index].part;
                own.member |= part.member;
                own.below.unite(part.below);
            }
            Err(index) => self.nodes.insert(index, Node { element, part }),
        }
    }

    /// What it says of a field.
    pub(super) fn field(&self, name: &str) -> Option<&Part> {
        let index = self.nodes.binary_search_by(|node| node.element.cmp_field(name)).ok()?;
        Some(&self.nodes[index].part)
    }

    /// What it says of an element.
    pub(super) fn get(&self, element: &PathElement) -> Option<&Part> {
        let index = self.nodes.binary_search_by(|node| node.element.cmp(element)).ok()?;
        Some(&self.nodes[index].part)
    }

    /// Adds all members of `other`.
    pub(super) fn unite(&mut self, other: Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = other;
            return;
        }
        let mut united = Vec::with_capacity(self.nodes.len() + other.nodes.len());
        let mut theirs = other.nodes.into_iter().peekable();
        for mut node in std::mem::take(&mut self.nodes) {
            while let Some(before) = theirs.next_if(|their| their.element < node.element) {
                united.push(before);
            }
            if let Some(their) = theirs.next_if(|their| their.element == node.element) {
                node.part.member |= their.part.member;
                node.part.below.unite(their.part.below);
            }
            united.push(node);
        }
        united.extend(theirs);
        self.nodes = united;
    }

    /// Takes out the members of `other`. What is below such a member stays.
    pub(super) fn subtract(&mut self, other: &Self) {
        self.walk(other, |own, their| match their {
            None => {}
            Some(their) => {
                own.member &= !their.member;
                own.below.subtract(&their.below);
            }
        });
    }

    /// Keeps only the members that `other` has too.
    pub(super) fn intersect(&mut self, other: &Self) {
        self.walk(other, |own, their| match their {
            None => *own = Part::default(),
            Some(their) => {
                own.member &= their.member;
                own.below.intersect(&their.below);
            }
        });
    }

    /// Calls `change` with each part and that of the same element in `other`, and drops what is
    /// empty afterwards.
    fn walk(&mut self, other: &Self, change: impl Fn(&mut Part, Option<&Part>)) {
        let mut theirs = other.nodes.iter().peekable();
        self.nodes.retain_mut(|node| {
            while theirs.next_if(|their| their.element < node.element).is_some() {}
            let same = theirs.peek().filter(|their| their.element.cmp(&node.element).is_eq());
            change(&mut node.part, same.map(|their| &their.part));
            !node.part.is_empty()
        });
    }

    /// Every member's path as messages have it, those of one level before those below.
    // PARITY: structured-merge-diff/fieldpath/set.go#Iterate
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        let members = self.nodes.iter().filter(|node| node.part.member);
        paths.extend(members.map(|node| format!("{prefix}{}", node.element)));
        for node in &self.nodes {
            if !node.part.below.is_empty() {
                node.part.below.collect_paths(&format!("{prefix}{}", node.element), paths);
            }
        }
    }
}

/// Two lists of elements, merged: each with its place in the one, the other, or both.
pub(super) fn join<'a, T>(
    left: &'a [(PathElement, T)],
    right: &'a [(PathElement, T)],
) -> Vec<(&'a PathElement, Option<&'a T>, Option<&'a T>)> {
    let mut joined = Vec::with_capacity(left.len().max(right.len()));
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return joined,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => left.0.cmp(&right.0),
        };
        let ours = if order.is_le() { left.next() } else { None };
        let theirs = if order.is_ge() { right.next() } else { None };
        if let Some((element, _)) = ours.or(theirs) {
            joined.push((element, ours.map(|item| &item.1), theirs.map(|item| &item.1)));
        }
    }
}
