//! What goes over HTTP once the caller is known: paths, formats, reads, watches and writes.
//!
//! A request becomes words (`path`); the words are authorized before anything else is looked at;
//! then what is at the path answers. Nothing here decides what a write means: bodies are checked and
//! handed to the one writer ([`Backend`]), and reads look at what it has published.

mod answer;
mod backend;
mod body;
mod delete;
mod described;
mod dispatch;
mod documents;
mod health;
mod lens;
mod lists;
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
mod token;
mod virtctl;
mod watch;
mod work;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use ferry_api::Misfiled;
use http::{Request, Response};
use hyper::body::Body;

pub use backend::{Backend, Check, CheckScope, Process, Trouble, Written};
pub use body::{LONGEST_BODY, ResponseBody};

use crate::access::Caller;
use documents::Documents;
use path::{Query, RequestInfo, Route, check_encoding};
use request::Asked;

/// The API of a cluster.
#[derive(Debug)]
pub struct Api<B, P> {
    backend: Arc<B>,
    process: Arc<P>,
    documents: Documents,
    misfiled: Misfiled,
}

impl<B: Backend, P: Process> Api<B, P> {
    /// The API of the cluster that `backend` holds, in `process`.
    pub fn new(backend: Arc<B>, process: Arc<P>, misfiled: Misfiled) -> Self {
        Self { backend, process, documents: Documents::new(misfiled), misfiled }
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
        let route = Route::new(&info, self.misfiled);
        let asked =
            Asked { user: &caller.user, method: &head.method, headers: &head.headers, query, info };
        let path = head.uri.path();
        let is_readable = check_encoding(path)
            .and_then(|()| check_encoding(head.uri.query().unwrap_or_default()));
        let answered = match is_readable {
            Ok(()) => self.dispatch(&asked, &route, body).await,
            Err(refusal) => Err(refusal),
        };
        let mut answer = match answered {
            Ok(answer) => answer,
            Err(refusal) => answer::refusal(&refusal, asked.refusal_format()),
        };
        answer::warn(&mut answer, dispatch::warnings(&route));
        answer.extensions_mut().insert(described::endpoint(&asked, &route));
        answer
    }
}
