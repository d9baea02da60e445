//! Spans of time as QMP counts them.

use std::fmt;
use std::time::Duration;

use crate::json::Json;
use crate::qapi::{ArgumentError, Input, Qapi, Shape};

/// A span in whole milliseconds, in which QEMU counts everything about a migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Milliseconds(pub u64);

impl Milliseconds {
    /// The same, as a duration.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// A duration, rounded down; at most the longest span there is.
    pub fn from_duration(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

impl Qapi for Milliseconds {
    fn shape() -> Shape {
        u64::shape()
    }

    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        u64::read(input).map(Self)
    }

    fn write(&self) -> Json {
        self.0.write()
    }
}
