//! The body of a request while it arrives, and what becomes of one that nobody wants to read.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep, timeout};

/// How much of an unwanted body is taken before its answer begins, and for how long, so that the
/// connection can go on. As much as Go's servers take.
const TAKEN_FIRST: u64 = 256 * 1024;
const TAKEN_FIRST_TIME: Duration = Duration::from_millis(100);

/// How much is taken over HTTP/2 while the answer is on its way, and for how long. Clients stop
/// sending once they see a refusal, but what they have sent until then must not end the stream for
/// them before they have. Twice the longest body, at a few megabits per second.
const TAKEN_AFTER: u64 = 6 * 1024 * 1024;
const TAKEN_AFTER_TIME: Duration = Duration::from_secs(5);

/// The body of a request. What its reader leaves goes back to the connection.
#[derive(Debug)]
pub struct Arriving {
    body: Option<Incoming>,
    left: Left,
    was_asked_for: bool,
}

/// Where the rest of a body is found that its reader has left.
#[derive(Clone, Debug, Default)]
pub(super) struct Left(Arc<Mutex<Option<Rest>>>);

/// What was left of a body.
#[derive(Debug)]
pub(super) struct Rest {
    body: Incoming,
    was_asked_for: bool,
}

/// The rest of a body on its way to nowhere.
#[derive(Debug)]
pub(super) struct Discarded {
    body: Incoming,
    room: u64,
    end: Option<Pin<Box<Sleep>>>,
}

impl Arriving {
    pub(super) fn new(body: Incoming) -> (Self, Left) {
        let left = Left::default();
        (Self { body: Some(body), left: left.clone(), was_asked_for: false }, left)
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.was_asked_for = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            let rest = Rest { body, was_asked_for: self.was_asked_for };
            *self.left.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
        }
    }
}

impl Left {
    /// What was left, if its reader is done.
    pub(super) fn take(&self) -> Option<Rest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Rest {
    /// A short rest is taken at once. What comes back is still to arrive.
    pub(super) async fn taken_if_short(self, awaits_continue: bool) -> Option<Discarded> {
        let is_long = self.body.size_hint().lower() > TAKEN_FIRST;
        // Asking for it would invite the client to send it.
        let is_to_come = awaits_continue && !self.was_asked_for;
        let mut discarded = Discarded { body: self.body, room: TAKEN_FIRST, end: None };
        if is_long || is_to_come {
            return Some(discarded);
        }
        let taken = timeout(TAKEN_FIRST_TIME, discarded.take()).await;
        let is_over = matches!(taken, Ok(End::OfBody));
        (!is_over).then_some(discarded)
    }
}

/// Why nothing more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has all come, or never will.
    OfBody,
    /// It is too much.
    OfPatience,
}

impl Discarded {
    async fn take(&mut self) -> End {
        while let Some(Ok(frame)) = self.body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let Some(room) = self.room.checked_sub(bytes as u64) else { return End::OfPatience };
            self.room = room;
        }
        End::OfBody
    }

    /// Takes what comes while an answer is on its way. Ready when that has an end.
    pub(super) fn poll_after(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.end.is_none() {
            self.room = TAKEN_AFTER;
        }
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(TAKEN_AFTER_TIME)));
        if end.poll_unpin(context).is_ready() {
            return Poll::Ready(());
        }
        let mut taken = std::pin::pin!(self.take());
        taken.as_mut().poll(context).map(|_end| ())
    }
}
