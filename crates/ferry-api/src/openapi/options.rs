//! What `virtctl` may say when it asks for something to be done to a virtual machine.
//!
//! Source: KubeVirt `staging/src/kubevirt.io/api/core/v1/types.go`.

use serde_json::{Map, Value, json};

/// The schema of the options that are called `kind`.
pub(super) fn schema(kind: &str) -> Value {
    let mut fields = Map::from_iter([
        field("apiVersion", "The version of the options.", json!({ "type": "string" })),
        field("kind", "What the options are for.", json!({ "type": "string" })),
        field(
            "dryRun",
            "With All, everything is checked and nothing is done.",
            json!({
                "type": "array",
                "items": { "type": "string" },
                "x-kubernetes-list-type": "atomic",
            }),
        ),
    ]);
    let seconds = json!({ "type": "integer", "format": "int64" });
    fields.extend(match kind {
        "StartOptions" => Some(field(
            "paused",
            "Whether the guest stands still after it was started.",
            json!({ "type": "boolean" }),
        )),
        "StopOptions" => Some(field(
            "gracePeriod",
            "Seconds that the guest is given to shut down by itself.",
            seconds,
        )),
        "RestartOptions" => Some(field(
            "gracePeriodSeconds",
            "Seconds that the guest is given to shut down by itself; only 0 is taken.",
            seconds,
        )),
        "MigrateOptions" => Some(field(
            "addedNodeSelector",
            "Labels that the target node must have beside those that the machine asks for.",
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        )),
        "EvacuateCancelOptions" => Some(field(
            "evacuationNodeName",
            "The node that the machine was to leave.",
            json!({ "type": "string" }),
        )),
        _ => None,
    });
    json!({ "type": "object", "description": format!("Options: {kind}."), "properties": fields })
}

fn field(name: &str, description: &str, mut schema: Value) -> (String, Value) {
    schema["description"] = json!(description);
    (name.to_owned(), schema)
}
