//! Bodies: those of requests, up to a limit, and those of answers, which may be made while they
//! are sent.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferry_registry::Refusal;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::{Body, Frame};
use tokio::sync::Semaphore;

use super::work::SMALL;

/// The body of an answer.
pub type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

/// The longest body of a request.
// PARITY: apiserver/pkg/server/config.go#NewConfig
pub const LONGEST_BODY: usize = 3 * 1024 * 1024;

/// How long a body may take to arrive. Three mebibytes take 25 s at a megabit per second.
const BODY_TIME: Duration = Duration::from_secs(60);

/// How much of an answer is made before it is sent on. Larger pieces only take more memory.
pub(crate) const PIECE: usize = 64 * 1024;

/// How much all bodies together may hold from their arrival until they are read, beside
/// [`SMALL`] of each: forty as long as any, or a thousand manifests.
const ALL_BODIES: usize = 128 * 1024 * 1024;

static ROOM: Semaphore = Semaphore::const_new(ALL_BODIES);

/// All of the body of a request, which has no more than `longest` bytes. One that finds no room is
/// refused at once: whoever waited for it would wait for senders that are as slow as they like.
pub(crate) async fn read<B>(body: B, longest: usize) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    read_into(&ROOM, body, longest).await
}

async fn read_into<B>(room: &'static Semaphore, body: B, longest: usize) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if body.size_hint().lower() > longest as u64 {
        return Err(Refusal::TooLarge { limit: longest as u64 });
    }
    match tokio::time::timeout(BODY_TIME, whole(room, body, longest)).await {
        Ok(whole) => whole,
        Err(_) => Err(Refusal::BadRequest {
            message: format!("the body did not arrive within {} s", BODY_TIME.as_secs()),
        }),
    }
}

async fn whole<B>(room: &'static Semaphore, body: B, longest: usize) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut body = pin!(Limited::new(body, longest));
    let mut parts = Parts::default();
    let mut taken = Taken { room, bytes: 0 };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return Refusal::TooLarge { limit: longest as u64 };
            }
            Refusal::BadRequest { message: format!("the body cannot be read: {error}") }
        })?;
        let Ok(data) = frame.into_data() else { continue };
        // Without delay: what came was in memory all along.
        taken.up_to((parts.len() + data.len()).saturating_sub(SMALL))?;
        parts.push(data);
    }
    let bytes = parts.into_piece();
    Ok(if taken.bytes == 0 { bytes } else { Bytes::from_owner(Held { bytes, _taken: taken }) })
}

/// Room that a body has taken, until this is dropped.
struct Taken {
    room: &'static Semaphore,
    bytes: usize,
}

impl Taken {
    fn up_to(&mut self, bytes: usize) -> Result<(), Refusal> {
        // All threads look at the room, and most bodies are small.
        if bytes <= self.bytes {
            return Ok(());
        }
        let more = u32::try_from(bytes.saturating_sub(self.bytes)).unwrap_or(u32::MAX);
        let Ok(permit) = self.room.try_acquire_many(more) else {
            let message = "Too many requests, please try again later.".to_owned();
            return Err(Refusal::TooManyRequests { message });
        };
        permit.forget();
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.add_permits(self.bytes);
    }
}

/// A body with its room, which others get once nobody needs the bytes any more.
struct Held {
    bytes: Bytes,
    _taken: Taken,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
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

    fn spaces(length: usize) -> Full<Bytes> {
        Full::new(Bytes::from(vec![b' '; length]))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        for longest in [LONGEST_BODY, PIECE] {
            assert_eq!(read(spaces(longest), longest).await.unwrap().len(), longest);
            let refused = Refusal::TooLarge { limit: longest as u64 };
            assert_eq!(read(spaces(longest + 1), longest).await.unwrap_err(), refused);
            // One that does not say how long it is.
            let parts = std::iter::repeat_n(Bytes::from(vec![b' '; PIECE]), longest / PIECE + 1);
            assert_eq!(read(joined(parts), longest).await.unwrap_err(), refused);
        }
        let refusal = read(spaces(LONGEST_BODY + 1), LONGEST_BODY).await.unwrap_err();
        assert_eq!(refusal.to_string(), "Request entity too large: limit is 3145728");
    }

    #[tokio::test]
    async fn a_body_without_room_is_refused_and_a_small_one_needs_none() {
        let room: &'static Semaphore = Box::leak(Box::new(Semaphore::new(PIECE)));
        let read = |length| read_into(room, spaces(length), LONGEST_BODY);
        let first = read(SMALL + PIECE - 10).await.unwrap();
        assert_eq!(room.available_permits(), 10);
        let refusal = read(SMALL + 11).await.unwrap_err();
        assert_eq!(refusal.code(), 429);
        assert_eq!(room.available_permits(), 10);
        let second = read(SMALL + 10).await.unwrap();
        assert_eq!((second.len(), room.available_permits()), (SMALL + 10, 0));
        assert_eq!(read(SMALL).await.unwrap().len(), SMALL);
        // A part of it is still needed.
        let part = first.slice(..5);
        drop((first, second));
        assert_eq!(room.available_permits(), 10);
        drop(part);
        assert_eq!(room.available_permits(), PIECE);
        // What has arrived of one that is given up needs no room.
        let parts = joined(std::iter::repeat_n(Bytes::from(vec![b' '; PIECE]), 3));
        assert_eq!(read_into(room, parts, LONGEST_BODY).await.unwrap_err().code(), 429);
        assert_eq!(room.available_permits(), PIECE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_gives_its_room_back_in_time() {
        let room: &'static Semaphore = Box::leak(Box::new(Semaphore::new(2 * PIECE)));
        let body = given(async |giver: Giver| {
            giver.give(Bytes::from(vec![b' '; 2 * PIECE])).await;
            std::future::pending::<()>().await;
        });
        let reading = read_into(room, body, LONGEST_BODY);
        let looking = async {
            tokio::task::yield_now().await;
            room.available_permits()
        };
        let (refusal, meanwhile) = tokio::join!(reading, looking);
        assert_eq!((refusal.unwrap_err().code(), meanwhile), (400, SMALL));
        assert_eq!(room.available_permits(), 2 * PIECE);
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
