//! TLS 1.3 over a socket, in both directions at once.
//!
//! ```text
//!  who sends                          the session                         who receives
//!  outgoing (a lock)                  (a lock, never held across          incoming (a lock)
//!                                      a system call)
//!  pages ─► plain, 16 KiB ── seal ──► rustls ◄── open, a record ── ciphertext ◄── read ◄─ socket
//!                                       │                            up to 512 KiB
//!  socket ◄─ write ◄─ sealed, 256 KiB ◄─┤
//!                          ▲            └── what rustls wants to say by itself ──► pending
//!                          └──────────────── before the next record ─────────────────┘
//! ```
//!
//! rustls's buffered interface copies everything once more and is a third as fast, so this uses the
//! unbuffered one. What has been sealed has its number in the stream, so whoever seals holds
//! `outgoing` until it is written; what rustls answers while opening (to a change of keys, say) is
//! sealed in between and kept for the next who writes. Whoever receives never writes, except for
//! last words, and those only as far as the kernel takes them at once: two peers that both send more
//! than the network holds do not wait for each other.

mod buffer;
mod handshake;
mod incoming;
mod outgoing;
mod record;
mod session;
mod shared;

use std::fmt;
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

use ferry_memory::{Piece, Ram};

use super::place::Sink;
use super::socket::Socket;
use super::{LinkError, lock};
use incoming::Incoming;
use outgoing::Outgoing;
pub(super) use session::Session;
use shared::Shared;

/// One end of a TLS connection, without its socket.
pub(super) struct Tls {
    shared: Shared,
    outgoing: Mutex<Outgoing>,
    incoming: Mutex<Incoming>,
}

impl Tls {
    /// Shakes hands over `socket`, within `limit`.
    pub(super) fn agree(
        session: Session,
        socket: &Socket,
        limit: Duration,
    ) -> Result<Self, LinkError> {
        let (session, incoming) = handshake::shake_hands(session, socket, limit)?;
        Ok(Self {
            shared: Shared::new(session),
            outgoing: Mutex::default(),
            incoming: Mutex::new(incoming),
        })
    }

    pub(super) fn send(
        &self,
        socket: &Socket,
        ram: &Ram,
        pieces: &[Piece<'_>],
    ) -> Result<(), LinkError> {
        lock(&self.outgoing).send(&self.shared, socket, |stream| {
            for piece in pieces {
                match piece {
                    Piece::Bytes(bytes) => stream.add(bytes)?,
                    Piece::Pages(run) => stream.add_pages(ram, *run)?,
                }
            }
            Ok(())
        })
    }

    pub(super) fn write(&self, socket: &Socket, bytes: &[u8]) -> Result<(), LinkError> {
        lock(&self.outgoing).send(&self.shared, socket, |stream| stream.add(bytes))
    }

    pub(super) fn receive(&self, socket: &Socket, sink: &mut impl Sink) -> Result<(), LinkError> {
        let received = lock(&self.incoming).fill(&self.shared, socket, sink);
        if let Err(LinkError::Tls { .. }) = &received {
            // Tells the peer what we have against it, unless somebody is sending.
            self.if_nobody_sends(|outgoing| outgoing.say_last(socket, &self.shared.rest()));
        }
        received
    }

    /// Tells the peer that this is the end, unless somebody is in the middle of sending, so that
    /// this is no end in good form.
    pub(super) fn say_goodbye(&self, socket: &Socket) {
        self.if_nobody_sends(|outgoing| outgoing.say_last(socket, &self.shared.goodbye()));
    }

    fn if_nobody_sends(&self, act: impl FnOnce(&mut Outgoing)) {
        match self.outgoing.try_lock() {
            Ok(mut outgoing) => act(&mut outgoing),
            Err(TryLockError::Poisoned(poisoned)) => act(&mut poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
