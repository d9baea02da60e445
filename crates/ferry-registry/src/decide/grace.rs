//! How long a pod may take to end.

use ferry_api::Kind;
use ferry_units::WallTime;
use serde_json::Value;

use crate::document::{at, metadata};
use crate::object::Document;

/// What the deletion of an object begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grace {
    /// Nobody has to be waited for.
    None,
    /// Its node ends it within so many seconds, and then deletes it for good.
    Seconds(i64),
}

/// The grace that an object gets when `asked` seconds were asked for.
// PARITY: pkg/registry/core/pod/strategy.go#CheckGracefulDelete
pub(super) fn grace(kind: Kind, object: &Document, asked: Option<i64>) -> Grace {
    if kind != Kind::Pod {
        return Grace::None;
    }
    let number = |path| at(object, path).and_then(Value::as_i64);
    let text = |path| at(object, path).and_then(Value::as_str).unwrap_or_default();
    let ended = matches!(text("status.phase"), "Failed" | "Succeeded");
    if text("spec.nodeName").is_empty() || ended {
        return Grace::None;
    }
    match asked.or_else(|| number("spec.terminationGracePeriodSeconds")).unwrap_or(DEFAULT_SECONDS)
    {
        0 => Grace::None,
        negative if negative < 0 => Grace::Seconds(1),
        seconds => Grace::Seconds(seconds),
    }
}

/// What pods get that do not say.
// PARITY: pkg/apis/core/v1/defaults.go#SetDefaults_PodSpec
const DEFAULT_SECONDS: i64 = 30;

/// The grace that an object which is already being deleted has.
pub(super) fn granted(object: &Document) -> Option<i64> {
    metadata(object)?.get("deletionGracePeriodSeconds")?.as_i64()
}

/// The moment `seconds` after another, or the last there is.
pub(super) fn later(now: WallTime, seconds: i64) -> WallTime {
    let end = now.unix_seconds().saturating_add(seconds);
    WallTime::from_unix_seconds(end).unwrap_or(now)
}
