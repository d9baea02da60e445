//! Patches: three ways to say what is to change about an object.
//!
//! Each takes the object as it is and gives the object as it is to be, or says why the patch makes
//! no sense for it. What the object may be is checked later, with all of it at hand.

mod error;
mod json;
mod lists;
mod order;
mod strategic;

#[cfg(test)]
mod tests;

use ferry_api::Schema;
use serde_json::Value;

use crate::object::Document;
use crate::patch::error::PatchError;
use crate::refusal::Refusal;

/// The object after a merge patch (RFC 7396).
pub(crate) fn merge(live: &Document, patch: &Value) -> Result<Document, Refusal> {
    if !patch.is_object() {
        return Err(PatchError::bad("a merge patch must be an object").into());
    }
    let mut merged = Value::Object(live.clone());
    json_patch::merge(&mut merged, patch);
    match merged {
        Value::Object(document) => Ok(document),
        _ => Err(PatchError::DoesNotFit.into()),
    }
}

/// The object after a JSON patch (RFC 6902).
pub(crate) fn json(live: &Document, patch: &json_patch::Patch) -> Result<Document, Refusal> {
    Ok(json::json(live, patch)?)
}

/// The object after a strategic merge patch.
pub(crate) fn strategic(
    schema: &Schema,
    live: &Document,
    patch: &Value,
) -> Result<Document, Refusal> {
    Ok(strategic::strategic(schema, live, patch)?)
}
