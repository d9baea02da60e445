//! The sockets of a migration: TCP or UNIX, plain or TLS 1.3, behind one interface.
//!
//! ```text
//!   Listener::bind ── accept ──► Pending ── establish ──► Connection ◄── connect ── Endpoint
//!        │ close: from any thread           handshake         │
//!        ▼ wakes accept                     within a limit    ├── send, write     any thread, one at a time
//!                                                             ├── receive, read   any thread, one at a time
//!                                                             └── shut_down       wakes all of them
//! ```
//!
//! Guest memory crosses a plain connection without a copy of ours: the kernel takes it from the
//! memfd and puts it into the mapping. With TLS it is copied once to be sealed, and once when it is
//! opened. On loopback that and the ciphers cost 0.77 s of processor time a GB, both ends together,
//! where plain costs 0.30 s. Neither direction ever waits for the other: no lock is held across a system call that
//! the other direction needs.
//!
//! A connection that failed once in one direction is of no more use in it, as nobody knows how far
//! the stream got; every call after that fails too.

mod connect;
mod connection;
mod endpoint;
mod error;
mod listener;
mod place;
mod security;
mod socket;
#[cfg(test)]
mod tests;
mod tls;

pub use connect::CONNECT_LIMIT;
pub use connection::Connection;
pub use endpoint::Endpoint;
pub use error::LinkError;
pub use listener::{Listener, Pending};
pub use place::Place;
pub use security::{ClientSecurity, HANDSHAKE_LIMIT, ServerSecurity};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that was poisoned by a panic elsewhere is still usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
