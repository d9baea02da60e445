//! All objects at one revision.

use crate::object::Revision;

/// All objects at one revision, and the writes that led there.
#[derive(Clone, Debug, Default)]
pub struct State {
    revision: Revision,
}

impl State {
    /// The revision of the newest write.
    pub fn revision(&self) -> Revision {
        self.revision
    }
}
