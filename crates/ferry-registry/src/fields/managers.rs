//! `metadata.managedFields`: which manager owns what, and since when.

use std::cmp::Ordering;

use ferry_units::WallTime;
use serde_json::{Map, Value};

use crate::fields::set::FieldSet;
use crate::fields::{ManagerId, Operation, v1};

/// The type of field sets; there is no other.
const FIELDS_TYPE: &str = "FieldsV1";
/// Entries of updates that are kept apart. The oldest beyond them become one, so that a client that
/// calls itself something else each time cannot fill the object.
// PARITY: apimachinery/pkg/util/managedfields/internal/fieldmanager.go#DefaultMaxUpdateManagers
const MOST_UPDATERS: usize = 10;
/// Who owns what the entries that became one owned.
const ANCIENT: &str = "ancient-changes";

/// What one manager owns by one kind of write.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The manager's name.
    pub(super) manager: String,
    /// How it wrote.
    pub(super) operation: Operation,
    /// The version that the fields are of.
    pub(super) api_version: String,
    /// The subresource that it wrote through; empty for the object itself.
    pub(super) subresource: String,
    /// When it last came to own something.
    pub(super) time: Option<String>,
    /// What it owns.
    pub(super) fields: FieldSet,
}

impl Entry {
    /// The entry that a manager's writes go to, still without fields.
    pub(super) fn of(manager: &ManagerId) -> Self {
        let name = if manager.name.is_empty() { "unknown" } else { &manager.name };
        Self {
            manager: name.to_owned(),
            operation: manager.operation,
            api_version: manager.api_version.clone(),
            subresource: manager.subresource.to_owned(),
            time: None,
            fields: FieldSet::default(),
        }
    }

    /// Whether both are the same manager's, writing the same way. One that applies keeps its entry
    /// when it moves to another version.
    // PARITY: apimachinery/pkg/util/managedfields/internal/managedfields.go#BuildManagerIdentifier
    pub(super) fn is_of_same(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    /// As conflicts name it: `"kubectl" using v1`.
    // PARITY: apimachinery/pkg/util/managedfields/internal/conflict.go#printManager
    pub(super) fn in_words(&self) -> String {
        let through = match self.subresource.as_str() {
            "" => String::new(),
            subresource => format!(" with subresource {subresource:?}"),
        };
        let using = match self.operation {
            Operation::Apply => String::new(),
            Operation::Update => format!(" using {}", self.api_version),
        };
        format!("{:?}{through}{using}", self.manager)
    }

    fn seconds(&self) -> i64 {
        let time = self.time.as_deref().and_then(|time| time.parse::<WallTime>().ok());
        time.map_or(0, WallTime::unix_seconds)
    }

    // PARITY: apimachinery/pkg/util/managedfields/internal/managedfields.go#sortEncodedManagedFields
    fn order(&self, other: &Self) -> Ordering {
        let operation = self.operation.as_str().cmp(other.operation.as_str());
        operation
            .then_with(|| self.seconds().cmp(&other.seconds()))
            .then_with(|| self.manager.cmp(&other.manager))
            .then_with(|| self.api_version.cmp(&other.api_version))
            .then_with(|| self.subresource.cmp(&other.subresource))
    }

    fn read(entry: &Value) -> Option<Self> {
        let entry = entry.as_object()?;
        let text = |name: &str| match entry.get(name) {
            Some(Value::String(text)) => Some(text.as_str()),
            None | Some(Value::Null) => Some(""),
            Some(_) => None,
        };
        let operation = match text("operation")? {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        if text("fieldsType")? != FIELDS_TYPE || text("apiVersion")?.is_empty() {
            return None;
        }
        let time = Some(text("time")?).filter(|time| !time.is_empty());
        if time.is_some_and(|time| time.parse::<WallTime>().is_err()) {
            return None;
        }
        let fields = match entry.get("fieldsV1") {
            Some(fields) => v1::read(fields)?,
            None => FieldSet::default(),
        };
        Some(Self {
            manager: text("manager")?.to_owned(),
            operation,
            api_version: text("apiVersion")?.to_owned(),
            subresource: text("subresource")?.to_owned(),
            time: time.map(str::to_owned),
            fields,
        })
    }

    fn write(&self) -> Value {
        let mut entry = Map::new();
        let mut set = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        set("apiVersion", self.api_version.as_str().into());
        set("fieldsType", FIELDS_TYPE.into());
        set("fieldsV1", Value::Object(v1::write(&self.fields)));
        if !self.manager.is_empty() {
            set("manager", self.manager.as_str().into());
        }
        set("operation", self.operation.as_str().into());
        if !self.subresource.is_empty() {
            set("subresource", self.subresource.as_str().into());
        }
        if let Some(time) = &self.time {
            set("time", time.as_str().into());
        }
        Value::Object(entry)
    }
}

/// Reads `managedFields`; `None` if that is nothing that a server could have written.
// PARITY: apimachinery/pkg/util/managedfields/internal/managedfields.go#DecodeManagedFields
pub(super) fn read(managed: &Value) -> Option<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for entry in managed.as_array()? {
        let entry = Entry::read(entry)?;
        entries.retain(|other| !other.is_of_same(&entry));
        entries.push(entry);
    }
    Some(entries)
}

/// `managedFields` of these entries; nothing if there are none.
pub(super) fn write(mut entries: Vec<Entry>) -> Option<Value> {
    entries.sort_by(Entry::order);
    let entries: Vec<Value> = entries.iter().map(Entry::write).collect();
    (!entries.is_empty()).then_some(Value::Array(entries))
}

/// Makes one of the oldest entries of updates until there are few enough.
// PARITY: apimachinery/pkg/util/managedfields/internal/capmanagers.go#capUpdateManagers
pub(super) fn cap(entries: &mut Vec<Entry>) {
    let is_update = |entry: &Entry| entry.operation == Operation::Update;
    let mut updaters = entries.iter().filter(|entry| is_update(entry)).count();
    if updaters <= MOST_UPDATERS {
        return;
    }
    entries.sort_by(Entry::order);
    let mut place = 0;
    while updaters > MOST_UPDATERS && place < entries.len() {
        match bucket_of(entries, place) {
            Some(bucket) if is_update(&entries[place]) && bucket != place => {
                let merged = entries.remove(place);
                let bucket = &mut entries[if bucket > place { bucket - 1 } else { bucket }];
                if merged.seconds() > bucket.seconds() {
                    bucket.time = merged.time;
                }
                ANCIENT.clone_into(&mut bucket.manager);
                bucket.subresource.clear();
                bucket.fields.unite(merged.fields);
                updaters -= 1;
            }
            _ => place += 1,
        }
    }
}

/// The entry of updates that an old one is added to: those that were before, or the oldest of the
/// same version.
fn bucket_of(entries: &[Entry], place: usize) -> Option<usize> {
    let same = |entry: &&Entry| {
        entry.operation == Operation::Update && entry.api_version == entries[place].api_version
    };
    let ancient =
        |entry: &Entry| same(&entry) && entry.manager == ANCIENT && entry.subresource.is_empty();
    entries.iter().position(ancient).or_else(|| entries.iter().position(|entry| same(&entry)))
}
