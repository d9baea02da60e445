//! Which page of a guest crosses next, how it is framed, and what each side of a migration may do.

mod destination;
mod error;
mod estimate;
mod layout;
mod pacer;
mod settings;
mod source;
mod stats;
mod throttle;
pub mod wire;

pub use destination::{
    Destination, DestinationInput, DestinationPhase, Effect, Hardware, Receiver,
};
pub use error::{Mismatch, TransferError};
pub use layout::{Channel, Layout, MAX_CHANNELS, MAX_DISKS, REGION, Volume, VolumePages};
pub use settings::{BeforeSwitchover, PostCopy, Settings};
pub use source::{
    Ending, Grant, Marked, Sent, Source, SourceInput, SourcePhase, Step, Switch, Work,
};
pub use stats::{MAX_PASSES, PassRecord, Stats};
pub use throttle::{Tail, ThrottleSettings};
