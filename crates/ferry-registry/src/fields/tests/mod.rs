//! Ownership as upstream's own tests have it, in rows of our own.

mod appliers;
mod conflicts;
mod lists;
mod migration;
mod nested;
mod properties;
mod updates;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use ferry_api::Schema;
use ferry_api::schema::{MergeStrategy, ObjectShape, Shape, Text, UnknownFields};
use ferry_units::WallTime;
use serde_json::{Value, json};

use crate::fields::{ApplyError, ManagerId, Operation, Reach, apply, managers, track_update};
use crate::object::Document;
use crate::request::OnConflict;

pub(super) fn schema(shape: Shape, merge: MergeStrategy) -> Schema {
    // From one that is there, so that what else a schema says is as it is by default.
    let mut schema = Schema::of::<bool>();
    schema.shape = shape;
    schema.merge = merge;
    schema
}

pub(super) fn string() -> Schema {
    schema(Shape::String(Text::Any), MergeStrategy::Granular)
}

pub(super) fn number() -> Schema {
    schema(Shape::Number, MergeStrategy::Granular)
}

pub(super) fn anything() -> Schema {
    schema(Shape::Anything, MergeStrategy::Granular)
}

fn shape<const N: usize>(fields: [(&str, Schema); N], unknown: UnknownFields) -> Shape {
    Shape::Object(ObjectShape {
        properties: BTreeMap::from(fields.map(|(name, schema)| (name.to_owned(), schema))),
        required: BTreeSet::new(),
        unknown,
    })
}

pub(super) fn object<const N: usize>(fields: [(&str, Schema); N]) -> Schema {
    schema(shape(fields, UnknownFields::Pruned), MergeStrategy::Granular)
}

pub(super) fn open_object<const N: usize>(fields: [(&str, Schema); N]) -> Schema {
    schema(shape(fields, UnknownFields::Kept), MergeStrategy::Granular)
}

pub(super) fn map(values: Schema) -> Schema {
    schema(Shape::Map(Box::new(values)), MergeStrategy::Granular)
}

pub(super) fn atomic(mut of: Schema) -> Schema {
    of.merge = MergeStrategy::Atomic;
    of
}

pub(super) fn list(items: Schema) -> Schema {
    schema(Shape::Array(Box::new(items)), MergeStrategy::Atomic)
}

pub(super) fn set(items: Schema) -> Schema {
    schema(Shape::Array(Box::new(items)), MergeStrategy::Set)
}

pub(super) fn keyed<const N: usize>(keys: [&str; N], items: Schema) -> Schema {
    let keys = keys.map(str::to_owned).to_vec();
    schema(Shape::Array(Box::new(items)), MergeStrategy::Keyed(keys))
}

/// The schema of a whole object with these fields beside its head.
pub(super) fn root<const N: usize>(fields: [(&str, Schema); N]) -> Schema {
    let mut root = object(fields);
    let metadata = object([
        ("annotations", map(string())),
        ("finalizers", set(string())),
        ("generateName", string()),
        ("generation", number()),
        ("labels", map(string())),
        ("managedFields", list(anything())),
        ("name", string()),
        ("namespace", string()),
        ("ownerReferences", keyed(["uid"], atomic(anything()))),
        ("resourceVersion", string()),
        ("uid", string()),
    ]);
    if let Shape::Object(shape) = &mut root.shape {
        shape.properties.insert("apiVersion".to_owned(), string());
        shape.properties.insert("kind".to_owned(), string());
        shape.properties.insert("metadata".to_owned(), metadata);
    }
    root
}

pub(super) fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        other => panic!("{other} is no document"),
    }
}

pub(super) fn at(second: i64) -> WallTime {
    WallTime::from_unix_seconds(1_795_000_000 + second).unwrap()
}

pub(super) fn manager(name: &str, operation: Operation, api_version: &str) -> ManagerId {
    ManagerId {
        name: name.to_owned(),
        operation,
        api_version: api_version.to_owned(),
        subresource: "",
    }
}

/// An object with a history, in a world where a second passes between two writes.
pub(super) struct World {
    pub(super) schema: Schema,
    pub(super) object: Option<Document>,
    pub(super) second: i64,
}

