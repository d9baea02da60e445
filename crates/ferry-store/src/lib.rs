//! A revisioned, durable journal on sled.
//!
//! A [`Store`] keeps [`Record`]s: at this revision, this key got this value or was deleted. A record
//! is on the disk when [`Journal::append`] returns. [`Store::open`] gives everything back: the state
//! where the log begins, and the log. Keys and values are bytes; what they mean is the caller's affair.
//!
//! ```
//! use bytes::Bytes;
//! use ferry_store::{Journal, Record, RecordChange, Store, StoreOptions};
//!
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("journal");
//! let (mut store, recovered) = Store::open(&path, &StoreOptions::default())?;
//! assert!(recovered.log.is_empty());
//!
//! let change = RecordChange::Put(Bytes::from("{}"));
//! store.append(&[Record { revision: 1, key: Bytes::from("nodes/a"), change }])?;
//! drop(store);
//!
//! let (_, recovered) = Store::open(&path, &StoreOptions::default())?;
//! assert_eq!(recovered.log[0].revision, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it is kept
//!
//! Every append is one *entry*, cut into pieces that sled keeps under rising numbers. Entries are
//! never changed. The oldest are removed once they are no longer history and too much in them is dead;
//! what still lives there is *carried*: written again, as part of the next entry. Each append does a
//! bounded share of that in the same sled batch, so that a journal whose keys are rewritten for ever
//! does not grow, and no append waits for a long compaction.
//!
//! The newest entries wait in a file of their own until sled gets them together (`recent`): an append
//! of a few kilobytes is one write and one sync.
//!
//! Each entry carries the checksum of its predecessor and the place of the oldest, and a file beside
//! sled remembers the newest that was acknowledged. So whatever is lost or changed, at the beginning,
//! in the middle or at the end, is noticed when the journal is opened, and is an error.

mod broom;
mod engine;
mod entry;
mod error;
mod journal;
mod large;
mod layout;
mod ledger;
mod mark;
mod options;
mod quiet;
mod recent;
mod record;
mod recovery;
mod space;
mod stats;
mod store;
mod unreadable;

pub use error::StoreError;
pub use journal::{Compaction, Journal, Snapshot};
pub use options::{Retention, StoreOptions};
pub use record::{Object, Record, RecordChange};
pub use recovery::Recovered;
pub use space::{Disk, Room};
pub use stats::StoreStats;
pub use store::Store;
