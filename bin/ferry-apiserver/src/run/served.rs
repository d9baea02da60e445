//! The API between the port and the cluster: what each knows of the other, and what is counted.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use ferry_registry::User;
use ferry_runtime::Clock;
use ferry_units::WallTime;
use http::{Request, Response};
use hyper::body::{Body, Frame, SizeHint};

use super::begin::Begun;
use crate::access::{Authenticator, BoundTo, Caller, Holder, Issued, Realm, Whom, realm};
use crate::api::{Api, Backend, Check, CheckScope, Process, ResponseBody, Trouble};
use crate::http::{Arriving, Handler, Stopping};
use crate::metrics::{Endpoint, LongRunning, Metrics};

/// The cluster, as authentication asks it.
#[derive(Debug)]
pub(crate) struct ClusterRealm<B>(pub(crate) Arc<B>);

impl<B: Backend> Realm for ClusterRealm<B> {
    fn service_account(&self, namespace: &str, name: &str) -> Option<String> {
        realm::service_account(&self.0.state(), namespace, name)
    }

    fn is_there(&self, namespace: &str, bound: &BoundTo, now: WallTime) -> bool {
        realm::is_there(&self.0.state(), namespace, bound, now)
    }

    fn may_impersonate(&self, user: &User, whom: &Whom) -> bool {
        realm::may_impersonate(&self.0.authorizer(), user, whom)
    }
}

/// The process, as the API asks it.
#[derive(Debug)]
pub(crate) struct Around<B> {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) realm: Arc<ClusterRealm<B>>,
    pub(crate) begun: Arc<Begun>,
    pub(crate) stopping: Stopping,
}

impl<B: Backend> Process for Around<B> {
    fn metrics(&self) -> String {
        self.metrics.render()
    }

    // PARITY: apiserver/pkg/server/healthz.go#AddReadyzChecks
    fn checks(&self) -> Vec<Check> {
        let (journal, storage) = match self.realm.0.trouble() {
            None => (None, None),
            Some(Trouble::NoRoom(message)) => (None, Some(message)),
            Some(Trouble::Stopped(message)) => (Some(message.clone()), Some(message)),
        };
        let begun = (!self.begun.is_done()).then(|| "not all is written yet".to_owned());
        let is_stopping = self.stopping.has_begun();
        let shutdown = is_stopping.then(|| "process is shutting down".to_owned());
        vec![
            Check { name: "ping", scope: CheckScope::Alive, problem: None },
            Check { name: "journal", scope: CheckScope::Alive, problem: journal },
            Check { name: "storage", scope: CheckScope::Ready, problem: storage },
            Check { name: "poststarthook/bootstrap", scope: CheckScope::Ready, problem: begun },
            Check { name: "shutdown", scope: CheckScope::Ready, problem: shutdown },
        ]
    }

    fn issue_token(
        &self,
        holder: &Holder,
        audiences: &[String],
        lifetime: Duration,
        now: WallTime,
    ) -> Issued {
        let id = ferry_runtime::entropy::bytes();
        self.authenticator.tokens().issue(holder, audiences, lifetime, now, id)
    }

    fn review_token(
        &self,
        token: &str,
        audiences: &[String],
        now: WallTime,
    ) -> Option<(User, Vec<String>)> {
        self.authenticator.review(token, audiences, &*self.realm, now)
    }

    fn stopping(&self) -> Stopping {
        self.stopping.clone()
    }
}

/// The API, with everything counted that goes through it.
#[derive(Debug)]
pub(crate) struct Served<B> {
    pub(crate) api: Api<B, Around<B>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
}

impl<B: Backend> Handler for Served<B> {
    type Body = Counted;

    async fn serve(&self, caller: Caller, request: Request<Arriving>) -> Response<Counted> {
        let begun = self.clock.now();
        let mut response = self.api.serve(caller, request).await;
        let endpoint = response.extensions_mut().remove().unwrap_or(Endpoint::OTHER);
        let took = self.clock.now().since(begun);
        self.metrics.answered(&endpoint, response.status().as_u16(), took);
        let is_watch = endpoint.verb == "WATCH" && response.status().is_success();
        let long_running = is_watch.then(|| self.metrics.long_running(&endpoint));
        response.map(|body| Counted { body, _long_running: long_running })
    }
}

/// The body of an answer, which is counted for as long as it is sent if that is long.
#[derive(Debug)]
pub(crate) struct Counted {
    body: ResponseBody,
    _long_running: Option<LongRunning>,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
