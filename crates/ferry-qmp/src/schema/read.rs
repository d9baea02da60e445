//! Asking a schema: what a machine can do, instead of what its version lets one guess.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::info::{SchemaInfo, SchemaInfoObjectMember, SchemaMeta};
use crate::command::Execute;
use crate::words::MigrationCapability;

/// What a machine can do.
///
/// ```
/// use ferry_qmp::schema::{Schema, served_schema};
/// use ferry_qmp::words::{Migrate, MigrationCapability};
///
/// let schema = Schema::new(served_schema())?;
/// assert!(schema.has_command("migrate-recover"));
/// assert!(schema.has_argument::<Migrate>(&["channels", "addr", "host"]));
/// assert!(!schema.has_argument::<Migrate>(&["colour"]));
/// assert!(schema.has_capability(MigrationCapability::Multifd));
/// # Ok::<(), ferry_qmp::schema::SchemaError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    entries: BTreeMap<String, SchemaInfo>,
}

/// An answer that is no schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// Two entries have one name.
    #[error("the schema has two entries named '{name}'")]
    Twice {
        /// The name.
        name: String,
    },
    /// An entry refers to one that is not there, or not of the right kind.
    #[error("'{entry}' refers to the type '{to}', which the schema lacks")]
    Dangling {
        /// The entry.
        entry: String,
        /// What it refers to.
        to: String,
    },
}

impl Schema {
    /// The schema that consists of these entries.
    pub fn new(entries: Vec<SchemaInfo>) -> Result<Self, SchemaError> {
        let mut named = BTreeMap::new();
        for entry in entries {
            if let Some(twice) = named.insert(entry.name.clone(), entry) {
                return Err(SchemaError::Twice { name: twice.name });
            }
        }
        let schema = Self { entries: named };
        for entry in schema.entries.values() {
            for to in references(&entry.meta) {
                if !schema.type_named(to).is_some_and(is_type) {
                    let (entry, to) = (entry.name.clone(), to.to_owned());
                    return Err(SchemaError::Dangling { entry, to });
                }
            }
        }
        Ok(schema)
    }

    /// The entries, by name.
    pub fn entries(&self) -> impl Iterator<Item = &SchemaInfo> {
        self.entries.values()
    }

    /// Whether there is a command of that name.
    pub fn has_command(&self, name: &str) -> bool {
        self.command(name).is_some()
    }

    /// Whether there is an event of that name.
    pub fn has_event(&self, name: &str) -> bool {
        self.event(name).is_some()
    }

    /// Whether the command takes an argument: its name, and the names within it. Lists are looked
    /// into, and all variants of unions.
    pub fn has_argument<C: Execute>(&self, path: &[&str]) -> bool {
        !self.argument::<C>(path).is_empty()
    }

    /// Whether an argument of the command may be that word.
    pub fn has_argument_value<C: Execute>(&self, path: &[&str], word: &str) -> bool {
        self.argument::<C>(path)
            .into_iter()
            .flat_map(|name| self.parts_of(name))
            .any(|part| words(part).iter().any(|value| value == word))
    }

    /// Whether what the command returns has such a member.
    pub fn has_returned<C: Execute>(&self, path: &[&str]) -> bool {
        let command = self.command(C::NAME);
        command.is_some_and(|command| !self.walk(&command.ret_type, path).is_empty())
    }

    /// Whether the machine knows a capability of migrations. It may still refuse it, alone or
    /// together with another: no schema says that.
    pub fn has_capability(&self, capability: MigrationCapability) -> bool {
        self.has_argument_value::<crate::words::MigrateSetCapabilities>(
            &["capabilities", "capability"],
            capability.as_str(),
        )
    }

