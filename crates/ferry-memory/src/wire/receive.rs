//! Bytes and guest memory out of a socket.
//!
//! A receiver asks for the pages that a header announced and for the next header in one
//! `recvmsg(2)`, so a connection costs one system call for each run. What arrives goes straight to
//! where it belongs.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use ferry_units::{Bytes, PageRun};

use super::Progress;
use super::vectors::Scatter;
use crate::Ram;
use crate::error::{MemoryError, Task};

/// Where a part of what is received belongs.
#[derive(Debug)]
pub enum Slot<'a> {
    /// To the receiver itself, such as a header.
    Bytes(&'a mut [u8]),
    /// To pages of the guest.
    Pages(PageRun),
}

/// Receives from `socket` until all `slots` are full, of which `received` bytes were received
/// already; counts in `received` how far it got. Whether those pages may be written is for the
/// caller to know.
pub(crate) fn receive(
    ram: &Ram,
    socket: impl AsFd,
    slots: &mut [Slot<'_>],
    received: &mut Bytes,
) -> Result<Progress, MemoryError> {
    let mut total = Bytes::ZERO;
    for slot in &*slots {
        total += match slot {
            Slot::Bytes(bytes) => Bytes::new(bytes.len() as u64),
            Slot::Pages(run) => Bytes::new(ram.span_of(*run)?.len() as u64),
        };
    }
    while *received < total {
        match next(ram, socket.as_fd(), slots, *received) {
            Ok(0) => {
                return Err(MemoryError::Closed { missing: total.saturating_sub(*received) });
            }
            Ok(count) => *received += Bytes::new(count as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(Progress::Blocked);
            }
            Err(error) => return Err(Task::Receive.failed(error)),
        }
    }
    Ok(Progress::Done)
}

/// One system call for what follows `received` bytes of `slots`.
fn next(
    ram: &Ram,
    socket: BorrowedFd<'_>,
    slots: &mut [Slot<'_>],
    received: Bytes,
) -> io::Result<usize> {
    let mut skip = usize::try_from(received.get()).unwrap_or(usize::MAX);
    let mut scatter = Scatter::with_capacity(slots.len());
    for slot in slots {
        if scatter.is_full() {
            break;
        }
        let length = match slot {
            Slot::Bytes(bytes) => {
                let length = bytes.len();
                if skip < length {
                    scatter.push(&mut bytes[skip..]);
                }
                length
            }
            Slot::Pages(run) => {
                // Checked by the caller.
                let span = ram.span_of(*run).unwrap_or_default();
                if skip < span.len() {
                    scatter.push_memory(ram.mapping(), &(span.start + skip..span.end));
                }
                span.len()
            }
        };
        skip = skip.saturating_sub(length);
    }
    debug_assert!(!scatter.is_empty());
    scatter.receive(socket)
}
