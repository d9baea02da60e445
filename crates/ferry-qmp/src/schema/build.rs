//! Ferry's own schema, out of the tables of commands and events.

use std::collections::BTreeMap;

use super::info::{
    JsonType, OptionalMark, SchemaInfo, SchemaInfoAlternate, SchemaInfoAlternateMember,
    SchemaInfoArray, SchemaInfoBuiltin, SchemaInfoCommand, SchemaInfoEnum, SchemaInfoEnumMember,
    SchemaInfoEvent, SchemaInfoObject, SchemaInfoObjectMember, SchemaInfoObjectVariant, SchemaMeta,
    features,
};
use crate::command::{Band, CommandInfo, served};
use crate::event::{EVENTS, EventInfo};
use crate::qapi::{
    AlternateShape, Builtin, EnumShape, Member, ObjectShape, Presence, Shape, ShapeOf,
};

/// Everything that ferry's guest serves: what it answers to `query-qmp-schema`.
///
/// As in QEMU, commands and events come first, then the types in the order in which they are met;
/// names of types are numbers, so that nobody relies on them.
// PARITY: scripts/qapi/introspect.py#QAPISchemaGenIntrospectVisitor
pub fn served_schema() -> Vec<SchemaInfo> {
    let mut builder = Builder::default();
    let commands: Vec<_> = served().map(|command| builder.command(command)).collect();
    let events: Vec<_> = EVENTS.iter().map(|event| builder.event(event)).collect();
    let mut entries = [commands, events].concat();
    let mut described = 0;
    while let Some(shape) = builder.met.get(described).cloned() {
        entries.push(builder.describe(&shape));
        described += 1;
    }
    entries
}

/// Which types were met so far.
#[derive(Default)]
struct Builder {
    /// The types, in the order in which they were met.
    met: Vec<Shape>,
    /// What each is called in the answer, by what it is called in QEMU's sources.
    names: BTreeMap<String, String>,
    /// How many names were made up.
    masked: usize,
}

impl Builder {
    fn command(&mut self, command: &CommandInfo) -> SchemaInfo {
        let meta = SchemaMeta::Command(SchemaInfoCommand {
            arg_type: self.name(command.arguments),
            ret_type: self.name(command.returns),
            allow_oob: match command.band {
                Band::InBand => None,
                Band::OutOfBand => Some(true),
            },
        });
        let name = command.name.to_owned();
        SchemaInfo { meta, name, features: None }
    }

    fn event(&mut self, event: &EventInfo) -> SchemaInfo {
        let meta = SchemaMeta::Event(SchemaInfoEvent { arg_type: self.name(event.data) });
        SchemaInfo { meta, name: event.name.to_owned(), features: None }
    }

    /// What a type is called in the answer. One that was not met before is noted.
    fn name(&mut self, shape: ShapeOf) -> String {
        let shape = shape.get();
        let given = shape.name();
        if let Some(name) = self.names.get(&given) {
            return name.clone();
        }
        // Noted before its parts are, in case it is one of them.
        self.met.push(shape.clone());
        let name = match shape {
            Shape::Builtin(builtin) => builtin.name().to_owned(),
            Shape::Array(element) => format!("[{}]", self.name(element)),
            Shape::Enum(_) | Shape::Object(_) | Shape::Alternate(_) => {
                self.masked += 1;
                (self.masked - 1).to_string()
            }
        };
        self.names.insert(given, name.clone());
        name
    }

    fn describe(&mut self, shape: &Shape) -> SchemaInfo {
        let meta = match shape {
            Shape::Builtin(builtin) => {
                SchemaMeta::Builtin(SchemaInfoBuiltin { json_type: json_type(*builtin) })
            }
            Shape::Enum(shape) => SchemaMeta::Enum(enumeration(shape)),
            Shape::Array(element) => {
                SchemaMeta::Array(SchemaInfoArray { element_type: self.name(*element) })
            }
            Shape::Object(shape) => SchemaMeta::Object(self.object(shape)),
            Shape::Alternate(shape) => SchemaMeta::Alternate(self.alternate(shape)),
        };
        let name = self.names[&shape.name()].clone();
        SchemaInfo { meta, name, features: None }
    }

    fn object(&mut self, shape: &ObjectShape) -> SchemaInfoObject {
        let members = shape.members.iter().map(|member| self.member(member)).collect();
        let variants = shape.union.as_ref().map(|union| {
            let variants = union.variants.iter();
            variants
                .map(|variant| SchemaInfoObjectVariant {
                    case: variant.case.to_owned(),
                    variant_type: self.name(variant.shape),
                })
                .collect()
        });
        let tag = shape.union.as_ref().map(|union| union.tag.to_owned());
        SchemaInfoObject { members, tag, variants }
    }

    fn member(&mut self, member: &Member) -> SchemaInfoObjectMember {
        SchemaInfoObjectMember {
            name: member.name.to_owned(),
            member_type: self.name(member.shape),
            default: match member.presence {
                Presence::Required => None,
                Presence::Optional => Some(OptionalMark),
            },
            features: features(member.features),
        }
    }

    fn alternate(&mut self, shape: &AlternateShape) -> SchemaInfoAlternate {
        let members = shape.members.iter();
        let members = members
            .map(|member| SchemaInfoAlternateMember { member_type: self.name(*member) })
            .collect();
        SchemaInfoAlternate { members }
    }
}

fn enumeration(shape: &EnumShape) -> SchemaInfoEnum {
    let members = shape.values.iter().map(|value| SchemaInfoEnumMember {
        name: value.name.to_owned(),
        features: features(value.features),
    });
    SchemaInfoEnum {
        members: members.collect(),
        values: shape.values.iter().map(|value| value.name.to_owned()).collect(),
    }
}

const fn json_type(builtin: Builtin) -> JsonType {
    match builtin {
        Builtin::Str => JsonType::String,
        Builtin::Int => JsonType::Int,
        Builtin::Number => JsonType::Number,
        Builtin::Bool => JsonType::Boolean,
        Builtin::Null => JsonType::Null,
        Builtin::Any => JsonType::Value,
    }
}
