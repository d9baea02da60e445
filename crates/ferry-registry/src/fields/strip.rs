//! Fields that nobody owns: what the server sets itself, and what a path does not write.

use std::sync::LazyLock;

use serde_json::Value;

use crate::fields::element::PathElement;
use crate::fields::set::{FieldSet, Part};
use crate::object::Document;

/// What names an object and what the server says about it. `metadata` itself is one of them, what
/// else is in it is not.
// PARITY: apimachinery/pkg/util/managedfields/internal/stripmeta.go#NewStripMetaManager
static NEVER_OWNED: LazyLock<FieldSet> = LazyLock::new(|| {
    let field = |name: &str| PathElement::Field(name.to_owned());
    let mut metadata = Part::leaf();
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        metadata.below.insert(field(name), Part::leaf());
    }
    let mut fields = FieldSet::default();
    fields.insert(field("apiVersion"), Part::leaf());
    fields.insert(field("kind"), Part::leaf());
    fields.insert(field("metadata"), metadata);
    fields
});

/// Takes out of a set what nobody owns.
pub(super) fn strip(fields: &mut FieldSet) {
    fields.subtract(&NEVER_OWNED);
}

/// Which part of an object a path writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of it: the kind's status has no path of its own.
    Everything,
    /// All but the status.
    AllButStatus,
    /// Only the status.
    Status,
    /// The status, and the metadata but for these fields.
    StatusAndMetadata { but: &'static [&'static str] },
}

/// Drops from an applied configuration what its path does not write. Its manager does not come to
/// own that, and it conflicts with nobody.
// PARITY: apiextensions-apiserver/pkg/registry/customresource/status_strategy.go#GetResetFields,
// pkg/registry/core/pod/strategy.go#podStatusStrategy
pub(crate) fn keep_within(reach: Reach, config: &mut Document) {
    match reach {
        Reach::Everything => {}
        Reach::AllButStatus => {
            config.remove("status");
        }
        Reach::Status => {
            let named = NEVER_OWNED.field("metadata");
            keep_status(config, |name| {
                named.is_some_and(|metadata| metadata.below.field(name).is_some())
            });
        }
        Reach::StatusAndMetadata { but } => keep_status(config, |name| !but.contains(&name)),
    }
}

/// Drops all but the status, and the fields of the metadata that are `kept`.
fn keep_status(config: &mut Document, kept: impl Fn(&str) -> bool) {
    config.retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
    if let Some(Value::Object(metadata)) = config.get_mut("metadata") {
        metadata.retain(|name, _| kept(name));
    }
}
