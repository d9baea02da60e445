//! The schema: ferry's own, and those of real machines.

use std::collections::{BTreeMap, BTreeSet};

use ferry_qmp::qapi::{Input, Presence, Qapi, Reading, Shape};
use ferry_qmp::schema::{Schema, SchemaError, SchemaInfo, SchemaMeta, served_schema};
use ferry_qmp::words::{
    BlockdevMirror, Migrate, MigrateSetCapabilities, MigrationCapability, NbdServerAdd,
};
use ferry_qmp::{COMMANDS, EVENTS, Event, QueryMigrate, SESSION_COMMANDS};

use crate::round_trip::json;

const QEMU_10: &str = include_str!("../transcripts/schema-qemu-10.0.2.json");
const QEMU_7: &str = include_str!("../transcripts/schema-qemu-7.2.22.json");

fn own() -> Schema {
    Schema::new(served_schema()).expect("ferry's schema is sound")
}

fn of(text: &str) -> Schema {
    let entries = Vec::<SchemaInfo>::read(&Input::root(&json(text), Reading::Tolerant));
    Schema::new(entries.expect("it is a schema")).expect("a machine's schema is sound")
}

#[test]
fn the_schema_is_read_back_strictly() {
    let entries = served_schema();
    let read = Vec::<SchemaInfo>::read(&Input::root(&entries.write(), Reading::Strict));
    assert_eq!(read, Ok(entries));
}

#[test]
fn the_schema_has_what_is_served_and_nothing_else() {
    let schema = own();
    let (mut commands, mut events, mut types) = (BTreeSet::new(), BTreeSet::new(), 0);
    for entry in schema.entries() {
        match &entry.meta {
            SchemaMeta::Command(_) => _ = commands.insert(entry.name.as_str()),
            SchemaMeta::Event(_) => _ = events.insert(entry.name.as_str()),
            SchemaMeta::Builtin(_)
            | SchemaMeta::Enum(_)
            | SchemaMeta::Array(_)
            | SchemaMeta::Object(_)
            | SchemaMeta::Alternate(_) => types += 1,
        }
    }
    let served = SESSION_COMMANDS.iter().chain(COMMANDS);
    assert_eq!(commands, served.map(|command| command.name).collect());
    assert_eq!(events, EVENTS.iter().map(|event| event.name).collect());
    assert_eq!(reached(&schema).len(), types, "every type is used by a command or an event");
}

/// The types that commands and events lead to.
fn reached(schema: &Schema) -> BTreeSet<String> {
    let by_name: BTreeMap<_, _> =
        schema.entries().map(|entry| (entry.name.as_str(), &entry.meta)).collect();
    let mut reached = BTreeSet::new();
    let mut todo: Vec<&str> = Vec::new();
    let refer = |meta: &'_ SchemaMeta| -> Vec<String> {
        match meta {
            SchemaMeta::Builtin(_) | SchemaMeta::Enum(_) => Vec::new(),
            SchemaMeta::Array(array) => vec![array.element_type.clone()],
            SchemaMeta::Object(object) => {
                let members = object.members.iter().map(|member| member.member_type.clone());
                let variants = object.variants.iter().flatten();
                members.chain(variants.map(|each| each.variant_type.clone())).collect()
            }
            SchemaMeta::Alternate(alternate) => {
                alternate.members.iter().map(|member| member.member_type.clone()).collect()
            }
            SchemaMeta::Command(command) => {
                vec![command.arg_type.clone(), command.ret_type.clone()]
            }
            SchemaMeta::Event(event) => vec![event.arg_type.clone()],
        }
    };
    for command in SESSION_COMMANDS.iter().chain(COMMANDS) {
        todo.push(command.name);
    }
    for event in EVENTS {
        todo.push(event.name);
    }
    let mut todo: Vec<String> = todo.into_iter().map(str::to_owned).collect();
    while let Some(name) = todo.pop() {
        for to in refer(by_name[name.as_str()]) {
            if reached.insert(to.clone()) {
                todo.push(to);
            }
        }
    }
    reached
}

