//! Who may do what: Kubernetes' roles and bindings, compiled into an index.

mod attributes;
mod authorizer;
mod compile;
mod cover;
mod gather;
mod held;
mod rule;

pub use attributes::{Attributes, ResourceAttributes};
pub use authorizer::{Authorizer, Rules, Verdict};
pub(crate) use compile::{RoleReference, referenced_rules};
pub(crate) use cover::{missing, sentence_of_missing};
pub use gather::gathered;
pub use rule::Rule;
