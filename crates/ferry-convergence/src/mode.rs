//! How far a migration has gone to get done.

use std::fmt;

/// How a migration proceeds (`vmi.status.migrationState.mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// The guest runs at the source while its memory is copied.
    #[default]
    PreCopy,
    /// The guest runs at the target and fetches what it misses. There is no way back.
    PostCopy,
    /// The guest was paused at the source for the rest to be copied.
    Paused,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreCopy => "PreCopy",
            Self::PostCopy => "PostCopy",
            Self::Paused => "Paused",
        })
    }
}
