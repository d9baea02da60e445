//! The primitives that [`Gate`](crate::gate::Gate) and the [cards](crate::cards) are made of.
//!
//! They stand here so that `tests/orders.rs` can compile the very same two files against loom's
//! primitives, and try every order in which threads can meet.

pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering, compiler_fence};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The cheap half of a pair of fences: it keeps the compiler from reordering, and leaves the
/// processor to the heavy half ([`Barrier`](crate::barrier::Barrier)).
pub(crate) fn light_fence() {
    compiler_fence(Ordering::SeqCst);
}
