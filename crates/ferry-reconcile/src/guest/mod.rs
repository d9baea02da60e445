//! The node's side: what becomes of the guests on a node, and what their node says of them.
//!
//! A node has [orders](Order) for whoever keeps its guests, beside actions on the API. Both follow
//! from the objects of the cluster and from the [reports](GuestReport) of the guests.

mod order;
mod report;

pub use order::{Disk, DiskPlace, GuestSpec, Listen, Migrate, Order};
pub use report::{
    Arriving, GuestEnd, GuestReport, GuestState, Leaving, LeavingEnd, Listening, MigrationMode,
    MigrationReport,
};
