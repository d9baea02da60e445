//! From Kubernetes' nodes and pods to what placement understands.
//!
//! Every field is looked at once, here. What cannot be read is refused with its path, instead of
//! being passed over: a toleration that silently does not count is a guest that silently does not
//! move.

mod affinity;
mod node;
mod overcommit;
mod pod;
mod requests;
mod taints;

use crate::{FieldProblem, SchedulerError};

pub use overcommit::Overcommit;

/// A field that cannot be read, and where it is, as far as that is known yet.
#[derive(Debug)]
struct Unread {
    field: String,
    problem: FieldProblem,
}

impl Unread {
    fn at(field: impl Into<String>, problem: impl Into<FieldProblem>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }

    /// The same, seen from the field that it is part of.
    fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }

    fn of(self, object: impl Into<String>) -> SchedulerError {
        let Self { field, problem } = self;
        SchedulerError::Unreadable { object: object.into(), field, problem }
    }
}

/// Reads each entry of a list, which may be missing.
fn each<T, R>(
    list: &str,
    entries: Option<&Vec<T>>,
    read: impl Fn(&T) -> Result<R, Unread>,
) -> Result<Vec<R>, Unread> {
    let entries = entries.into_iter().flatten().enumerate();
    entries
        .map(|(index, entry)| {
            read(entry).map_err(|unread| unread.within(&format!("{list}[{index}]")))
        })
        .collect()
}
