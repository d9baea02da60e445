//! What a machine can do, as it says itself: the answer to `query-qmp-schema`, made and read.

mod build;
mod info;
mod read;

pub use build::served_schema;
pub use info::{
    JsonType, OptionalMark, SchemaInfo, SchemaInfoAlternate, SchemaInfoAlternateMember,
    SchemaInfoArray, SchemaInfoBuiltin, SchemaInfoCommand, SchemaInfoEnum, SchemaInfoEnumMember,
    SchemaInfoEvent, SchemaInfoObject, SchemaInfoObjectMember, SchemaInfoObjectVariant, SchemaMeta,
    SchemaMetaType,
};
pub use read::{Schema, SchemaError};
