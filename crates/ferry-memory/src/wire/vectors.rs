//! System calls on vectors that point at guest memory: the other module that is `unsafe`.
//!
//! The safe wrappers that others offer take `&[u8]`, and a reference to bytes that a vCPU may write
//! is undefined behaviour. A pointer is not, and nobody but the kernel follows it.

use std::io;
use std::marker::PhantomData;
use std::mem;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::mapping::Mapping;

/// The most parts of a vector that Linux takes (`UIO_MAXIOV`).
const MOST_PARTS: usize = 1024;

/// Whether more follows at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    /// It does: a packet may wait for it (`MSG_MORE`).
    Follows,
    /// It does not. A packet that waits for nothing waits 200 ms.
    Nothing,
}

/// Bytes to send: each part can be read as long as `'a`.
pub(crate) struct Gather<'a>(Parts<&'a [u8]>);

/// Room to receive into: each part can be written as long as `'a`, and nobody else refers to the
/// bytes, but as atomics.
pub(crate) struct Scatter<'a>(Parts<&'a mut [u8]>);

struct Parts<T> {
    parts: Vec<libc::iovec>,
    borrowed: PhantomData<T>,
}

impl<'a> Gather<'a> {
    /// No parts, with room for `parts` of them.
    pub(crate) fn with_capacity(parts: usize) -> Self {
        Self(Parts::with_capacity(parts))
    }

    /// Adds `bytes`.
    pub(crate) fn push(&mut self, bytes: &'a [u8]) {
        self.0.push(bytes.as_ptr().cast_mut().cast(), bytes.len());
    }

    /// Adds the bytes of guest memory in `span`, which must lie within it.
    pub(crate) fn push_memory(&mut self, memory: &'a Mapping, span: &Range<usize>) {
        self.0.push_memory(memory, span);
    }

    /// Whether no part fits any more.
    pub(crate) fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// Whether there are no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.parts.is_empty()
    }

    /// How many parts there are.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> usize {
        self.0.parts.len()
    }

    /// How many bytes they have.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.0.parts.iter().map(|part| part.iov_len).sum()
    }

    /// Sends what `socket` takes and returns how many bytes that was.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>, more: More) -> io::Result<usize> {
        let more = match more {
            More::Follows => libc::MSG_MORE,
            More::Nothing => 0,
        };
        let message = self.0.message();
        // SAFETY: the message names no address and has no control data. Its vector is borrowed from
        // `self`; each part of it can be read as long as `'a`: it is a borrowed slice, or lies in
        // mapped memory that is borrowed.
        let sent = unsafe {
            libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL | more)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

impl<'a> Scatter<'a> {
    /// No parts, with room for `parts` of them.
    pub(crate) fn with_capacity(parts: usize) -> Self {
        Self(Parts::with_capacity(parts))
    }

    /// Adds `bytes`.
    pub(crate) fn push(&mut self, bytes: &'a mut [u8]) {
        self.0.push(bytes.as_mut_ptr().cast(), bytes.len());
    }

    /// Adds the bytes of guest memory in `span`, which must lie within it.
    pub(crate) fn push_memory(&mut self, memory: &'a Mapping, span: &Range<usize>) {
        self.0.push_memory(memory, span);
    }

    /// Whether no part fits any more.
    pub(crate) fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// Whether there is no room at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.parts.is_empty()
    }

    /// Receives what there is, everything if `socket` blocks, and returns how many bytes that was;
    /// none when the peer closed the connection.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let mut message = self.0.message();
        // SAFETY: the message has no room for an address or control data. Its vector is borrowed
        // from `self`; each part can be written as long as `'a`: it is a slice that is borrowed for
        // this alone, or lies in mapped memory, which the program refers to as atomics only.
        let received =
            unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_WAITALL) };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }
}

impl<T> Parts<T> {
    fn with_capacity(parts: usize) -> Self {
        Self { parts: Vec::with_capacity(parts.min(MOST_PARTS)), borrowed: PhantomData }
    }

    fn push(&mut self, start: *mut libc::c_void, length: usize) {
        if length > 0 {
            debug_assert!(!self.is_full());
            self.parts.push(libc::iovec { iov_base: start, iov_len: length });
        }
    }

    fn push_memory(&mut self, memory: &Mapping, span: &Range<usize>) {
        assert!(span.end <= memory.length(), "a span was made by this memory");
        self.push(memory.address(span.start), span.len());
    }

    fn is_full(&self) -> bool {
        self.parts.len() >= MOST_PARTS
    }

    fn message(&mut self) -> libc::msghdr {
        // SAFETY: it consists of pointers and integers, for all of which zero is valid; some C
        // libraries have private padding, so it cannot be written out.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = self.parts.as_mut_ptr();
        // `usize` or `c_int`, depending on the C library; a vector has at most 1024 parts.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            trivial_numeric_casts
        )]
        {
            message.msg_iovlen = self.parts.len() as _;
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;
    use ferry_units::Bytes;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_vector_may_mix_buffers_and_guest_memory() {
        let memory = Mapping::create("test", Bytes::from_kib(8)).unwrap();
        words::write(memory.words(), 4090, b"guest memory");
        let (ours, mut theirs) = UnixStream::pair().unwrap();

        let mut gather = Gather::with_capacity(3);
        gather.push(b"head ");
        gather.push_memory(&memory, &(4090..4102));
        gather.push(b"");
        assert_eq!(gather.send(ours.as_fd(), More::Nothing).unwrap(), 17);
        let mut bytes = [0; 17];
        theirs.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"head guest memory");

        theirs.write_all(b"MEMORY tail").unwrap();
        let mut tail = [0; 5];
        let mut scatter = Scatter::with_capacity(2);
        scatter.push_memory(&memory, &(4096..4102));
        scatter.push(&mut tail);
        assert_eq!(scatter.receive(ours.as_fd()).unwrap(), 11);
        let mut bytes = [0; 12];
        words::read(memory.words(), 4090, &mut bytes);
        assert_eq!((&bytes, &tail), (b"guest MEMORY", b" tail"));
    }

    #[test]
    fn what_linux_refuses_is_an_error() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let mut gather = Gather::with_capacity(1);
        gather.push(b"x");
        let refused = gather.send(ours.as_fd(), More::Nothing).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::BrokenPipe);
        let no_socket = std::fs::File::open("/dev/null").unwrap();
        let mut byte = [0];
        let mut scatter = Scatter::with_capacity(1);
        scatter.push(&mut byte);
        let refused = scatter.receive(no_socket.as_fd()).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ENOTSOCK));
    }
}
