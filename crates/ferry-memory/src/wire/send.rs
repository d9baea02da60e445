//! Bytes and guest memory into a socket.
//!
//! Two ways, by the length of a run:
//!
//! - **Long runs** go by `sendfile(2)` from the memfd: the kernel hands its pages to the socket
//!   and copies nothing. But each call costs some µs, so one page at a time would be 0.6 GB/s.
//! - **Short runs**, and what is between them, are gathered: up to 1024 parts in one `sendmsg(2)`,
//!   4.5 GB/s for single pages.
//!
//! What `sendfile` took is read when the peer receives it, not when the call returns, so a page
//! that the guest writes meanwhile crosses as it is then. Such a page is dirty again, and crosses
//! again; whoever sends the last pages of a guest keeps it stopped until the peer has them. For the
//! same reason a sender cannot checksum what it sends of a running guest this way.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};

use ferry_units::{Bytes, PageRun};
use rustix::io::Errno;

use super::Progress;
use super::vectors::{Gather, More};
use crate::Ram;
use crate::error::{MemoryError, Task};

/// From so many bytes on, a run goes by `sendfile`: 32 pages. In CPU time of both ends together,
/// runs of 16 cost it 1.2 times what gathering 64 of them costs, runs of 32 about the same, and
/// runs of 64 or 256 four fifths.
const SENDFILE_FROM: usize = 128 << 10;

/// The most that one `sendfile` is asked for. Larger calls are no faster.
const SENDFILE_MOST: usize = 1 << 20;

/// A part of what is sent.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// Bytes of the sender's own, such as a header.
    Bytes(&'a [u8]),
    /// Pages of the guest.
    Pages(PageRun),
}

/// What a single system call is going to send.
enum Batch<'a> {
    Nothing,
    Gathered(Gather<'a>, More),
    File(Range<usize>),
}

impl Ram {
    /// Sends `pieces`, one after the other, through `socket`, of which `sent` bytes are sent
    /// already; counts in `sent` how far it got. For a socket that blocks it returns at the end.
    ///
    /// A header in front of its pages does not travel alone (`MSG_MORE`), and nothing waits behind
    /// the last piece. A peer that is gone is an error and not a signal, as long as the program
    /// ignores SIGPIPE, which Rust's programs do.
    ///
    /// ```
    /// # use ferry_memory::{GuestMemory, Piece, Progress};
    /// # use ferry_units::{Bytes, PageCount, PageIndex, PageRun};
    /// # use std::io::Read;
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let memory = GuestMemory::create("doc", Bytes::from_mib(2))?;
    /// memory.enter().write(Bytes::from_kib(8), b"hello")?;
    ///
    /// let run = PageRun::new(PageIndex(2), PageCount(1));
    /// let mut sent = Bytes::ZERO;
    /// let pieces = [Piece::Bytes(b"page 2: "), Piece::Pages(run)];
    /// assert_eq!(memory.ram().send(&ours, &pieces, &mut sent)?, Progress::Done);
    ///
    /// let mut received = [0; 13];
    /// theirs.read_exact(&mut received)?;
    /// assert_eq!(&received, b"page 2: hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`MemoryError::NoSuchPages`], and [`MemoryError::Os`] when the connection fails.
    pub fn send(
        &self,
        socket: impl AsFd,
        pieces: &[Piece<'_>],
        sent: &mut Bytes,
    ) -> Result<Progress, MemoryError> {
        loop {
            let result = match self.next_batch(pieces, *sent)? {
                Batch::Nothing => return Ok(Progress::Done),
                Batch::Gathered(mut gather, more) => gather.send(socket.as_fd(), more),
                Batch::File(span) => self.send_file(socket.as_fd(), &span),
            };
            match result {
                // Neither takes nothing and calls that success; if one does, there is no end.
                Ok(0) => return Err(Task::Send.failed(io::ErrorKind::WriteZero)),
                Ok(count) => *sent += Bytes::new(count as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Progress::Blocked);
                }
                Err(error) => return Err(Task::Send.failed(error)),
            }
        }
    }

