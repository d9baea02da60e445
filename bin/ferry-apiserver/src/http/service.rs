//! One request: who asks, the handler's answer, and what stands in for it when there is none.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use ferry_units::WallTime;
use futures::FutureExt;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::body::{Reply, Traffic};
use super::{Handler, Server};
use crate::access::{AccessError, Admitted, Peer, Realm};

/// What each request of a connection is answered with.
pub(super) struct Service<H, R> {
    pub(super) server: Arc<Server<H, R>>,
    pub(super) peer: Peer,
    pub(super) traffic: Arc<Traffic>,
}

/// What is said of a request in the log.
struct Line {
    method: Method,
    path: String,
    begun: ferry_units::Instant,
    user: String,
    impersonator: Option<String>,
}

impl<H: Handler, R: Realm> Service<H, R> {
    /// Answers a request, whatever happens.
    pub(super) async fn answer(&self, mut request: Request<Incoming>) -> Response<Reply<H::Body>> {
        let under_way = self.traffic.begin();
        let clock = self.server.clock;
        let admitted = self.admit(&request);
        let line = tracing::enabled!(target: "ferry_apiserver::access", tracing::Level::DEBUG)
            .then(|| Line::of(&request, &admitted, clock.now()));
        let response = match admitted {
            Err(error) => {
                let code = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::UNAUTHORIZED);
                refusal(code, &error.status()).map(|body| Reply::refusal(body, under_way))
            }
            Ok(Admitted { caller, .. }) => {
                // Nobody behind this needs to know it, so nobody can give it away.
                request.headers_mut().remove(AUTHORIZATION);
                let answer = AssertUnwindSafe(self.server.handler.serve(caller, request));
                match answer.catch_unwind().await {
                    Ok(response) => response.map(|body| Reply::answer(body, under_way)),
                    // The hook has logged it.
                    Err(_panic) => broken().map(|body| Reply::refusal(body, under_way)),
                }
            }
        };
        if let Some(line) = line {
            line.log(response.status(), clock.now());
        }
        response
    }

    fn admit(&self, request: &Request<Incoming>) -> Result<Admitted, AccessError> {
        let server = &self.server;
        let now = wall_time(server.clock);
        let path = request.uri().path();
        let authenticator = &server.authenticator;
        authenticator.admit(&self.peer, path, request.headers(), &*server.realm, now)
    }
}

/// What time it is, in the words of certificates and tokens.
pub(crate) fn wall_time(clock: ferry_runtime::Clock) -> WallTime {
    let seconds = i64::try_from(clock.wall().as_secs()).unwrap_or(i64::MAX);
    WallTime::from_unix_seconds(seconds)
        .or_else(|| WallTime::from_unix_seconds(0))
        .expect("1970 is a year of the calendar")
}

fn refusal(code: StatusCode, status: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(status.to_string()));
    *response.status_mut() = code;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// The answer to a request whose handler has panicked.
fn broken() -> Response<Bytes> {
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "This request caused apiserver to panic. Look in the logs for details.",
        "reason": "InternalError",
        "code": 500,
    });
    refusal(StatusCode::INTERNAL_SERVER_ERROR, &status)
}

impl Line {
    fn of(
        request: &Request<Incoming>,
        admitted: &Result<Admitted, AccessError>,
        begun: ferry_units::Instant,
    ) -> Self {
        let admitted = admitted.as_ref().ok();
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            begun,
            user: admitted.map(|it| it.caller.user.name.clone()).unwrap_or_default(),
            impersonator: admitted.and_then(|it| it.impersonator.clone()),
        }
    }

    fn log(self, code: StatusCode, now: ferry_units::Instant) {
        tracing::debug!(
            target: "ferry_apiserver::access",
            method = %self.method,
            path = self.path,
            code = code.as_u16(),
            user = self.user,
            impersonator = self.impersonator,
            micros = now.since(self.begun).as_micros(),
            "request"
        );
    }
}
