//! The place where others have a say in a write, inside the one writer.
//!
//! What a kind demands of its objects beyond its schema is not the registry's business; it asks an
//! [`Admission`]. Because that happens while nobody else writes, what it has seen in the state still
//! holds when the write is done.

use ferry_units::WallTime;

use crate::object::{Document, Target};
use crate::refusal::Refusal;
use crate::request::{Run, User};
use crate::state::State;

/// Has a say in each write.
pub trait Admission {
    /// Completes an object before it is checked. It may not change the object's identity.
    ///
    /// # Errors
    /// A [`Refusal`] ends the write.
    fn mutate(
        &self,
        review: &Review<'_>,
        object: &mut Document,
        state: &State,
    ) -> Result<(), Refusal>;

    /// Accepts a write, with warnings, or refuses it.
    ///
    /// # Errors
    /// A [`Refusal`] ends the write.
    fn validate(&self, review: &Review<'_>, state: &State) -> Result<Vec<String>, Refusal>;
}

/// A write as admission sees it. Objects are in the version that their kind is kept in.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    /// Who asks.
    pub user: &'a User,
    /// Where the write goes; a name that was generated is filled in.
    pub target: &'a Target,
    /// What it does.
    pub operation: Operation<'a>,
    /// Whether it is done.
    pub run: Run,
    /// What time it is.
    pub now: WallTime,
}

/// What a write does.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// It makes this object. While it is being completed, as the client wrote it.
    Create {
        /// The object.
        new: &'a Document,
    },
    /// It changes an object.
    Update {
        /// The object before.
        old: &'a Document,
        /// And after. While that is being completed, still the one before: what it becomes is the
        /// object that is completed.
        new: &'a Document,
    },
    /// It deletes an object.
    Delete {
        /// The object.
        old: &'a Document,
    },
}