#[test]
fn parity_the_schema_masks_names_of_types() {
    for entry in own().entries() {
        let name = entry.name.as_str();
        match &entry.meta {
            SchemaMeta::Builtin(_) => {
                assert!(["str", "int", "number", "bool", "null", "any"].contains(&name));
            }
            SchemaMeta::Array(array) => assert_eq!(name, format!("[{}]", array.element_type)),
            SchemaMeta::Enum(_) | SchemaMeta::Object(_) | SchemaMeta::Alternate(_) => {
                assert!(name.parse::<u32>().is_ok(), "{name}");
            }
            SchemaMeta::Command(_) | SchemaMeta::Event(_) => {
                assert!(name.parse::<u32>().is_err(), "{name}");
            }
        }
    }
}

#[test]
fn a_union_has_a_variant_for_each_word_of_its_tag() {
    let schema = own();
    let by_name: BTreeMap<_, _> =
        schema.entries().map(|entry| (entry.name.as_str(), &entry.meta)).collect();
    let mut unions = 0;
    for (name, meta) in &by_name {
        let SchemaMeta::Object(object) = meta else { continue };
        assert_eq!(object.tag.is_some(), object.variants.is_some(), "{name}");
        let (Some(tag), Some(variants)) = (&object.tag, &object.variants) else { continue };
        let tag = object.members.iter().find(|member| member.name == *tag);
        let tag = tag.expect("the tag is a member");
        let SchemaMeta::Enum(words) = by_name[tag.member_type.as_str()] else {
            panic!("the tag of {name} is no enumeration")
        };
        let cases: Vec<_> = variants.iter().map(|variant| variant.case.as_str()).collect();
        assert_eq!(cases, words.values, "{name}");
        unions += 1;
    }
    assert!(unions >= 6, "{unions} unions");
}

/// What ferry's guest serves under a name of QEMU's has QEMU's arguments, word for word and with
/// the same obligations.
#[test]
fn arguments_are_those_of_qemu() {
    let (own, qemu) = (own(), of(QEMU_10));
    let mut compared = 0;
    for command in SESSION_COMMANDS.iter().chain(COMMANDS) {
        let (Some(here), Some(there)) = (own.command(command.name), qemu.command(command.name))
        else {
            continue;
        };
        assert_eq!(
            spelled(&own, &here.arg_type),
            spelled(&qemu, &there.arg_type),
            "{}",
            command.name
        );
        assert_eq!(here.allow_oob, there.allow_oob, "{}", command.name);
        if !["query-block", "query-blockstats"].contains(&command.name) {
            assert_eq!(spelled(&own, &here.ret_type), spelled(&qemu, &there.ret_type));
        }
        compared += 1;
    }
    for event in EVENTS {
        let (Some(here), Some(there)) = (own.event(event.name), qemu.event(event.name)) else {
            continue;
        };
        assert_eq!(spelled(&own, &here.arg_type), spelled(&qemu, &there.arg_type));
        compared += 1;
    }
    assert!(compared >= 44, "{compared} compared");
}

/// A type with everything in it as a text, so that names do not matter.
fn spelled(schema: &Schema, name: &str) -> String {
    let entry = schema.entries().find(|entry| entry.name == name).expect("nothing is missing");
    match &entry.meta {
        SchemaMeta::Builtin(_) => name.to_owned(),
        SchemaMeta::Enum(words) => {
            let words = words.members.iter().map(|word| match &word.features {
                Some(features) => format!("{}{features:?}", word.name),
                None => word.name.clone(),
            });
            words.collect::<Vec<_>>().join("|")
        }
        SchemaMeta::Array(array) => format!("[{}]", spelled(schema, &array.element_type)),
        SchemaMeta::Object(object) => {
            let members = object.members.iter().map(|member| {
                let mark = if member.default.is_some() { "?" } else { "" };
                let features = member.features.as_ref().map(|all| format!("{all:?}"));
                let spelled = spelled(schema, &member.member_type);
                format!("{}{mark}{}: {spelled}", member.name, features.unwrap_or_default())
            });
            // In what order members and variants are listed says nothing.
            let members: BTreeSet<_> = members.collect();
            let variants = object.variants.iter().flatten();
            let variants: BTreeSet<_> = variants
                .map(|each| format!("{}=>{}", each.case, spelled(schema, &each.variant_type)))
                .collect();
            format!("{{{members:?} {:?} {variants:?}}}", object.tag)
        }
        SchemaMeta::Alternate(alternate) => {
            let members = alternate.members.iter();
            format!(
                "{:?}",
                members.map(|each| spelled(schema, &each.member_type)).collect::<Vec<_>>()
            )
        }
        SchemaMeta::Command(_) | SchemaMeta::Event(_) => panic!("{name} is no type"),
    }
}

