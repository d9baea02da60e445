//! The answer to `query-qmp-schema`, as types.

use crate::json::Json;
use crate::qapi::{Feature, qapi_enum, qapi_struct, qapi_union};

qapi_enum! {
    /// What an entry of a schema is about.
    pub enum SchemaMetaType: "SchemaMetaType" {
        /// A type that needs no description.
        Builtin => "builtin",
        /// An enumeration.
        Enum => "enum",
        /// A list.
        Array => "array",
        /// An object.
        Object => "object",
        /// One of several types.
        Alternate => "alternate",
        /// A command.
        Command => "command",
        /// An event.
        Event => "event",
    }
}

qapi_enum! {
    /// What a type looks like in JSON.
    pub enum JsonType: "JSONType" {
        /// A string.
        String => "string",
        /// A number.
        Number => "number",
        /// A number without a fraction.
        Int => "int",
        /// A truth value.
        Boolean => "boolean",
        /// `null`.
        Null => "null",
        /// An object.
        Object => "object",
        /// An array.
        Array => "array",
        /// Anything.
        Value => "value",
    }
}

qapi_struct! {
    /// An entry of a schema.
    ///
    /// The names of types mean nothing beyond the answer that they are in; those of commands and
    /// events do.
    #[derive(Eq)]
    pub struct SchemaInfo: "SchemaInfo" {
        /// What it is.
        pub meta: SchemaMeta => flat,
        /// What it is called.
        pub name: String => "name",
        /// What is special about it.
        pub features: Option<Vec<String>> => "features",
    }
}

qapi_union! {
    /// What an entry of a schema is.
    #[derive(Eq)]
    pub enum SchemaMeta: "SchemaMeta" by "meta-type": SchemaMetaType {
        /// A type that needs no description.
        Builtin(SchemaInfoBuiltin),
        /// An enumeration.
        Enum(SchemaInfoEnum),
        /// A list.
        Array(SchemaInfoArray),
        /// An object.
        Object(SchemaInfoObject),
        /// One of several types.
        Alternate(SchemaInfoAlternate),
        /// A command.
        Command(SchemaInfoCommand),
        /// An event.
        Event(SchemaInfoEvent),
    }
}

qapi_struct! {
    /// A type that needs no description.
    #[derive(Copy, Eq)]
    pub struct SchemaInfoBuiltin: "SchemaInfoBuiltin" {
        /// What it looks like.
        pub json_type: JsonType => "json-type",
    }
}

qapi_struct! {
    /// An enumeration.
    #[derive(Eq)]
    pub struct SchemaInfoEnum: "SchemaInfoEnum" {
        /// Its words. Since 6.2; until then there were `values` alone.
        pub members: Vec<SchemaInfoEnumMember> => "members" else Vec::new(),
        /// Its words again.
        pub values: Vec<String> => "values" [Deprecated],
    }
}

qapi_struct! {
    /// A word.
    #[derive(Eq)]
    pub struct SchemaInfoEnumMember: "SchemaInfoEnumMember" {
        /// The word.
        pub name: String => "name",
        /// What is special about it.
        pub features: Option<Vec<String>> => "features",
    }
}

qapi_struct! {
    /// A list.
    #[derive(Eq)]
    pub struct SchemaInfoArray: "SchemaInfoArray" {
        /// The type of its elements.
        pub element_type: String => "element-type",
    }
}

qapi_struct! {
    /// An object.
    #[derive(Eq)]
    pub struct SchemaInfoObject: "SchemaInfoObject" {
        /// The members that are always possible.
        pub members: Vec<SchemaInfoObjectMember> => "members",
        /// The member on which further ones depend.
        pub tag: Option<String> => "tag",
        /// For each of its words, what comes with it.
        pub variants: Option<Vec<SchemaInfoObjectVariant>> => "variants",
    }
}

qapi_struct! {
    /// A member of an object.
    #[derive(Eq)]
    pub struct SchemaInfoObjectMember: "SchemaInfoObjectMember" {
        /// What it is called.
        pub name: String => "name",
        /// Its type.
        pub member_type: String => "type",
        /// It may be left out. Always `null` if it is there.
        pub default: Option<OptionalMark> => "default",
        /// What is special about it.
        pub features: Option<Vec<String>> => "features",
    }
}

qapi_struct! {
    /// What comes with a word.
    #[derive(Eq)]
    pub struct SchemaInfoObjectVariant: "SchemaInfoObjectVariant" {
        /// The word.
        pub case: String => "case",
        /// An object type, whose members come with it.
        pub variant_type: String => "type",
    }
}

qapi_struct! {
    /// One of several types.
    #[derive(Eq)]
    pub struct SchemaInfoAlternate: "SchemaInfoAlternate" {
        /// The types.
        pub members: Vec<SchemaInfoAlternateMember> => "members",
    }
}

qapi_struct! {
    /// A type.
    #[derive(Eq)]
    pub struct SchemaInfoAlternateMember: "SchemaInfoAlternateMember" {
        /// The type.
        pub member_type: String => "type",
    }
}

qapi_struct! {
    /// A command.
    #[derive(Eq)]
    pub struct SchemaInfoCommand: "SchemaInfoCommand" {
        /// The object type of its arguments.
        pub arg_type: String => "arg-type",
        /// What it returns.
        pub ret_type: String => "ret-type",
        /// It may be sent out of band.
        pub allow_oob: Option<bool> => "allow-oob",
    }
}

qapi_struct! {
    /// An event.
    #[derive(Eq)]
    pub struct SchemaInfoEvent: "SchemaInfoEvent" {
        /// The object type of what comes with it.
        pub arg_type: String => "arg-type",
    }
}

/// The mark of a member that may be left out: anything at all, but `null` so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalMark;

impl crate::qapi::Qapi for OptionalMark {
    fn shape() -> crate::qapi::Shape {
        Json::shape()
    }

    fn read(_: &crate::qapi::Input<'_>) -> Result<Self, crate::qapi::ArgumentError> {
        Ok(Self)
    }

    fn write(&self) -> Json {
        Json::Null
    }
}

/// The words for what is special, or `None` where nothing is.
pub(super) fn features(features: &[Feature]) -> Option<Vec<String>> {
    (!features.is_empty())
        .then(|| features.iter().map(|feature| feature.name().to_owned()).collect())
}
