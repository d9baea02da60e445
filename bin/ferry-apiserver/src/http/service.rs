//! One request: who asks, the handler's answer, and what stands in for it when there is none.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use ferry_units::WallTime;
use futures::FutureExt;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use serde_json::{Value, json};

use super::arriving::{Arriving, Left};
use super::body::Reply;
use super::connection::Guest;
use super::fault::Fault;
use super::traffic::UnderWay;
use super::{EndsAt, Handler, Server};
use crate::access::{AccessError, Admitted, Authenticated, Peer, Realm};

/// What each request of a connection is answered with.
pub(super) struct Service<H, R> {
    pub(super) server: Arc<Server<H, R>>,
    pub(super) peer: Peer,
    pub(super) guest: Guest,
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
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Reply<H::Body>> {
        let version = request.version();
        let awaits_continue = request.headers().contains_key(EXPECT);
        let (head, body) = request.into_parts();
        let (body, left) = Arriving::new(body);
        let response = self.reply(Request::from_parts(head, body)).await;
        without_rest(response, left, version, awaits_continue).await
    }

    async fn reply(&self, mut request: Request<Arriving>) -> Response<Reply<H::Body>> {
        let traffic = &self.guest.traffic;
        let under_way = traffic.begin();
        let is_http2 = request.version() == Version::HTTP_2;
        let is_head = request.method() == Method::HEAD;
        let clock = self.server.clock;
        let admitted = self.admit(&request);
        if admitted.as_ref().is_ok_and(|it| it.caller.authenticated != Authenticated::Anonymous) {
            self.guest.place.is_of_somebody_known();
        }
        if is_http2 && is_nobody(&admitted) && !self.guest.place.is_known() {
            self.show_out();
        }
        let line = tracing::enabled!(target: "ferry_apiserver::access", tracing::Level::DEBUG)
            .then(|| Line::of(&request, &admitted, clock.now()));
        let _turn = if is_http2 {
            traffic.unread().room(self.server.limits.answer_bytes).await
        } else {
            None
        };
        let mut response = match (Fault::of(&request, &self.server.limits), admitted) {
            (Some(fault), _) => {
                let mut response = refusal(fault.code(), &fault.status());
                if !is_http2 {
                    // Nobody knows what else it means to say.
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response.map(|body| Reply::refusal(body, under_way))
            }
            (None, Err(error)) => {
                let code = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::UNAUTHORIZED);
                refusal(code, &error.status()).map(|body| Reply::refusal(body, under_way))
            }
            (None, Ok(Admitted { caller, .. })) => {
                // Nobody behind this needs to know it, so nobody can give it away.
                request.headers_mut().remove(AUTHORIZATION);
                let served = AssertUnwindSafe(self.server.handler.serve(caller, request));
                match served.catch_unwind().await {
                    Ok(response) => answer(response, under_way),
                    // The hook has logged it.
                    Err(_panic) => broken().map(|body| Reply::refusal(body, under_way)),
                }
            }
        };
        if is_http2 {
            if is_head {
                without_body(&mut response);
            }
            response.body_mut().waits(traffic.unread());
        }
        if let Some(line) = line {
            line.log(response.status(), clock.now());
        }
        response
    }

    /// Nobody known has no need of a connection with many requests, and each costs us something: it
    /// ends after this one.
    // PARITY: apiserver/pkg/endpoints/filters/authentication.go#withAuthentication
    fn show_out(&self) {
        let Guest { place, traffic } = &self.guest;
        traffic.leave();
        if traffic.under_way() > self.server.limits.requests_of_strangers {
            place.give_up();
        }
    }

    fn admit(&self, request: &Request<Arriving>) -> Result<Admitted, AccessError> {
        let server = &self.server;
        let now = wall_time(server.clock);
        let path = request.uri().path();
        let authenticator = &server.authenticator;
        authenticator.admit(&self.peer, path, request.headers(), &*server.realm, now)
    }
}

/// Whether it is not known who asks.
fn is_nobody(admitted: &Result<Admitted, AccessError>) -> bool {
    match admitted {
        Ok(it) => it.caller.authenticated == Authenticated::Anonymous,
        Err(error) => *error == AccessError::Unauthorized,
    }
}

/// The answer of the handler.
fn answer<B: Body<Data = Bytes, Error = Infallible> + Unpin>(
    mut response: Response<B>,
    under_way: UnderWay,
) -> Response<Reply<B>> {
    let end = response.extensions_mut().remove::<EndsAt>();
    response.map(|body| {
        let mut reply = Reply::answer(body, under_way);
        if let Some(end) = end {
            reply.ends_at(end);
        }
        reply
    })
}

/// The answer to a HEAD: HTTP/1.1 leaves the body out by itself, HTTP/2 does not.
fn without_body<B: Body<Data = Bytes, Error = Infallible> + Unpin>(
    response: &mut Response<Reply<B>>,
) {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    response.body_mut().has_no_body();
}

/// An answer to a request whose body may not have been read to its end. Whoever sends it must not
/// miss the answer for that.
async fn without_rest<B: Body<Data = Bytes, Error = Infallible> + Unpin>(
    mut response: Response<Reply<B>>,
    left: Left,
    version: Version,
    awaits_continue: bool,
) -> Response<Reply<B>> {
    let Some(rest) = left.take() else { return response };
    let Some(unwanted) = rest.taken_if_short(awaits_continue).await else { return response };
    if version == Version::HTTP_2 {
        response.body_mut().discards(unwanted);
    } else {
        // What comes now is no request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
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
        request: &Request<Arriving>,
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
