//! A stream that sends at once what is written to it within a turn of its connection.
//!
//! HTTP/2 writes and flushes each frame. Fifty watches of one client that hear of the same event are
//! fifty frames, each of which would be a record of TLS and a system call at either end. So a flush
//! is put off until the connection has its next turn, which it asks for at once: by then, whoever else
//! was about to say something has said it. Only a connection that breaks loses what was put off.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is kept together at most: four of the longest records of TLS, as much as rustls takes at once.
const MOST: usize = 64 * 1024;

/// What is made room for at least: the longest record.
const LEAST: usize = 16 * 1024;

/// A stream below HTTP/2.
#[derive(Debug)]
pub(super) struct Gather<S> {
    stream: S,
    held: BytesMut,
    flush: Flush,
}

/// Whether what is held is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flush {
    NotAsked,
    /// In this turn.
    Asked,
    /// In an earlier one.
    Due,
}

impl<S> Gather<S> {
    pub(super) fn new(stream: S) -> Self {
        // HTTP/2 begins by flushing its settings, and reads nothing more until its client has spoken.
        Self { stream, held: BytesMut::new(), flush: Flush::Due }
    }
}

impl<S: AsyncWrite + Unpin> Gather<S> {
    /// Hands on what is held.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.held))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.held.advance(written);
        }
        // Most connections are idle most of the time, and there may be thousands.
        self.held = BytesMut::new();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gather<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A turn of HTTP/2 begins with reading and ends with a flush.
        if self.flush == Flush::Asked {
            self.flush = Flush::Due;
        }
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gather<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum::<usize>();
        if self.held.len() + length > MOST {
            ready!(self.poll_drain(context))?;
        }
        if length > MOST {
            return Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        }
        if self.held.is_empty() {
            self.held.reserve(LEAST);
        }
        for slice in slices {
            self.held.extend_from_slice(slice);
        }
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() {
            match self.flush {
                Flush::Due => ready!(self.poll_drain(context))?,
                Flush::Asked => return Poll::Ready(Ok(())),
                Flush::NotAsked => {
                    self.flush = Flush::Asked;
                    context.waker().wake_by_ref();
                    return Poll::Ready(Ok(()));
                }
            }
        }
        self.flush = Flush::NotAsked;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    use super::*;

    /// The length of what a peer can read now.
    fn arrived(peer: &mut DuplexStream) -> usize {
        let mut piece = vec![0; 2 * MOST];
        let mut into = ReadBuf::new(&mut piece);
        let mut context = Context::from_waker(Waker::noop());
        let _pending = Pin::new(peer).poll_read(&mut context, &mut into);
        into.filled().len()
    }

    fn write(gather: &mut Gather<DuplexStream>, bytes: &[u8]) {
        let mut context = Context::from_waker(Waker::noop());
        let written = Pin::new(&mut *gather).poll_write(&mut context, bytes);
        assert!(matches!(written, Poll::Ready(Ok(count)) if count == bytes.len()), "{written:?}");
        flush(gather);
    }

    fn flush(gather: &mut Gather<DuplexStream>) {
        let mut context = Context::from_waker(Waker::noop());
        let flushed = Pin::new(gather).poll_flush(&mut context);
        assert!(matches!(flushed, Poll::Ready(Ok(()))), "{flushed:?}");
    }

    fn turn(gather: &mut Gather<DuplexStream>) {
        let mut context = Context::from_waker(Waker::noop());
        let mut nothing = [0; 8];
        let read = Pin::new(&mut *gather).poll_read(&mut context, &mut ReadBuf::new(&mut nothing));
        assert!(read.is_pending());
        flush(gather);
    }

    #[test]
    fn what_is_written_in_a_turn_is_sent_in_the_next_one() {
        let (stream, mut peer) = duplex(4 * MOST);
        let mut gather = Gather::new(stream);
        write(&mut gather, b"settings");
        assert_eq!(arrived(&mut peer), 8, "a client may wait for them");
        for count in 1..=2 {
            write(&mut gather, b"one");
            write(&mut gather, b"two");
            assert_eq!(arrived(&mut peer), 0, "round {count}");
            turn(&mut gather);
            assert_eq!(arrived(&mut peer), 6, "round {count}");
            turn(&mut gather);
            assert_eq!(arrived(&mut peer), 0, "round {count}");
        }
    }

    #[test]
    fn no_more_is_held_than_fits_and_what_is_long_is_not_held() {
        let (stream, mut peer) = duplex(4 * MOST);
        let mut gather = Gather::new(stream);
        flush(&mut gather);
        write(&mut gather, &vec![1; MOST]);
        assert_eq!(arrived(&mut peer), 0);
        write(&mut gather, b"more");
        assert_eq!(arrived(&mut peer), MOST);
        write(&mut gather, &vec![2; MOST + 1]);
        assert_eq!(arrived(&mut peer), 4 + MOST + 1);
    }

    #[tokio::test]
    async fn what_is_held_is_sent_before_the_end() {
        let (stream, mut peer) = duplex(4 * MOST);
        let mut gather = Gather::new(stream);
        flush(&mut gather);
        write(&mut gather, b"last words");
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut gather).poll_shutdown(&mut context).is_ready());
        let mut heard = String::new();
        peer.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "last words");
    }

    #[test]
    fn a_flush_that_is_put_off_asks_for_another_turn() {
        struct Woken(std::sync::atomic::AtomicU32);
        impl std::task::Wake for Woken {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let woken = std::sync::Arc::new(Woken(0.into()));
        let waker = Waker::from(std::sync::Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let (stream, _peer) = duplex(4 * MOST);
        let mut gather = Gather::new(stream);
        flush(&mut gather);
        for _ in 0..3 {
            let mut held = Pin::new(&mut gather);
            assert!(held.as_mut().poll_write(&mut context, b"word").is_ready());
            assert!(held.poll_flush(&mut context).is_ready());
        }
        assert_eq!(woken.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
