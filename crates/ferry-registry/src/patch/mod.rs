//! What a PATCH makes of an object.

use ferry_api::Schema;
use serde_json::Value;

use crate::object::Document;
use crate::refusal::Refusal;

pub(crate) fn merge(live: &Document, patch: &Value) -> Result<Document, Refusal> {
    let mut value = Value::Object(live.clone());
    json_patch::merge(&mut value, patch);
    into_object(value)
}

pub(crate) fn json(live: &Document, patch: &json_patch::Patch) -> Result<Document, Refusal> {
    let mut value = Value::Object(live.clone());
    json_patch::patch(&mut value, patch)
        .map_err(|error| Refusal::Unprocessable { message: error.to_string() })?;
    into_object(value)
}

pub(crate) fn strategic(_: &Schema, live: &Document, patch: &Value) -> Result<Document, Refusal> {
    merge(live, patch)
}

fn into_object(value: Value) -> Result<Document, Refusal> {
    match value {
        Value::Object(document) => Ok(document),
        _ => Err(Refusal::BadRequest { message: "the patch leaves no object".to_owned() }),
    }
}
