//! What is sent, and that it is under way.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

use super::arriving::Discarded;
use super::traffic::{EndsAt, UnderWay};
use super::unread::{Unread, Waiting};

/// How much of an answer is given away at once: what waits for a reader of HTTP/2 beyond this waits
/// here, where it is seen.
const PIECE: usize = 64 * 1024;

/// What is held for an answer of unknown length, at most: a piece here and a piece in the buffers of
/// its stream.
const HELD_OF_UNKNOWN: u64 = 2 * PIECE as u64;

/// An answer that is longer ends only when its reader has taken so much that there is room again, and
/// so is seen until then. A shorter one may be forgotten in the buffers of its stream.
const FORGOTTEN: u64 = 4 * 1024;

/// The body of an answer. Its request is under way until it is sent or given up.
#[derive(Debug)]
pub(super) struct Reply<B> {
    content: Content<B>,
    /// What the content has given and nobody has asked for yet.
    left: Bytes,
    end: End,
    under_way: UnderWay,
    /// Set while it waits for a reader.
    waiting: Option<Waiting>,
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

/// When an answer says that it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With its last piece.
    Announced,
    /// When it is asked for one more.
    Asked,
}

impl<B> Reply<B>
where
    B: Body<Data = Bytes, Error = Infallible> + Unpin,
{
    pub(super) fn answer(body: B, under_way: UnderWay) -> Self {
        Self::of(Content::Answer(body), under_way)
    }

    pub(super) fn refusal(body: Bytes, under_way: UnderWay) -> Self {
        Self::of(Content::Refusal(Full::new(body)), under_way)
    }

    fn of(content: Content<B>, under_way: UnderWay) -> Self {
        let (left, end) = (Bytes::new(), End::Announced);
        Self { content, left, end, under_way, waiting: None, unwanted: None }
    }

    /// It is over then, whoever reads it.
    pub(super) fn ends_at(&mut self, end: EndsAt) {
        self.under_way.ends_at(end);
    }

    /// It says from now on how much of it waits for its reader. One whose end is known makes nothing
    /// before it is asked for it, and ends whoever reads it.
    pub(super) fn waits(&mut self, unread: &Arc<Unread>) {
        if self.is_end_stream() || self.under_way.has_end() {
            return;
        }
        let held = self.held();
        self.waiting = Some(unread.begin(held));
        if held > FORGOTTEN {
            self.end = End::Asked;
        }
    }

    /// Takes what is left of the request before it ends.
    pub(super) fn discards(&mut self, unwanted: Discarded) {
        self.unwanted = Some(unwanted);
    }

    /// Gives nothing of it away: whoever asks for the head gets just that.
    pub(super) fn has_no_body(&mut self) {
        self.content = Content::Refusal(Full::default());
        self.left = Bytes::new();
    }

    fn held(&self) -> u64 {
        self.size_hint().exact().unwrap_or(HELD_OF_UNKNOWN)
    }

    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            let polled = match &mut self.content {
                Content::Answer(body) => Pin::new(body).poll_frame(context),
                Content::Refusal(body) => Pin::new(body).poll_frame(context),
            };
            let Some(Ok(frame)) = ready!(polled) else { return Poll::Ready(None) };
            match frame.into_data() {
                Ok(data) => self.left = data,
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            }
        }
        let piece = self.left.split_to(PIECE.min(self.left.len()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
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
        let polled = this.poll_piece(context);
        match &polled {
            Poll::Ready(Some(_)) => {
                let held = this.held();
                if let Some(waiting) = &this.waiting {
                    waiting.goes_on(held);
                }
            }
            // It waits for something else, or for nothing.
            Poll::Ready(None) | Poll::Pending => this.waiting = None,
        }
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
        is_sent && self.left.is_empty() && self.unwanted.is_none() && self.end == End::Announced
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = match &self.content {
            Content::Answer(body) => body.size_hint(),
            Content::Refusal(body) => body.size_hint(),
        };
        let left = self.left.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(left));
        }
        hint.set_lower(hint.lower().saturating_add(left));
        hint
    }
}