/// Something that happens to an object.
pub(super) enum Step {
    Apply(&'static str, Value),
    Force(&'static str, Value),
    Update(&'static str, Value),
    /// An apply that these fields of others stand against.
    Conflict(&'static str, Value, &'static [(&'static str, &'static str)]),
}

impl World {
    pub(super) fn new(schema: &Schema) -> Self {
        Self { schema: schema.clone(), object: None, second: 0 }
    }

    pub(super) fn apply(
        &mut self,
        name: &str,
        config: Value,
        conflicts: OnConflict,
    ) -> Result<(), ApplyError> {
        self.second += 1;
        let manager = manager(name, Operation::Apply, "v1");
        let config = document(config);
        let now = at(self.second);
        let (live, reach) = (self.object.as_ref(), Reach::Everything);
        let after = apply(&self.schema, live, &config, &manager, reach, conflicts, now)?;
        self.keep(after);
        Ok(())
    }

    pub(super) fn update(&mut self, name: &str, content: Value) {
        self.second += 1;
        let manager = manager(name, Operation::Update, "v1");
        let mut after = document(content);
        if self.object.is_some() && !after.contains_key("metadata") {
            after.insert("metadata".to_owned(), json!({ "uid": "u" }));
        }
        track_update(&self.schema, self.object.as_ref(), &mut after, &manager, at(self.second));
        self.keep(after);
    }

    /// Keeps an object as a server does, which gives it a uid.
    fn keep(&mut self, mut after: Document) {
        let metadata = after.entry("metadata").or_insert_with(|| json!({}));
        metadata["uid"] = json!("u");
        self.object = Some(after);
    }

    /// The object without its metadata.
    pub(super) fn content(&self) -> Value {
        let mut content = self.object.clone().unwrap_or_default();
        content.remove("metadata");
        Value::Object(content)
    }

    /// `manager` (`manager/Update` where it did not apply) and the paths that it owns.
    pub(super) fn owners(&self) -> BTreeMap<String, Vec<String>> {
        let object = self.object.as_ref().expect("something was written");
        let managed = &object["metadata"]["managedFields"];
        let entries = managers::read(managed).unwrap_or_default();
        entries
            .into_iter()
            .map(|entry| {
                let applied = entry.operation == Operation::Apply;
                let how = if applied { "" } else { "/Update" };
                let mut paths = entry.fields.paths();
                paths.sort();
                (format!("{}{how}", entry.manager), paths)
            })
            .collect()
    }

    pub(super) fn run(&mut self, case: &str, steps: Vec<Step>) {
        for step in steps {
            let outcome = match step {
                Step::Apply(manager, config) => self.apply(manager, config, OnConflict::Refuse),
                Step::Force(manager, config) => self.apply(manager, config, OnConflict::TakeOver),
                Step::Update(manager, content) => {
                    self.update(manager, content);
                    Ok(())
                }
                Step::Conflict(manager, config, expected) => {
                    let outcome = self.apply(manager, config, OnConflict::Refuse);
                    let Err(ApplyError::Conflicts { conflicts }) = outcome else {
                        panic!("{case}: {outcome:?} is no conflict");
                    };
                    let found: Vec<(&str, &str)> = conflicts
                        .iter()
                        .map(|conflict| (conflict.manager.as_str(), conflict.field.as_str()))
                        .collect();
                    assert_eq!(found, expected, "{case}");
                    Ok(())
                }
            };
            assert_eq!(outcome, Ok(()), "{case}");
        }
    }
}

/// Steps, the object that they leave, and who owns what of it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) steps: Vec<Step>,
    pub(super) object: Value,
    pub(super) owners: &'static [(&'static str, &'static [&'static str])],
}

pub(super) fn check(schema: &Schema, cases: Vec<Case>) {
    for case in cases {
        let mut world = World::new(schema);
        world.run(case.name, case.steps);
        assert_eq!(world.content(), case.object, "{}", case.name);
        let expected: BTreeMap<String, Vec<String>> = case
            .owners
            .iter()
            .map(|(manager, paths)| {
                let mut paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
                paths.sort();
                ((*manager).to_owned(), paths)
            })
            .collect();
        assert_eq!(world.owners(), expected, "{}", case.name);
    }
}