    /// Whether the machine knows a parameter of migrations.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.has_argument::<crate::words::MigrateSetParameters>(&[name])
    }

    /// The command of that name.
    pub fn command(&self, name: &str) -> Option<&super::SchemaInfoCommand> {
        match &self.entries.get(name)?.meta {
            SchemaMeta::Command(command) => Some(command),
            SchemaMeta::Builtin(_)
            | SchemaMeta::Enum(_)
            | SchemaMeta::Array(_)
            | SchemaMeta::Object(_)
            | SchemaMeta::Alternate(_)
            | SchemaMeta::Event(_) => None,
        }
    }

    /// The event of that name.
    pub fn event(&self, name: &str) -> Option<&super::SchemaInfoEvent> {
        match &self.entries.get(name)?.meta {
            SchemaMeta::Event(event) => Some(event),
            SchemaMeta::Builtin(_)
            | SchemaMeta::Enum(_)
            | SchemaMeta::Array(_)
            | SchemaMeta::Object(_)
            | SchemaMeta::Alternate(_)
            | SchemaMeta::Command(_) => None,
        }
    }

    /// The types of an argument of a command; several where variants differ, none without it.
    fn argument<C: Execute>(&self, path: &[&str]) -> BTreeSet<&str> {
        let command = self.command(C::NAME);
        command.map(|command| self.walk(&command.arg_type, path)).unwrap_or_default()
    }

    /// The types of what lies at the end of a path.
    fn walk<'a>(&'a self, start: &'a str, path: &[&str]) -> BTreeSet<&'a str> {
        path.iter().fold(BTreeSet::from([start]), |here, name| {
            let parts = here.into_iter().flat_map(|start| self.parts_of(start));
            let members = parts.flat_map(members);
            let named = members.filter(|member| member.name == *name);
            named.map(|member| member.member_type.as_str()).collect()
        })
    }

    /// What a value of a type may consist of: the type itself, what its variants add, its elements
    /// and its alternatives. A machine may have sent a schema that goes in circles.
    fn parts_of<'a>(&'a self, start: &'a str) -> Vec<&'a SchemaMeta> {
        let (mut seen, mut parts) = (BTreeSet::new(), Vec::new());
        let mut names = vec![start];
        while let Some(name) = names.pop() {
            let Some(meta) = self.type_named(name).filter(|_| seen.insert(name)) else { continue };
            parts.push(meta);
            match meta {
                SchemaMeta::Array(array) => names.push(&array.element_type),
                SchemaMeta::Alternate(alternate) => {
                    names.extend(alternate.members.iter().map(|each| each.member_type.as_str()));
                }
                SchemaMeta::Object(object) => {
                    let variants = object.variants.iter().flatten();
                    names.extend(variants.map(|each| each.variant_type.as_str()));
                }
                SchemaMeta::Builtin(_)
                | SchemaMeta::Enum(_)
                | SchemaMeta::Command(_)
                | SchemaMeta::Event(_) => {}
            }
        }
        parts
    }

    fn type_named(&self, name: &str) -> Option<&SchemaMeta> {
        self.entries.get(name).map(|entry| &entry.meta)
    }
}

/// The members that an entry describes; those of a union's variants are in entries of their own.
fn members(meta: &SchemaMeta) -> &[SchemaInfoObjectMember] {
    match meta {
        SchemaMeta::Object(object) => &object.members,
        SchemaMeta::Builtin(_)
        | SchemaMeta::Enum(_)
        | SchemaMeta::Array(_)
        | SchemaMeta::Alternate(_)
        | SchemaMeta::Command(_)
        | SchemaMeta::Event(_) => &[],
    }
}

/// The words that an entry describes.
fn words(meta: &SchemaMeta) -> &[String] {
    match meta {
        SchemaMeta::Enum(words) => &words.values,
        SchemaMeta::Builtin(_)
        | SchemaMeta::Array(_)
        | SchemaMeta::Object(_)
        | SchemaMeta::Alternate(_)
        | SchemaMeta::Command(_)
        | SchemaMeta::Event(_) => &[],
    }
}

/// Whether an entry describes a type.
fn is_type(meta: &SchemaMeta) -> bool {
    match meta {
        SchemaMeta::Builtin(_)
        | SchemaMeta::Enum(_)
        | SchemaMeta::Array(_)
        | SchemaMeta::Object(_)
        | SchemaMeta::Alternate(_) => true,
        SchemaMeta::Command(_) | SchemaMeta::Event(_) => false,
    }
}

/// The types that an entry refers to.
fn references(meta: &SchemaMeta) -> Vec<&str> {
    match meta {
        SchemaMeta::Builtin(_) | SchemaMeta::Enum(_) => Vec::new(),
        SchemaMeta::Array(array) => vec![&array.element_type],
        SchemaMeta::Object(object) => {
            let members = object.members.iter().map(|member| member.member_type.as_str());
            let variants = object.variants.iter().flatten();
            members.chain(variants.map(|variant| variant.variant_type.as_str())).collect()
        }
        SchemaMeta::Alternate(alternate) => {
            alternate.members.iter().map(|member| member.member_type.as_str()).collect()
        }
        SchemaMeta::Command(command) => vec![&command.arg_type, &command.ret_type],
        SchemaMeta::Event(event) => vec![&event.arg_type],
    }
}
