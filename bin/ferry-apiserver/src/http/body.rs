//! What is sent, and that it is under way.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

/// What is under way on a connection.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    under_way: AtomicUsize,
    begun: AtomicU64,
}

impl Traffic {
    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// How many requests there have been.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether there is none now.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0
    }
}

/// A request is under way for as long as this lives.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Traffic>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer. Its request is under way until it is sent or given up.
#[derive(Debug)]
pub(super) struct Reply<B> {
    content: Content<B>,
    _under_way: UnderWay,
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
        Self { content: Content::Answer(body), _under_way: under_way }
    }

    pub(super) fn refusal(body: Bytes, under_way: UnderWay) -> Self {
        Self { content: Content::Refusal(Full::new(body)), _under_way: under_way }
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
        match &mut self.content {
            Content::Answer(body) => Pin::new(body).poll_frame(context),
            Content::Refusal(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Answer(body) => body.is_end_stream(),
            Content::Refusal(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Answer(body) => body.size_hint(),
            Content::Refusal(body) => body.size_hint(),
        }
    }
}
