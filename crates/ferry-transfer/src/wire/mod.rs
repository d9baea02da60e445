//! What is on the wire, byte for byte. Numbers are little-endian.
//!
//! Each connection begins with a [`Hello`] of the source and a [`Welcome`] of the destination. Then
//! the **control** connection carries [`SourceMessage`]s one way and [`TargetMessage`]s the other,
//! each behind an [`Envelope`]; a **data** connection carries [`Header`]s with runs of pages behind
//! them, one way; and the **urgent** connection of post-copy carries requests one way and pages, as
//! on a data connection, the other.
//!
//! Every length that a peer sends is compared with a limit before it is believed, so that no input
//! makes a reader allocate more than a small and constant amount, or what its own guest needs.

mod bytes;
mod control;
mod data;
mod error;
mod hello;

pub use control::{DiskOffer, Envelope, MAX_TEXT, Offer, SourceMessage, StateFor, TargetMessage};
pub use data::{Frame, Header, MAX_FRAME_PAGES, MAX_RUNS, RunTable};
pub use error::DecodeError;
pub use hello::{Hello, Purpose, Role, SessionId, VERSION, Welcome};
