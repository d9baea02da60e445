//! gRPC between node daemons, and from people to them.
//!
//! `proto/` says what is asked and answered. Nobody but this crate sees the messages that are
//! generated from it: each has a twin here whose fields are parsed, and what does not parse is an
//! error that names the field. A [`NodeClient`] asks; [`server::serve`] answers for whoever
//! implements [`server::Node`].
//!
//! Both ends show certificates. A node's says its name, so a client that was sent to the wrong
//! address talks to nobody.
//!
//! ```no_run
//! # async fn ask(address: std::net::SocketAddr, tls: std::sync::Arc<rustls::ClientConfig>)
//! # -> Result<(), ferry_rpc::RpcError> {
//! use ferry_rpc::NodeClient;
//!
//! let node = NodeClient::connect(address, "node-1", tls).await?;
//! for guest in node.guests().await? {
//!     println!("{} is {}", guest.name, guest.state);
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod error;
mod field;
mod guest;
mod hand_over;
mod millis;
mod progress;
pub mod server;
mod story;
mod tls;

pub use client::{Answers, NodeClient};
pub use error::{FieldError, Refusal, RefusalKind, RpcError};
pub use guest::{Guest, GuestName, GuestState, Verification};
pub use hand_over::{Concluded, Conclusion, Console, Outcome, Reopened, Wholeness};
pub use progress::{Ending, Mode, Progress};
pub use story::{Milestone, Pass, Story};

/// What is generated from `proto/ferry/node/v1/node.proto`.
#[allow(clippy::pedantic, missing_docs, unreachable_pub)]
mod wire {
    tonic::include_proto!("ferry.node.v1");
}
