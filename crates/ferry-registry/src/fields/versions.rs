//! One object, as each of its versions shows it.
//!
//! A manager's entry names the fields of the version that it was written in. Where versions of a
//! kind have their fields at different places, an object is compared in the version of the entry,
//! and what is removed is removed there.

use std::borrow::Cow;

use ferry_api::Schema;

use crate::fields::compare::{Comparison, compare};
use crate::fields::form::Form;
use crate::fields::strip::strip;
use crate::fields::update::creation;
use crate::object::Document;

/// The versions of one kind. Versions that have all fields at the same places may be one.
pub(crate) trait Versions {
    /// One of them.
    type Version: Copy + PartialEq;

    /// The version that objects are kept in.
    fn kept(&self) -> Self::Version;

    /// The version of that `apiVersion`; none if the kind is not in it.
    fn find(&self, api_version: &str) -> Option<Self::Version>;

    /// The schema of a version.
    fn schema(&self, version: Self::Version) -> &Schema;

    /// Changes an object of one version into one of another.
    fn convert(&self, from: Self::Version, to: Self::Version, object: &mut Document);
}

/// What is known of the fields of a version.
pub(super) fn form<V: Versions>(versions: &V, version: V::Version) -> Form<'_> {
    Form::Known(versions.schema(version))
}

/// An object in another version.
pub(super) fn converted<'o, V: Versions>(
    versions: &V,
    from: V::Version,
    to: V::Version,
    object: &'o Document,
) -> Cow<'o, Document> {
    if from == to {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    versions.convert(from, to, &mut object);
    Cow::Owned(object)
}

/// What is different between two states of an object, as each version shows it.
pub(super) struct Differences<'a, V: Versions> {
    versions: &'a V,
    /// The version that both states are given in.
    given: V::Version,
    before: Option<&'a Document>,
    after: &'a Document,
    seen: Vec<(V::Version, Comparison)>,
}

impl<'a, V: Versions> Differences<'a, V> {
    /// Between two states that are given in one version; before it was created, there is none.
    pub(super) fn new(
        versions: &'a V,
        given: V::Version,
        before: Option<&'a Document>,
        after: &'a Document,
    ) -> Self {
        Self { versions, given, before, after, seen: Vec::new() }
    }

    /// As `version` shows them, without what nobody owns.
    pub(super) fn at(&mut self, version: V::Version) -> &mut Comparison {
        let seen = self.seen.iter().position(|(seen, _)| *seen == version);
        let place = seen.unwrap_or_else(|| {
            self.seen.push((version, self.compare(version)));
            self.seen.len() - 1
        });
        &mut self.seen[place].1
    }

    /// As the version of an entry shows them; none if there is no such version any more.
    pub(super) fn of_entry(&mut self, api_version: &str) -> Option<&mut Comparison> {
        let version = self.versions.find(api_version)?;
        Some(self.at(version))
    }

    /// The same for whoever is the last to ask.
    pub(super) fn take_of_entry(&mut self, api_version: &str) -> Option<Comparison> {
        self.of_entry(api_version).map(std::mem::take)
    }

    fn compare(&self, version: V::Version) -> Comparison {
        let form = form(self.versions, version);
        let shown = |object| converted(self.versions, self.given, version, object);
        let after = shown(self.after);
        let mut comparison = match self.before {
            Some(before) => compare(form, &shown(before), &after),
            None => creation(form, &after),
        };
        let Comparison { added, modified, removed } = &mut comparison;
        for fields in [added, modified, removed] {
            strip(fields);
        }
        comparison
    }
}

/// A kind with one version, whatever it is called.
#[cfg(test)]
impl Versions for Schema {
    type Version = ();

    fn kept(&self) {}

    fn find(&self, _: &str) -> Option<()> {
        Some(())
    }

    fn schema(&self, (): ()) -> &Schema {
        self
    }

    fn convert(&self, (): (), (): (), _: &mut Document) {}
}
