//! A TCP connection that gives up on whoever does not read.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A TCP connection. A write that waits for longer than it may fails, and with it the connection.
///
/// The socket is shared, so that something is left to do after everything else has ended.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Arc<TcpStream>,
    /// How long a byte may wait to be taken by the socket.
    patience: Duration,
    /// Set while one does.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    pub(super) fn new(socket: Arc<TcpStream>, patience: Duration) -> Self {
        Self { socket, patience, waiting: None }
    }

    fn poll_with(
        &mut self,
        context: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let written = loop {
            match self.socket.poll_write_ready(context) {
                Poll::Pending => break Poll::Pending,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => match write(&self.socket) {
                    // It was not ready after all, and now tokio knows.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    written => break Poll::Ready(written),
                },
            }
        };
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the client does not read")))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.socket.poll_read_ready(context))?;
            let room = into.remaining();
            let mut read = None;
            let outcome = self.socket.try_io(Interest::READABLE, || {
                let count = rustix::io::read(&*self.socket, into.initialize_unfilled())?;
                read = Some(count);
                // Linux says when something comes after all that there is: no need to ask.
                if 0 < count && count < room { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match (read, outcome) {
                (Some(count), _) => {
                    into.advance(count);
                    return Poll::Ready(Ok(()));
                }
                (None, Err(error))
                    if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
                {
                    return Poll::Ready(Err(error));
                }
                (None, _) => {}
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(context, |socket| socket.try_write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(context, |socket| socket.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The socket sends by itself.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shut_down(&self.socket))
    }
}

/// Says to the client that nothing more comes.
pub(super) fn shut_down(socket: &TcpStream) -> io::Result<()> {
    match rustix::net::shutdown(socket, Shutdown::Write) {
        // The client was faster.
        Ok(()) | Err(rustix::io::Errno::NOTCONN) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair(patience: Duration) -> (TcpStream, Wire) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, server) = tokio::join!(client, listener.accept());
        (client.unwrap(), Wire::new(Arc::new(server.unwrap().0), patience))
    }

    #[tokio::test]
    async fn whoever_reads_nothing_is_given_up() {
        let (_client, mut wire) = pair(Duration::from_millis(40)).await;
        let piece = vec![b'x'; 64 << 10];
        let error = loop {
            if let Err(error) = wire.write_all(&piece).await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn whoever_reads_slowly_is_waited_for() {
        // As a whole it takes longer than that, and no part of it does, however busy the machine is.
        let patience = Duration::from_secs(2);
        let (mut client, mut wire) = pair(patience).await;
        let sent = vec![b'x'; 24 << 20];
        let expected = sent.len();
        let reader = tokio::spawn(async move {
            let mut interval = tokio::time::interval(patience / 130);
            let (mut piece, mut all) = (vec![0; 128 << 10], 0);
            while let Ok(read @ 1..) = client.read(&mut piece).await {
                all += read;
                interval.tick().await;
            }
            all
        });
        wire.write_all(&sent).await.unwrap();
        wire.shutdown().await.unwrap();
        assert_eq!(reader.await.unwrap(), expected);
    }
}
