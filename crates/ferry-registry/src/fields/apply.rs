//! Server-side apply.

use ferry_units::WallTime;
use serde_json::{Map, Value};

use crate::fields::managers::{self, Entry};
use crate::fields::mention::mentioned;
use crate::fields::merge::merge;
use crate::fields::prune::prune;
use crate::fields::set::FieldSet;
use crate::fields::strip::{Reach, keep_within, strip};
use crate::fields::update::{claim_all, set_managed, settle, take_from, take_managed};
use crate::fields::validate::problems;
use crate::fields::versions::{Differences, Versions, form};
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
///
/// All are of the version that `manager` writes in. What others own is looked at in theirs. `config`
/// has nothing beyond `reach`, which is what the manager's path writes.
// PARITY: structured-merge-diff/merge/update.go#Apply
pub(crate) fn apply<V: Versions>(
    versions: &V,
    live: Option<&Document>,
    config: &Document,
    manager: &ManagerId,
    reach: Reach,
    conflicts: OnConflict,
    now: WallTime,
) -> Result<Document, ApplyError> {
    let version = versions.find(&manager.api_version).unwrap_or_else(|| versions.kept());
    let form = form(versions, version);
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
        let mut reached = before.clone();
        keep_within(reach, &mut reached);
        entries = claim_all(versions, version, &reached, &unknown, now);
    }

    let mut own = Entry::of(manager);
    let place = entries.iter().position(|entry| entry.is_of_same(&own));
    let last = place.map(|place| entries.swap_remove(place));
    own.fields = mentioned(form, config);
    own.time = Some(now.to_string());

    let mut after = before.clone();
    merge(form, &mut after, config);
    if let Some(last) = last.filter(|last| !last.fields.is_empty()) {
        let owners: Vec<&Entry> = entries.iter().chain([&own]).collect();
        after = prune(versions, version, after, &last, &owners);
        // What was emptied just now may be wanted as `null`.
        merge(form, &mut after, config);
    }

    let mut differences = Differences::new(versions, version, Some(&before), &after);
    if conflicts == OnConflict::Refuse {
        let found = conflicts_with(&entries, &mut differences);
        let found = last_applied::unless_client_side(form, manager, &before, found);
        if !found.is_empty() {
            return Err(ApplyError::Conflicts { conflicts: as_conflicts(&found) });
        }
    }
    take_from(&mut entries, &mut differences);
    strip(&mut own.fields);
    entries.push(own);
    entries.retain(|entry| !entry.fields.is_empty());
    set_managed(&mut after, managers::write(entries));
    last_applied::follow(manager, config, &mut after);
    if let Some(live) = live {
        settle(live, &mut after);
    }
    Ok(after)
}

/// For each entry, the fields of others that get another value, as its version has them.
fn conflicts_with<'e, V: Versions>(
    entries: &'e [Entry],
    differences: &mut Differences<'_, V>,
) -> Vec<(&'e Entry, FieldSet)> {
    let mut conflicts: Vec<(&Entry, FieldSet)> = Vec::new();
    for entry in entries {
        let Some(comparison) = differences.of_entry(&entry.api_version) else { continue };
        let mut fields = entry.fields.clone();
        let mut changed = comparison.modified.clone();
        changed.unite(comparison.added.clone());
        fields.intersect(&changed);
        if !fields.is_empty() {
            conflicts.push((entry, fields));
        }
    }
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
