//! Guest memory to and from sockets, without a buffer in between.

mod receive;
mod send;
mod tuning;
#[expect(unsafe_code, reason = "passes addresses of guest memory to the kernel")]
mod vectors;

pub use receive::Slot;
pub use send::Piece;
pub use tuning::{Keepalive, SocketTuning, Tuned};

pub(crate) use receive::receive;

/// How far a call got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
pub enum Progress {
    /// To the end.
    Done,
    /// As far as a socket that does not block allows now. Poll it, then call again with the same
    /// pieces and the count of bytes as this call left it.
    Blocked,
}
