//! The Kubernetes and KubeVirt object model as typed data.

mod catalog;
mod decode;
mod field_error;
mod field_selector;
pub mod hco;
pub mod kubevirt;
pub mod manifest;
mod migration_policy;
mod names;
mod network_attachment_definition;
mod object;
mod quantity;
pub mod schema;
mod selector;

pub use catalog::{
    CellSource, Column, Kind, ResourceDefinition, Scope, Shown, StatusSubresource, Version,
};
pub use decode::{Decoded, Filing, Object, decode};
pub use field_error::{FieldError, FieldPath, Problem};
pub use field_selector::{FieldOperator, FieldRequirement, FieldSelector, FieldSelectorError};
pub use migration_policy::{
    MigrationCompression, MigrationPolicy, MigrationPolicyExperimental, MigrationPolicySpec,
    MigrationPolicyStatus, Selectors,
};
pub use names::{NameError, NameRule};
pub use network_attachment_definition::{
    NetworkAttachmentDefinition, NetworkAttachmentDefinitionSpec,
};
pub use object::Unmodelled;
pub use quantity::{Quantity, QuantityError, QuantityText};
pub use schema::Schema;
pub use selector::{Operator, Requirement, RequirementError, Selector, SelectorError};
