//! From a port to a handler: connections, TLS, limits, and an end in good order.
//!
//! A connection is a task. Its handshake, its first request and each request's head have to come in
//! time; after that it may stay for as long as a request is under way, which a watch can be for
//! hours, or until it has been idle for too long. What a handler does wrong is answered with a 500
//! and goes no further.

mod body;
mod connection;
mod limits;
mod listener;
mod service;
mod stop;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use ferry_runtime::Clock;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use rustls::ServerConfig;

use crate::access::{Authenticator, Caller};

pub use limits::Limits;
pub use listener::{Bound, ListenError};
pub(crate) use service::wall_time;
pub use stop::{Stop, Stopping};

/// Answers the requests of callers who are let in.
pub trait Handler: Send + Sync + 'static {
    /// What answers consist of.
    type Body: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static;

    /// The answer to a request. The credentials are taken out of it.
    fn serve(
        &self,
        caller: Caller,
        request: Request<Incoming>,
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
