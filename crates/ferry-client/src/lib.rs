//! What a program that works on the cluster needs: eyes and hands.
//!
//! ```text
//!                 list, watch                     look
//!  API server ───────────────► Cache (a View) ───────────► ferry-reconcile
//!      ▲                         ▲                               │
//!      │ create, patch, bind,    │ answers                       │ Plan
//!      │ delete, events          │                               │
//!      └──────────────────────── Hands ◄─────────────────────────┘
//! ```
//!
//! A [`Cache`] holds the objects of some kinds and is kept current by watches. [`Hands`] carry out
//! plans as `ferry_reconcile` wants it, and put what the server answers into the cache, so that the
//! next look sees what the last plan has done. Events go by way of a [`Recorder`], which sends the
//! same news once and counts it from then on. [`status`] tells the rest of the world how a program is,
//! and [`Stopping`] ends it.
//!
//! Nothing here knows a machine or a migration.

mod cache;
mod connect;
mod events;
mod hands;
mod pause;
mod request;
mod revision;
pub mod status;
mod stopping;

pub use cache::{Cache, Selection};
pub use connect::{ConnectError, connect};
pub use events::{Recorder, Source};
pub use hands::{Hands, HandsError};
pub use pause::Pause;
pub use stopping::{Stop, Stopping, stopping};

use ferry_units::WallTime;

/// Tells what time it is. Whoever starts a program has a clock.
pub type Calendar = fn() -> WallTime;

/// What a program logs unless it is told otherwise. The client underneath would call each attempt to
/// reach a server that is away an error; here the first one and the last are told of.
pub const LOG_FILTER: &str = "info,kube_client=off";
