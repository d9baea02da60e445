//! Everything that guest memory refuses, and everything that Linux does.

use std::fmt;
use std::io;

use ferry_units::{Bytes, PageCount, PageIndex, PageRun, PageSize};
use thiserror::Error;

use crate::CardLog;

/// Why guest memory did not do what it was asked for.
#[derive(Debug, Error)]
pub enum MemoryError {
    /// Memory of a size that no guest has.
    #[error(
        "a guest with {} bytes of memory: give it a whole number of pages of {}, at least one",
        .size.get(),
        PageSize::KIB_4.bytes()
    )]
    Size {
        /// What was asked for.
        size: Bytes,
    },

    /// A name that `memfd_create(2)` does not take.
    #[error("memory named {name:?}: a name has at most 249 bytes and none of them is NUL")]
    Name {
        /// What was asked for.
        name: String,
    },

    /// An access that ends outside of the guest's memory.
    #[error(
        "{length} bytes at {:#x} reach beyond the end of memory at {:#x}", .offset.get(), .end.get()
    )]
    OutOfBounds {
        /// Where it starts.
        offset: Bytes,
        /// How many bytes it covers.
        length: u64,
        /// The size of the guest's memory.
        end: Bytes,
    },

    /// Pages that are not all in the guest's memory.
    #[error("{run} of a memory of {memory}")]
    NoSuchPages {
        /// The pages.
        run: PageRun,
        /// How many there are.
        memory: PageCount,
    },

    /// A word that is not aligned.
    #[error("the word at {:#x}: an address of a word is a multiple of 8", .offset.get())]
    Misaligned {
        /// Where it would start.
        offset: Bytes,
    },

    /// A set of pages, or a proof that a guest stands still, that belongs to another memory.
    #[error("that belongs to the memory of another guest")]
    AnotherGuest,

    /// As many logs as there can be follow this guest's writes already.
    #[error("{} dirty logs are in use; end one of them first", CardLog::MOST)]
    TooManyLogs,

    /// A dirty log for a guest that is still fetching its memory.
    #[error("{missing} have not arrived yet; a dirty log can start when they have")]
    StillArriving {
        /// How many pages are missing.
        missing: PageCount,
    },

    /// A page that arrives although it is here, or is just being received elsewhere.
    #[error("{page} crossed already; what the guest wrote to it since must not be lost")]
    AlreadyHere {
        /// The page.
        page: PageIndex,
    },

    /// A write outside the pages that were claimed for it.
    #[error("{run} is not part of the claim of {claim}")]
    NotClaimed {
        /// What was to be written.
        run: PageRun,
        /// What was claimed.
        claim: PageRun,
    },

    /// A page that the guest needs and that nobody is going to bring any more.
    #[error("{page} is lost: its transfer was given up")]
    Lost {
        /// The page.
        page: PageIndex,
    },

    /// The peer closed the connection in the middle of what it was sending.
    #[error("the peer closed the connection with {missing} still to come")]
    Closed {
        /// What was expected and did not come.
        missing: Bytes,
    },

    /// Linux refused.
    #[error("cannot {task}")]
    Os {
        /// What was tried.
        task: Task,
        /// What Linux said.
        source: io::Error,
    },
}

/// What Linux was asked for when it refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// `memfd_create(2)`, `ftruncate(2)`, and sealing the size by `fcntl(2)`.
    CreateMemory,
    /// `mmap(2)`.
    MapMemory,
    /// `madvise(2)`, to have memory behind pages before they are touched.
    Populate,
    /// `lseek(2)`, to find what was ever touched.
    FindData,
    /// `sendfile(2)` or `sendmsg(2)`.
    Send,
    /// `recvmsg(2)`.
    Receive,
    /// `setsockopt(2)` or `getsockopt(2)`.
    TuneSocket,
}

impl Task {
    /// Names what was tried when Linux said no.
    pub(crate) fn failed(self, source: impl Into<io::Error>) -> MemoryError {
        MemoryError::Os { task: self, source: source.into() }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateMemory => "create guest memory",
            Self::MapMemory => "map guest memory",
            Self::Populate => "populate guest memory",
            Self::FindData => "find what was touched in guest memory",
            Self::Send => "send guest memory",
            Self::Receive => "receive guest memory",
            Self::TuneSocket => "tune the socket",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    #[test]
    fn an_error_says_what_was_refused_and_links_what_linux_said() {
        let run = PageRun::new(PageIndex(7), PageCount(2));
        for (error, text) in [
            (
                MemoryError::Size { size: Bytes::new(5000) },
                "a guest with 5000 bytes of memory: give it a whole number of pages of 4 KiB, at \
                 least one",
            ),
            (
                MemoryError::OutOfBounds {
                    offset: Bytes::from_kib(4),
                    length: 9,
                    end: Bytes::from_kib(4),
                },
                "9 bytes at 0x1000 reach beyond the end of memory at 0x1000",
            ),
            (
                MemoryError::NoSuchPages { run, memory: PageCount(8) },
                "pages 7 to 8 of a memory of 8 pages",
            ),
            (MemoryError::TooManyLogs, "8 dirty logs are in use; end one of them first"),
            (
                Task::Send.failed(io::Error::from(io::ErrorKind::BrokenPipe)),
                "cannot send guest memory",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
        let error = Task::MapMemory.failed(io::Error::from_raw_os_error(libc::ENOMEM));
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(libc::ENOMEM));
    }
}
