//! What a migration was told, fully parsed.
//!
//! The wire types of `ferry-api` say what was written; the types here say what is meant. "0 is
//! unlimited", "0 is never" and "two booleans of which one combination makes no sense" end here:
//! they are variants. Both wings of ferry use this crate, so it has heard neither of Kubernetes
//! nor of QEMU.
//!
//! ```
//! use ferry_config::{Bandwidth, MigrationSettings, OnTimeout, Permission, Semantics, TransferSize};
//! use ferry_units::{Bytes, BytesPerSecond, SecondsPerGiB};
//!
//! let settings = MigrationSettings {
//!     bandwidth: Bandwidth::from_bytes_per_second(64 << 20),
//!     completion_timeout_per_gib: SecondsPerGiB::new(800),
//!     post_copy: Permission::Allowed,
//!     workload_disruption: Permission::Allowed,
//!     ..MigrationSettings::default()
//! };
//! assert_eq!(settings.bandwidth, Bandwidth::AtMost(BytesPerSecond::from_mib(64)));
//! assert_eq!(settings.on_timeout(), OnTimeout::PostCopy);
//!
//! let size = TransferSize { memory: Bytes::from_gib(6), disks: Bytes::ZERO };
//! let timeout = settings.completion_timeout(size, Semantics::Documented);
//! assert_eq!(timeout.to_string(), "4800 s");
//! ```

mod bandwidth;
mod limits;
mod semantics;
mod settings;
mod timeout;

pub use bandwidth::Bandwidth;
pub use limits::ClusterLimits;
pub use semantics::{Semantics, SemanticsError};
pub use settings::{MigrationMethod, MigrationSettings, OnTimeout, Permission, Tls};
pub use timeout::{CompletionLimit, ProgressTimeout, TransferSize};
