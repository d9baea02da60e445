//! From a port to a handler: connections, TLS, limits, and an end in good order.
//!
//! A connection is a task. Its handshake, its first request and each request's head have to come in
//! time; after that it may stay for as long as a request is under way, which a watch can be for
//! hours, or until it has been idle for too long. Nobody is waited for who does not read: neither a
//! write that makes no progress, nor an answer of which nothing is taken, nor one that should have
//! ended holds anything for long. What a
//! handler does wrong is answered with a 500 and goes no further.

mod arriving;
mod body;
mod connection;
mod fault;
mod gather;
mod limits;
mod listener;
mod places;
mod service;
mod stop;
mod streams;
#[cfg(test)]
mod tests;
mod traffic;
mod unread;
mod wire;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use ferry_runtime::Clock;
use http::{Request, Response};
use hyper::body::Body;
use rustls::ServerConfig;

use crate::access::{Authenticator, Caller};

pub use arriving::Arriving;
pub use limits::Limits;
pub use listener::{Bound, ListenError};
pub(crate) use service::wall_time;
pub use stop::{Stop, Stopping};
pub use traffic::EndsAt;
pub(crate) use traffic::now;

/// Answers the requests of callers who are let in.
pub trait Handler: Send + Sync + 'static {
    /// What answers consist of.
    type Body: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static;

    /// The answer to a request. The credentials are taken out of it.
    fn serve(
        &self,
        caller: Caller,
        request: Request<Arriving>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// All that connections share.
#[derive(Debug)]
pub struct Server<H, R> {
    /// Answers.
    pub handler: Arc<H>,
    /// Knows about accounts and rights.
    pub realm: Arc<R>,
    /// Finds out who asks.
    pub authenticator: Arc<Authenticator>,
    /// The server's side of TLS.
    pub tls: Arc<ServerConfig>,
    /// What clients may do to it.
    pub limits: Limits,
    /// What time it is.
    pub clock: Clock,
}
