//! What goes over HTTP once the caller is known: paths, formats, reads, watches and writes.
//!
//! A request becomes words (`path`); the words are authorized before anything else is looked at;
//! then what is at the path answers. Nothing here decides what a write means: bodies are checked and
//! handed to the one writer ([`Backend`]), and reads look at what it has published.

mod answer;
mod backend;
mod body;
mod delete;
mod dispatch;
mod documents;
mod health;
mod lens;
mod negotiate;
mod options;
mod part;
mod path;
mod protobuf;
mod read;
mod request;
mod review;
#[cfg(test)]
mod tests;
mod virtctl;
mod watch;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Body;

pub use backend::{Backend, Check, CheckScope, Process, Trouble, Written};
pub use body::{LONGEST_BODY, ResponseBody};

use crate::access::Caller;
use documents::Documents;
use path::{Query, RequestInfo, Route};
use request::Asked;

/// The API of a cluster.
#[derive(Debug)]
pub struct Api<B, P> {
    backend: Arc<B>,
    process: Arc<P>,
    documents: Documents,
}

/// What a request was for, for whoever counts them: it travels with the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// `get`, `list`, `watch` and so on.
    pub verb: &'static str,
    /// The group; empty for the core and for paths that are no resource's.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The plural; empty for paths that are no resource's.
    pub resource: &'static str,
}

impl<B: Backend, P: Process> Api<B, P> {
    /// The API of the cluster that `backend` holds, in `process`.
    pub fn new(backend: Arc<B>, process: Arc<P>) -> Self {
        Self { backend, process, documents: Documents::default() }
    }

    /// The answer to a request of `caller`.
    pub async fn serve<Incoming>(
        &self,
        caller: Caller,
        request: Request<Incoming>,
    ) -> Response<ResponseBody>
    where
        Incoming: Body<Data = Bytes>,
        Incoming::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let info = RequestInfo::new(&head.method, head.uri.path(), &query);
        let route = Route::new(&info);
        let asked =
            Asked { user: &caller.user, method: &head.method, headers: &head.headers, query, info };
        let mut answer = match self.dispatch(&asked, &route, body).await {
            Ok(answer) => answer,
            Err(refusal) => answer::refusal(&refusal, asked.refusal_format()),
        };
        answer::warn(&mut answer, dispatch::warnings(&route));
        answer.extensions_mut().insert(Described::new(&asked.info, &route));
        answer
    }
}

impl Described {
    fn new(info: &RequestInfo, route: &Route) -> Self {
        let verb = info.verb.as_str();
        match route {
            Route::Objects(path) | Route::Part(path, _) => Self {
                verb,
                group: path.served.group(),
                version: path.served.version(),
                resource: path.served.definition().plural,
            },
            Route::Root
            | Route::Version
            | Route::Health(_)
            | Route::Metrics
            | Route::Discovery(_)
            | Route::OpenApi(_)
            | Route::Review(..)
            | Route::Virtctl(_)
            | Route::VirtctlVersion
            | Route::VirtctlHealth
            | Route::Absent(_) => Self { verb, group: "", version: "", resource: "" },
        }
    }
}
