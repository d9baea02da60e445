//! A connected socket, TCP or UNIX.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ferry_memory::SocketTuning;
use ferry_units::Bytes;
use rustix::net::{SendFlags, sockopt};
use socket2::SockRef;

use super::LinkError;

/// A connected socket that blocks.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Sets it up for a migration, which only TCP needs.
    pub(super) fn tune(&self) -> Result<(), LinkError> {
        match self {
            Self::Tcp(socket) => Ok(SocketTuning::default().apply(socket).map(drop)?),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Ends it. Whoever is blocked in it wakes.
    pub(super) fn shut_down(&self, how: Shutdown) {
        // It fails if the peer has ended it before.
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(how),
            Self::Unix(socket) => socket.shutdown(how),
        };
    }

    /// How long reads from now on wait before they fail.
    pub(super) fn limit_reads(&self, limit: Option<Duration>) -> io::Result<()> {
        let limit = limit.map(at_least_some);
        match self {
            Self::Tcp(socket) => socket.set_read_timeout(limit),
            Self::Unix(socket) => socket.set_read_timeout(limit),
        }
    }

    /// How long writes from now on wait before they fail.
    pub(super) fn limit_writes(&self, limit: Option<Duration>) -> io::Result<()> {
        let limit = limit.map(at_least_some);
        match self {
            Self::Tcp(socket) => socket.set_write_timeout(limit),
            Self::Unix(socket) => socket.set_write_timeout(limit),
        }
    }

    /// The sizes of the kernel's buffers.
    pub(super) fn set_buffers(
        &self,
        send: Option<Bytes>,
        receive: Option<Bytes>,
    ) -> io::Result<()> {
        if let Some(size) = send {
            sockopt::set_socket_send_buffer_size(self, int(size))?;
        }
        if let Some(size) = receive {
            sockopt::set_socket_recv_buffer_size(self, int(size))?;
        }
        Ok(())
    }

    /// How much the kernel takes beyond what is on its way; as much as there is room for if this is not
    /// said. Only TCP has that.
    pub(super) fn limit_unsent(&self, limit: Option<Bytes>) -> io::Result<()> {
        // Nothing is what Linux takes for its own choice.
        let limit = limit.map_or(0, |limit| u32::try_from(limit.get().max(1)).unwrap_or(u32::MAX));
        match self {
            Self::Tcp(socket) => SockRef::from(socket).set_tcp_notsent_lowat(limit),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Some bytes that have come; 0 at the end of the stream.
    pub(super) fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Tcp(socket) => (&*socket).read(into),
                Self::Unix(socket) => (&*socket).read(into),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    /// Sends all of `bytes`.
    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => (&*socket).write_all(bytes),
            Self::Unix(socket) => (&*socket).write_all(bytes),
        }
    }

    /// Sends of `bytes` what the kernel takes at once: for last words, which are not worth waiting.
    pub(super) fn write_if_possible(&self, bytes: &[u8]) {
        // Whether they arrive is not for the one who says them to know.
        let _ = rustix::net::send(self, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

/// A limit of nothing would be none to Linux.
fn at_least_some(limit: Duration) -> Duration {
    limit.max(Duration::from_micros(1))
}

/// The largest size that Linux's `int` holds, for one that is larger.
fn int(size: Bytes) -> usize {
    usize::try_from(size.get().min(i32::MAX as u64)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// How much a socket takes for a peer that reads nothing.
    fn taken(unsent: Option<Bytes>) -> Bytes {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        sockopt::set_socket_recv_buffer_size(&listener, 64 << 10).unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _silent = listener.accept().unwrap();
        let socket = Socket::Tcp(socket);
        socket.tune().unwrap();
        socket.limit_unsent(unsent).unwrap();
        socket.limit_writes(Some(Duration::from_millis(100))).unwrap();
        let mut taken = 0;
        let Socket::Tcp(stream) = &socket else { unreachable!("it was made of one") };
        let some = vec![1; 32 << 10];
        while let Ok(count) = (&*stream).write(&some) {
            taken += count as u64;
        }
        Bytes::new(taken)
    }

    #[test]
    fn what_a_silent_peer_does_not_take_does_not_heap_up() {
        let (limited, free) = (taken(Some(Bytes::from_kib(128))), taken(None));
        assert!(limited <= Bytes::from_kib(512), "{limited}");
        assert!(free >= Bytes::from_kib(1024), "{free}");
        // It can be taken back.
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = Socket::Tcp(TcpStream::connect(socket.local_addr().unwrap()).unwrap());
        let Socket::Tcp(stream) = &socket else { unreachable!("it was made of one") };
        let before = SockRef::from(stream).tcp_notsent_lowat().unwrap();
        for (limit, expected) in [(Some(Bytes::from_kib(128)), 128 << 10), (None, before)] {
            socket.limit_unsent(limit).unwrap();
            assert_eq!(SockRef::from(stream).tcp_notsent_lowat().unwrap(), expected);
        }
    }
}
