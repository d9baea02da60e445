//! gRPC between node daemons, and from people to them.
//!
//! `proto/` says what is asked and answered; [`node`] is generated from it.

/// The service of a node daemon, as generated from `proto/ferry/node/v1/node.proto`.
#[allow(clippy::pedantic, missing_docs, unreachable_pub)]
pub mod node {
    tonic::include_proto!("ferry.node.v1");
}