    /// What the next system call sends after `sent` bytes of `pieces`.
    fn next_batch<'a>(
        &'a self,
        pieces: &[Piece<'a>],
        sent: Bytes,
    ) -> Result<Batch<'a>, MemoryError> {
        let mut skip = usize::try_from(sent.get()).unwrap_or(usize::MAX);
        let mut gather = Gather::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => {
                    let rest = bytes.get(skip..).unwrap_or_default();
                    skip = skip.saturating_sub(bytes.len());
                    if rest.is_empty() {
                        continue;
                    }
                    if gather.is_full() {
                        return Ok(Batch::Gathered(gather, More::Follows));
                    }
                    gather.push(rest);
                }
                Piece::Pages(run) => {
                    let span = self.span_of(*run)?;
                    let rest = span.end.min(span.start.saturating_add(skip))..span.end;
                    skip = skip.saturating_sub(span.len());
                    if rest.is_empty() {
                        continue;
                    }
                    // By the length of the run and not of the rest, so that it goes one way.
                    let is_long = span.len() >= SENDFILE_FROM;
                    if is_long && gather.is_empty() {
                        return Ok(Batch::File(rest));
                    }
                    if is_long || gather.is_full() {
                        return Ok(Batch::Gathered(gather, More::Follows));
                    }
                    gather.push_memory(self.mapping(), &rest);
                }
            }
        }
        Ok(if gather.is_empty() { Batch::Nothing } else { Batch::Gathered(gather, More::Nothing) })
    }

    fn send_file(&self, socket: BorrowedFd<'_>, span: &Range<usize>) -> io::Result<usize> {
        let mut offset = span.start as u64;
        let count = span.len().min(SENDFILE_MOST);
        rustix::fs::sendfile(socket, self.mapping().file(), Some(&mut offset), count)
            .map_err(|errno: Errno| errno.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_units::{PageCount, PageIndex, PageRun};

    const HEADER: Piece<'_> = Piece::Bytes(b"header");

    fn pages(count: u64) -> Piece<'static> {
        Piece::Pages(PageRun::new(PageIndex(1), PageCount(count)))
    }

    /// The system calls that send `pieces` after `sent` bytes, if each takes all it can.
    fn calls(pieces: &[Piece<'_>], mut sent: u64) -> Vec<String> {
        let ram = Ram::create("test", Bytes::from_mib(4)).unwrap();
        let mut calls = Vec::new();
        loop {
            let (call, length) = match ram.next_batch(pieces, Bytes::new(sent)).unwrap() {
                Batch::Nothing => return calls,
                Batch::Gathered(gather, more) => {
                    (format!("{} parts, {more:?}", gather.parts()), gather.bytes())
                }
                Batch::File(span) => (format!("file {span:?}"), span.len().min(SENDFILE_MOST)),
            };
            calls.push(call);
            sent += length as u64;
        }
    }

    #[test]
    fn long_runs_go_from_the_file_and_short_ones_together() {
        for (pieces, expected) in [
            (&[HEADER, pages(1), HEADER, pages(31)][..], &["4 parts, Nothing"][..]),
            (&[HEADER, pages(32)], &["1 parts, Follows", "file 4096..135168"]),
            (&[pages(32), HEADER], &["file 4096..135168", "1 parts, Nothing"]),
            (&[pages(300)], &["file 4096..1232896", "file 1052672..1232896"]),
            (&[], &[]),
        ] {
            assert_eq!(calls(pieces, 0), expected);
        }
    }

    #[test]
    fn nothing_waits_behind_the_last_byte() {
        for pieces in [
            &[HEADER, pages(0)][..],
            &[HEADER, Piece::Bytes(b""), pages(0)],
            &[pages(32), HEADER, pages(0)],
            &vec![HEADER; 1024],
            &vec![HEADER; 1025],
        ] {
            let calls = calls(pieces, 0);
            let (last, before) = calls.split_last().unwrap();
            assert!(last.ends_with("Nothing"), "{calls:?}");
            assert!(before.iter().all(|call| !call.ends_with("Nothing")), "{calls:?}");
        }
    }

    #[test]
    fn a_rest_goes_the_way_that_its_run_went() {
        assert_eq!(calls(&[HEADER, pages(32)], 6 + 131_000), ["file 135096..135168"]);
        assert_eq!(calls(&[HEADER, pages(2)], 3), ["2 parts, Nothing"]);
        assert_eq!(calls(&[HEADER, pages(2)], 6 + 8192), [""; 0]);
        assert_eq!(calls(&[HEADER, pages(2)], u64::MAX), [""; 0]);
    }
}
