//! Quantities that cannot be confused.
//!
//! Every number that leaves a function in ferry carries its unit in its type: sizes are [`Bytes`],
//! rates are [`BytesPerSecond`], a timeout that scales with a guest is [`SecondsPerGiB`]. Only the
//! combinations that mean something compile, and none of them rounds without saying so.
//!
//! ```
//! use ferry_units::{Bytes, BytesPerSecond, CompletionTimeout, SecondsPerGiB};
//!
//! // How long does a 6 GiB guest take to cross at 512 MiB/s?
//! let guest = Bytes::from_gib(6);
//! let link = BytesPerSecond::from_mib(512);
//! assert_eq!(guest.transfer_time(link).unwrap().as_secs(), 12);
//!
//! // How long may it take at 800 seconds per GiB?
//! let CompletionTimeout::After(limit) = SecondsPerGiB::new(800).per_gib_of(guest) else {
//!     unreachable!()
//! };
//! assert_eq!(limit.to_string(), "4800");
//! ```
//!
//! This crate knows no clock: [`Instant`] and [`WallTime`] are values that somebody above read.

mod bytes;
mod downtime;
mod page;
mod page_run;
mod page_set;
mod percent;
mod rate;
mod time;
mod timeout;

pub use bytes::Bytes;
pub use downtime::{Downtime, DowntimeError};
pub use page::{PageCount, PageIndex, PageSize, PageSizeError};
pub use page_run::PageRun;
pub use page_set::PageSet;
pub use percent::{Percent, PercentError};
pub use rate::BytesPerSecond;
pub use time::{Instant, WallTime, WallTimeError};
pub use timeout::{CompletionTimeout, ExactSeconds, SecondsPerGiB};
