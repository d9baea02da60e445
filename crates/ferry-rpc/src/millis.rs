//! Spans as whole milliseconds, and times as milliseconds since 1970: what the wire and files say.

use std::time::Duration;

use ferry_units::WallTime;
use serde::{Deserialize, Deserializer, Serializer};

/// The milliseconds of a span, up to half a billion years.
pub(crate) fn of(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
pub(crate) fn since_1970(time: WallTime) -> u64 {
    of(time.since(epoch()))
}

/// The time so many milliseconds after 1970 began.
pub(crate) fn wall(millis: u64) -> WallTime {
    epoch().after(Duration::from_millis(millis))
}

fn epoch() -> WallTime {
    WallTime::from_unix_seconds(0).expect("1970 lies between the years -9999 and 9999")
}

pub(crate) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(of(*span))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_millis)
}