#[test]
fn a_machine_says_what_it_can_do() {
    let (new, old) = (of(QEMU_10), of(QEMU_7));
    let knows = |schema: &Schema, capability| schema.has_capability(capability);
    for (question, says) in [
        (new.has_argument::<Migrate>(&["channels", "addr", "host"]), true),
        (old.has_argument::<Migrate>(&["channels"]), false),
        (old.has_argument::<Migrate>(&["uri"]), true),
        (knows(&new, MigrationCapability::MappedRam), true),
        (knows(&old, MigrationCapability::MappedRam), false),
        (knows(&old, MigrationCapability::Multifd), true),
        (new.has_parameter("zero-page-detection"), true),
        (old.has_parameter("zero-page-detection"), false),
        (old.has_parameter("max-bandwidth"), true),
        (old.has_argument_value::<BlockdevMirror>(&["copy-mode"], "write-blocking"), true),
        (old.has_argument_value::<BlockdevMirror>(&["copy-mode"], "sometimes"), false),
        (old.has_argument::<NbdServerAdd>(&["writable"]), true),
        (old.has_returned::<QueryMigrate>(&["ram", "multifd-bytes"]), true),
        (old.has_returned::<QueryMigrate>(&["dirty-limit-ring-full-time"]), false),
        (new.has_returned::<QueryMigrate>(&["dirty-limit-ring-full-time"]), true),
    ] {
        assert_eq!(question, says);
    }
    assert!(old.has_event("MIGRATION_PASS") && !old.has_event("SUPERNOVA"));
    assert!(old.has_command("migrate-recover") && !old.has_command("MIGRATION"));
    assert!(new.has_argument_value::<MigrateSetCapabilities>(
        &["capabilities", "capability"],
        "postcopy-ram"
    ));
}

#[test]
fn what_is_no_schema_is_refused() {
    let entry = |text: &str| SchemaInfo::read(&Input::root(&json(text), Reading::Strict));
    let builtin = entry(r#"{"name": "str", "meta-type": "builtin", "json-type": "string"}"#);
    let builtin = builtin.expect("it is an entry");
    let twice = Schema::new(vec![builtin.clone(), builtin.clone()]);
    assert_eq!(twice, Err(SchemaError::Twice { name: "str".to_owned() }));
    let array = entry(r#"{"name": "[9]", "meta-type": "array", "element-type": "9"}"#);
    let dangling = Schema::new(vec![builtin, array.expect("it is an entry")]);
    assert_eq!(
        dangling.expect_err("there is no 9").to_string(),
        "'[9]' refers to the type '9', which the schema lacks"
    );
}

#[test]
fn every_argument_of_every_command_is_in_the_schema() {
    let schema = own();
    for command in COMMANDS {
        let Shape::Object(shape) = command.arguments.get() else { panic!("{}", command.name) };
        let entry = schema.command(command.name).expect("it is served");
        let meta = schema.entries().find(|each| each.name == entry.arg_type);
        let Some(SchemaMeta::Object(object)) = meta.map(|entry| &entry.meta) else {
            panic!("the arguments of {} are no object", command.name)
        };
        let listed = object.members.iter().map(|each| (each.name.as_str(), each.default.is_some()));
        let taken = shape.members.iter();
        let taken = taken.map(|each| (each.name, each.presence == Presence::Optional));
        assert_eq!(listed.collect::<Vec<_>>(), taken.collect::<Vec<_>>(), "{}", command.name);
    }
    assert_eq!(Event::Stop.name(), EVENTS[0].name);
}
