//! Points in time, as values. Nothing here can read a clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A point on a clock that only moves forward, in nanoseconds since an arbitrary start.
///
/// Core functions take one as an argument; only a program's shell reads it from the machine. Two
/// instants of different processes cannot be compared.
///
/// ```
/// use ferry_units::Instant;
/// use std::time::Duration;
///
/// let start = Instant::from_nanos(5);
/// let later = start + Duration::from_millis(400);
/// assert_eq!(later.since(start), Duration::from_millis(400));
/// assert_eq!(start.since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The point `nanos` nanoseconds after the clock's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's start.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero where it lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of the clock, 584 years after its start.
    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// A point in calendar time, as Kubernetes writes it: RFC 3339 in UTC, whole seconds.
///
/// Parsing takes fractions of a second (a `MicroTime` has them) and keeps them for comparison.
///
/// ```
/// use ferry_units::WallTime;
///
/// let created: WallTime = "2026-11-23T08:15:00Z".parse().unwrap();
/// assert_eq!(created.to_string(), "2026-11-23T08:15:00Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(Timestamp);

/// A text that is no RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{given}\" is no RFC 3339 time such as 2026-11-23T08:15:00Z")]
pub struct WallTimeError {
    /// The text.
    pub given: String,
}

impl WallTime {
    /// 1970-01-01T00:00:00Z, before anything that matters here.
    pub const BEGINNING: Self = Self(Timestamp::UNIX_EPOCH);

    /// The time `seconds` after 1970-01-01T00:00:00Z, or `None` outside the years −9999 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        Timestamp::from_second(seconds).ok().map(Self)
    }

    /// The text with six digits of a second, as a Kubernetes `MicroTime` is written.
    pub fn to_micros(self) -> String {
        format!("{:.6}", self.0)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded towards it.
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// This time without its fraction of a second, as Kubernetes writes it down.
    #[must_use]
    pub fn whole_seconds(self) -> Self {
        Self::from_unix_seconds(self.0.as_second()).unwrap_or(self)
    }

    /// The time `span` later, or the last that there is.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        self.0.checked_add(span).map_or(Self(Timestamp::MAX), Self)
    }

    /// The time `span` earlier, or the first that there is.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        self.0.checked_sub(span).map_or(Self(Timestamp::MIN), Self)
    }

    /// How long ago `earlier` was; zero where it lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.duration_since(earlier.0).max(SignedDuration::ZERO).unsigned_abs()
    }
}

impl FromStr for WallTime {
    type Err = WallTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| WallTimeError { given: text.to_owned() })
    }
}

impl From<Timestamp> for WallTime {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl From<WallTime> for Timestamp {
    fn from(time: WallTime) -> Self {
        time.0
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.0)
    }
}

impl Serialize for WallTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_prints_as_kubernetes_does() {
        for (given, printed) in [
            ("2026-11-23T08:15:00Z", "2026-11-23T08:15:00Z"),
            ("2026-11-23T10:15:00+02:00", "2026-11-23T08:15:00Z"),
            ("2026-11-23T08:15:00.999999Z", "2026-11-23T08:15:00Z"),
        ] {
            let time: WallTime = given.parse().unwrap();
            assert_eq!(time.to_string(), printed);
            assert_eq!(serde_json::to_value(time).unwrap(), serde_json::json!(printed));
        }
    }

    #[test]
    fn micro_times_have_six_digits_whatever_was_given() {
        for (given, printed) in [
            ("2026-11-23T08:15:00Z", "2026-11-23T08:15:00.000000Z"),
            ("2026-11-23T10:15:00.5+02:00", "2026-11-23T08:15:00.500000Z"),
            ("2026-11-23T08:15:00.123456789Z", "2026-11-23T08:15:00.123456Z"),
        ] {
            assert_eq!(given.parse::<WallTime>().unwrap().to_micros(), printed);
        }
    }

    #[test]
    fn what_is_no_time_is_refused_by_name() {
        let error = "yesterday".parse::<WallTime>().unwrap_err();
        assert!(error.to_string().starts_with("\"yesterday\" is no RFC 3339 time"));
    }

    #[test]
    fn time_before_a_moment_is_zero_since_it() {
        let early = WallTime::from_unix_seconds(10).unwrap();
        let late = WallTime::from_unix_seconds(70).unwrap();
        assert_eq!(late.since(early), Duration::from_secs(60));
        assert_eq!(early.since(late), Duration::ZERO);
    }

    #[test]
    fn a_time_is_moved_by_a_span_and_never_past_the_last() {
        let start: WallTime = "2026-11-23T08:15:00.75Z".parse().unwrap();
        assert_eq!(start.after(Duration::from_secs(60)).to_string(), "2026-11-23T08:16:00Z");
        assert_eq!(start.after(Duration::MAX).since(start.after(Duration::MAX)), Duration::ZERO);
        assert_eq!(start.whole_seconds(), "2026-11-23T08:15:00Z".parse().unwrap());
    }
}
