//! What is sent, and that it is under way.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

use super::arriving::Discarded;
use super::traffic::{EndsAt, UnderWay};

/// The body of an answer. Its request is under way until it is sent or given up.
#[derive(Debug)]
pub(super) struct Reply<B> {
    content: Content<B>,
    under_way: UnderWay,
    /// The rest of the request, which the answer does not end before.
    unwanted: Option<Discarded>,
}

#[derive(Debug)]
enum Content<B> {
    /// From the handler.
    Answer(B),
    /// From us, who did not ask it or were let down.
    Refusal(Full<Bytes>),
}

impl<B> Reply<B> {
    pub(super) fn answer(body: B, under_way: UnderWay) -> Self {
        Self { content: Content::Answer(body), under_way, unwanted: None }
    }

    pub(super) fn refusal(body: Bytes, under_way: UnderWay) -> Self {
        Self { content: Content::Refusal(Full::new(body)), under_way, unwanted: None }
    }

    /// It is over then, whoever reads it.
    pub(super) fn ends_at(&mut self, end: EndsAt) {
        self.under_way.ends_at(end);
    }

    /// Takes what is left of the request before it ends.
    pub(super) fn discards(&mut self, unwanted: Discarded) {
        self.unwanted = Some(unwanted);
    }
}

impl<B> Body for Reply<B>
where
    B: Body<Data = Bytes, Error = Infallible> + Unpin,
{
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let polled = match &mut this.content {
            Content::Answer(body) => Pin::new(body).poll_frame(context),
            Content::Refusal(body) => Pin::new(body).poll_frame(context),
        };
        match (&polled, &mut this.unwanted) {
            (Poll::Ready(None), Some(unwanted)) => unwanted.poll_after(context).map(|()| {
                this.unwanted = None;
                None
            }),
            (_, _) => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_sent = match &self.content {
            Content::Answer(body) => body.is_end_stream(),
            Content::Refusal(body) => body.is_end_stream(),
        };
        is_sent && self.unwanted.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Answer(body) => body.size_hint(),
            Content::Refusal(body) => body.size_hint(),
        }
    }
}
