//! What goes when a manager applies less than before.

use crate::fields::form::Form;
use crate::fields::managers::Entry;
use crate::fields::mention::{mentioned, with_named};
use crate::fields::remove::without;
use crate::fields::set::FieldSet;
use crate::fields::versions::{Versions, converted, form};
use crate::object::Document;

/// `merged` without what only this manager wanted, and wants no longer. `last` is what it wanted
/// before, `owners` are what it wants now and what all others own; each may be of another version.
// PARITY: structured-merge-diff/merge/update.go#prune
pub(super) fn prune<V: Versions>(
    versions: &V,
    version: V::Version,
    merged: Document,
    last: &Entry,
    owners: &[&Entry],
) -> Document {
    // Nobody can say what was meant in a version that there is not any more.
    let Some(then) = versions.find(&last.api_version) else { return merged };
    let merged = converted(versions, version, then, &merged).into_owned();
    let shape = form(versions, then);
    let last = with_named(shape, &last.fields);
    let mut pruned = without(shape, merged.clone(), &last);

    // Back with what others own, or this manager still does.
    let mut at = then;
    for (of, managed) in by_version(versions, then, owners) {
        let whole = converted(versions, then, of, &merged);
        let rest = converted(versions, at, of, &pruned);
        pruned = with_owned(form(versions, of), &whole, &rest, &managed);
        at = of;
    }

    // And with what nobody owns: it was not this manager's to take away.
    let pruned = converted(versions, at, then, &pruned);
    let mut gone = with_named(shape, &mentioned(shape, &merged));
    gone.subtract(&with_named(shape, &mentioned(shape, &pruned)));
    gone.intersect(&last);
    let pruned = without(shape, merged, &gone);
    converted(versions, then, version, &pruned).into_owned()
}

/// What is owned in each version, `first` before all others.
fn by_version<V: Versions>(
    versions: &V,
    first: V::Version,
    owners: &[&Entry],
) -> Vec<(V::Version, FieldSet)> {
    let mut managed: Vec<(V::Version, FieldSet)> = Vec::new();
    for owner in owners {
        let Some(version) = versions.find(&owner.api_version) else { continue };
        match managed.iter_mut().find(|(seen, _)| *seen == version) {
            Some((_, fields)) => fields.unite(owner.fields.clone()),
            None => managed.push((version, owner.fields.clone())),
        }
    }
    managed.sort_by_key(|(version, _)| *version != first);
    managed
}

/// `rest` with what is owned of `whole`.
// PARITY: structured-merge-diff/merge/update.go#addBackOwnedItems
fn with_owned(form: Form<'_>, whole: &Document, rest: &Document, managed: &FieldSet) -> Document {
    let mut gone = with_named(form, &mentioned(form, whole));
    gone.subtract(&with_named(form, &mentioned(form, rest)));
    gone.subtract(&with_named(form, managed));
    without(form, whole.clone(), &gone)
}
