//! Events: when, what, about what.

use ferry_units::WallTime;
use serde_json::Value;

use super::UNKNOWN;
use crate::table::fields::{self, Fields};

// PARITY: pkg/printers/internalversion/printers.go#printEvent
pub(super) fn cells(event: &Fields, now: WallTime) -> Vec<Value> {
    let time = |path: &[&str]| fields::age_at(event, path, now);
    let unknown = || UNKNOWN.to_owned();
    let first = time(&["firstTimestamp"]).or_else(|| time(&["eventTime"])).unwrap_or_else(unknown);
    let (last, count) = if fields::at(event, &["series"]).is_some_and(Value::is_object) {
        let last = time(&["series", "lastObservedTime"]).unwrap_or_else(unknown);
        (last, fields::number(event, &["series", "count"]))
    } else {
        let last = time(&["lastTimestamp"]).unwrap_or_else(|| first.clone());
        // An event that happened once may have been written without a count.
        let count = match fields::number(event, &["count"]) {
            0 => 1,
            count => count,
        };
        (last, count)
    };
    vec![
        last.into(),
        fields::text(event, &["type"]).into(),
        fields::text(event, &["reason"]).into(),
        subject(event).into(),
        fields::text(event, &["involvedObject", "fieldPath"]).into(),
        source(event).into(),
        fields::text(event, &["message"]).trim().into(),
        first.into(),
        count.into(),
        fields::name(event),
    ]
}

fn subject(event: &Fields) -> String {
    let kind = fields::text(event, &["involvedObject", "kind"]).to_lowercase();
    match fields::text(event, &["involvedObject", "name"]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

fn source(event: &Fields) -> String {
    let reporter = fields::text(event, &["reportingComponent"]);
    let component = fields::text_or(event, &["source", "component"], reporter);
    let instance = fields::text(event, &["reportingInstance"]);
    match fields::text_or(event, &["source", "host"], instance) {
        "" => component.to_owned(),
        instance => format!("{component}, {instance}"),
    }
}
