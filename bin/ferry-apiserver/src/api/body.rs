//! Bodies: those of requests, up to a limit, and those of answers, which may be made while they
//! are sent.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferry_registry::Refusal;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::{Body, Frame};

/// The body of an answer.
pub type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

/// The longest body of a request.
// PARITY: apiserver/pkg/server/config.go#NewConfig
pub const LONGEST_BODY: usize = 3 * 1024 * 1024;

/// How long a body may take to arrive. Three mebibytes take 25 s at a megabit per second.
const BODY_TIME: Duration = Duration::from_secs(60);

/// How much of an answer is made before it is sent on. Larger pieces only take more memory.
pub(crate) const PIECE: usize = 64 * 1024;

/// All of the body of a request.
pub(crate) async fn read<B>(body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let too_large = || Refusal::TooLarge { limit: LONGEST_BODY as u64 };
    if body.size_hint().lower() > LONGEST_BODY as u64 {
        return Err(too_large());
    }
    let whole = Limited::new(body, LONGEST_BODY).collect();
    match tokio::time::timeout(BODY_TIME, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            Err(Refusal::BadRequest { message: format!("the body cannot be read: {error}") })
        }
        Err(_) => Err(Refusal::BadRequest {
            message: format!("the body did not arrive within {} s", BODY_TIME.as_secs()),
        }),
    }
}

/// A body that is there.
pub(crate) fn full(bytes: impl Into<Bytes>) -> ResponseBody {
    Full::new(bytes.into()).boxed_unsync()
}

/// A body of nothing.
pub(crate) fn empty() -> ResponseBody {
    Empty::new().boxed_unsync()
}

/// A body of many parts, which are joined into pieces as they are sent. One that fits into a piece
/// is sent with its length.
pub(crate) fn joined(parts: impl Iterator<Item = Bytes> + Send + Unpin + 'static) -> ResponseBody {
    let mut parts = parts;
    let first = next_piece(&mut parts).unwrap_or_default();
    if first.len() < PIECE {
        return full(first);
    }
    Joined { first: Some(first), parts }.boxed_unsync()
}

/// A body whose pieces are waited for. It ends when there is none.
pub(crate) fn waited_for<S, F>(state: S, next: fn(S) -> F) -> ResponseBody
where
    S: Send + 'static,
    F: Future<Output = Option<(Bytes, S)>> + Send + 'static,
{
    Waited { pending: Some(Box::pin(next(state))), next }.boxed_unsync()
}

fn next_piece(parts: &mut impl Iterator<Item = Bytes>) -> Option<Bytes> {
    let mut piece = BytesMut::new();
    for part in parts {
        piece.extend_from_slice(&part);
        if piece.len() >= PIECE {
            break;
        }
    }
    (!piece.is_empty()).then(|| piece.freeze())
}

struct Joined<I> {
    first: Option<Bytes>,
    parts: I,
}

impl<I: Iterator<Item = Bytes> + Unpin> Body for Joined<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let piece = this.first.take().or_else(|| next_piece(&mut this.parts));
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }
}

struct Waited<S, F> {
    pending: Option<Pin<Box<F>>>,
    next: fn(S) -> F,
}

impl<S, F: Future<Output = Option<(Bytes, S)>>> Body for Waited<S, F> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.next;
        let pending = &mut self.pending;
        let Some(future) = pending else { return Poll::Ready(None) };
        match future.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                *pending = None;
                Poll::Ready(None)
            }
            Poll::Ready(Some((piece, state))) => {
                // The box is used again.
                future.set(next(state));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        let body = |length| Full::new(Bytes::from(vec![b' '; length]));
        assert_eq!(read(body(LONGEST_BODY)).await.unwrap().len(), LONGEST_BODY);
        let refusal = read(body(LONGEST_BODY + 1)).await.unwrap_err();
        assert_eq!(refusal.to_string(), "Request entity too large: limit is 3145728");
        // One that does not say how long it is.
        let parts = std::iter::repeat_n(Bytes::from(vec![b' '; PIECE]), LONGEST_BODY / PIECE + 1);
        let refusal = read(joined(parts)).await.unwrap_err();
        assert_eq!(refusal, Refusal::TooLarge { limit: LONGEST_BODY as u64 });
    }

    #[tokio::test]
    async fn a_body_of_many_parts_is_all_of_them() {
        for (count, has_length) in [(0, true), (3, true), (1000, false)] {
            let parts = (0..count).map(|number| Bytes::from(format!("{number:0>200},")));
            let expected: Vec<u8> = parts.clone().flatten().collect();
            let body = joined(parts);
            assert_eq!(body.size_hint().exact().is_some(), has_length, "{count}");
            assert_eq!(body.collect().await.unwrap().to_bytes(), expected);
        }
    }

    #[tokio::test]
    async fn a_body_that_is_waited_for_ends_with_its_last_piece() {
        async fn next(number: u8) -> Option<(Bytes, u8)> {
            tokio::task::yield_now().await;
            (number < 3).then(|| (Bytes::from(vec![number]), number + 1))
        }
        let body = waited_for(0, next);
        assert_eq!(body.collect().await.unwrap().to_bytes(), &[0, 1, 2][..]);
    }
}
