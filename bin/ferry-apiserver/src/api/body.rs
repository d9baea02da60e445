//! Bodies: those of requests, up to a limit, and those of answers, which may be made while they
//! are sent.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// A body whose pieces are given one by one by a future. It ends with that.
pub(crate) fn given<F>(give: impl FnOnce(Giver) -> F) -> ResponseBody
where
    F: Future<Output = ()> + Send + 'static,
{
    let giver = Giver::default();
    let giving = Some(Box::pin(give(giver.clone())));
    Given { giving, giver }.boxed_unsync()
}

/// Gives the pieces of a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Giver(Arc<Mutex<Option<Bytes>>>);

impl Giver {
    /// Gives a piece. Goes on when the next one is wanted.
    pub(crate) async fn give(&self, piece: Bytes) {
        *self.piece() = Some(piece);
        // Whoever takes it asks again by itself.
        poll_fn(|_| if self.piece().is_none() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    fn piece(&self) -> MutexGuard<'_, Option<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parts that become one piece. One alone is not copied.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    first: Bytes,
    joined: BytesMut,
}

impl Parts {
    pub(crate) fn push(&mut self, part: Bytes) {
        if self.is_empty() {
            self.first = part;
        } else {
            if self.joined.is_empty() {
                self.joined.extend_from_slice(&std::mem::take(&mut self.first));
            }
            self.joined.extend_from_slice(&part);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn into_piece(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
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

struct Given<F> {
    giving: Option<Pin<Box<F>>>,
    giver: Giver,
}

impl<F: Future<Output = ()>> Body for Given<F> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(giving) = &mut self.giving
            && giving.as_mut().poll(context).is_ready()
        {
            self.giving = None;
        }
        match self.giver.piece().take() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.giving.is_none() => Poll::Ready(None),
            None => Poll::Pending,
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
    async fn a_body_that_is_given_ends_with_its_last_piece() {
        let body = given(async |giver: Giver| {
            for number in 0..3 {
                tokio::task::yield_now().await;
                giver.give(Bytes::from(vec![number])).await;
            }
        });
        assert_eq!(body.collect().await.unwrap().to_bytes(), &[0, 1, 2][..]);
        let body = given(async |_| ());
        assert_eq!(body.collect().await.unwrap().to_bytes(), &[][..]);
    }

    #[test]
    fn parts_become_one_piece_and_one_alone_stays_where_it_is() {
        let all: [&'static [u8]; 4] = [b"one", b"", b"two", b"three"];
        let mut parts = Parts::default();
        assert!(parts.is_empty());
        parts.push(Bytes::from_static(all[0]));
        assert_eq!(parts.len(), 3);
        for part in &all[1..] {
            parts.push(Bytes::from_static(part));
        }
        assert_eq!(parts.len(), 11);
        assert_eq!(parts.into_piece(), &b"onetwothree"[..]);
        let mut alone = Parts::default();
        alone.push(Bytes::from_static(all[2]));
        assert_eq!(alone.into_piece().as_ptr(), all[2].as_ptr());
    }
}
