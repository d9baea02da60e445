//! References to owners that stand twice.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::metadata;
use crate::object::Document;

/// How an object came by references that stand twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// They were sent with it.
    Sent,
    /// A patch made it so. Kubernetes looks at what a patch makes only after admission, and says
    /// so.
    Patched,
}

/// Drops references to owners that equal one before them in every field, and tells the uids that
/// they name. Two that only name the same uid both stay.
// PARITY: apiserver/pkg/endpoints/handlers/rest.go#dedupOwnerReferencesAndAddWarning,
// apiserver/pkg/endpoints/handlers/patch.go#dedupOwnerReferencesTransformer
pub(crate) fn drop_duplicate_owners(object: &mut Document, origin: Origin) -> Option<String> {
    // Hardly any object has two owners, and only those are looked at further.
    metadata(object)?.get("ownerReferences")?.as_array().filter(|owners| owners.len() > 1)?;
    let owners = object.get_mut("metadata")?.get_mut("ownerReferences")?.as_array_mut()?;
    let mut seen = BTreeSet::new();
    let mut duplicates = Vec::new();
    owners.retain(|owner| {
        let is_first = seen.insert(owner.to_string());
        if !is_first {
            let uid = owner.get("uid").and_then(Value::as_str).unwrap_or_default();
            duplicates.push(uid.to_owned());
        }
        is_first
    });
    let when = match origin {
        Origin::Sent => "",
        Origin::Patched => " after mutating admission happens",
    };
    (!duplicates.is_empty()).then(|| {
        format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner \
             references in 1.20+, and may reject such requests as early as 1.24; please fix your \
             requests; duplicate UID(s) observed: {}",
            duplicates.join(", ")
        )
    })
}
