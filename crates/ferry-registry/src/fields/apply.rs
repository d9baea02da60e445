//! Server-side apply.

use ferry_api::Schema;
use ferry_units::WallTime;
use serde_json::{Map, Value};

use crate::fields::compare::{Comparison, compare};
use crate::fields::form::Form;
use crate::fields::managers::{self, Entry};
use crate::fields::mention::{mentioned, with_named};
use crate::fields::merge::merge;
use crate::fields::remove::without;
use crate::fields::set::FieldSet;
use crate::fields::strip::strip;
use crate::fields::update::{claim_all, set_managed, settle, take_managed};
use crate::fields::validate::problems;
use crate::fields::{ApplyError, ManagerId, Operation, last_applied};
use crate::object::Document;
use crate::refusal::FieldConflict;
use crate::request::OnConflict;

/// Who owns all that was there before anybody applied anything.
// PARITY: apimachinery/pkg/util/managedfields/internal/skipnonapplied.go#NewProbabilisticSkipNonAppliedManager
const BEFORE: &str = "before-first-apply";

/// The object that comes of applying `config` to `live`, with its `managedFields`.
///
/// It has all that `config` says. What `manager` had applied before and does not say any more is
/// gone, unless another manager owns it. Applying the same again gives an object equal to `live`.
// PARITY: structured-merge-diff/merge/update.go#Apply
pub(crate) fn apply(
    schema: &Schema,
    live: Option<&Document>,
    config: &Document,
    manager: &ManagerId,
    conflicts: OnConflict,
    now: WallTime,
) -> Result<Document, ApplyError> {
    let form = Form::Known(schema);
    let problems = problems(form, config);
    if !problems.is_empty() {
        return Err(ApplyError::Schema { object: described(config), problems });
    }
    let mut before = live.cloned().unwrap_or_default();
    let recorded = take_managed(&mut before);
    let mut entries = recorded.as_ref().and_then(managers::read).unwrap_or_default();
    if entries.is_empty() && live.is_some() {
        let unknown =
            ManagerId { name: BEFORE.to_owned(), operation: Operation::Update, ..manager.clone() };
        entries = claim_all(schema, &before, &unknown, now);
    }

    let mut own = Entry::of(manager);
    let place = entries.iter().position(|entry| entry.is_of_same(&own));
    let last = place.map(|place| entries.swap_remove(place).fields).unwrap_or_default();
    own.fields = mentioned(form, config);
    own.time = Some(now.to_string());

    let mut after = before.clone();
    merge(form, &mut after, config);
    if !last.is_empty() {
        after = prune(form, after, &last, &own.fields, &entries);
        // What was emptied just now may be wanted as `null`.
        merge(form, &mut after, config);
    }

    let comparison = compare(form, &before, &after);
    if conflicts == OnConflict::Refuse {
        let found = conflicts_with(&entries, &comparison);
        let found = last_applied::unless_client_side(form, manager, &before, found);
        if !found.is_empty() {
            return Err(ApplyError::Conflicts { conflicts: as_conflicts(&found) });
        }
    }
    strip(&mut own.fields);
    for entry in &mut entries {
        entry.fields.subtract(&comparison.modified);
        entry.fields.subtract(&comparison.added);
        entry.fields.subtract(&comparison.removed);
    }
    entries.push(own);
    entries.retain(|entry| !entry.fields.is_empty());
    set_managed(&mut after, managers::write(entries));
    last_applied::follow(manager, config, &mut after);
    if let Some(live) = live {
        settle(live, &mut after);
    }
    Ok(after)
}

/// `after` without what only this manager wanted, and wants no longer.
// PARITY: structured-merge-diff/merge/update.go#prune
fn prune(
    form: Form<'_>,
    merged: Document,
    last: &FieldSet,
    own: &FieldSet,
    others: &[Entry],
) -> Document {
    let last = with_named(form, last);
    let pruned = without(form, merged.clone(), &last);

    // Back with what others own, or this manager still does.
    let mut managed = own.clone();
    for other in others {
        managed.unite(other.fields.clone());
    }
    let all = with_named(form, &mentioned(form, &merged));
    let mut gone = all.clone();
    gone.subtract(&with_named(form, &mentioned(form, &pruned)));
    gone.subtract(&with_named(form, &managed));
    let pruned = without(form, merged.clone(), &gone);

    // And with what nobody owns: it was not this manager's to take away.
    let mut gone = all;
    gone.subtract(&with_named(form, &mentioned(form, &pruned)));
    gone.intersect(&last);
    without(form, merged, &gone)
}

/// For each entry, the fields of others that get another value.
fn conflicts_with<'e>(entries: &'e [Entry], comparison: &Comparison) -> Vec<(&'e Entry, FieldSet)> {
    let mut changed = comparison.modified.clone();
    changed.unite(comparison.added.clone());
    let mut conflicts: Vec<(&Entry, FieldSet)> = entries
        .iter()
        .map(|entry| {
            let mut fields = entry.fields.clone();
            fields.intersect(&changed);
            (entry, fields)
        })
        .filter(|(_, fields)| !fields.is_empty())
        .collect();
    conflicts.sort_by(|(left, _), (right, _)| {
        let key = |entry: &'e Entry| (&entry.manager, entry.operation, &entry.api_version);
        key(left).cmp(&key(right)).then_with(|| left.subresource.cmp(&right.subresource))
    });
    conflicts
}

fn as_conflicts(found: &[(&Entry, FieldSet)]) -> Vec<FieldConflict> {
    found
        .iter()
        .flat_map(|(entry, fields)| {
            let manager = entry.in_words();
            fields
                .paths()
                .into_iter()
                .map(move |field| FieldConflict { manager: manager.clone(), field })
        })
        .collect()
}

/// `namespace/name; group/version, Kind=Kind`.
// PARITY: apimachinery/pkg/util/managedfields/internal/structuredmerge.go#objectGVKNN
fn described(config: &Map<String, Value>) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let metadata = config.get("metadata");
    let namespace = text(metadata.and_then(|metadata| metadata.get("namespace")));
    let name = text(metadata.and_then(|metadata| metadata.get("name")));
    let api_version = text(config.get("apiVersion"));
    let slash = if api_version.contains('/') { "" } else { "/" };
    format!("{namespace}/{name}; {slash}{api_version}, Kind={}", text(config.get("kind")))
}
