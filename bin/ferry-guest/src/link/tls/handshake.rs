//! The handshake, which one thread does alone and within a limit.

use std::io;
use std::time::Duration;

use ferry_runtime::Clock;
use ferry_units::Instant;
use rustls::Error;

use super::buffer::Buffer;
use super::incoming::Incoming;
use super::record::{PLAINTEXT, first_record};
use super::session::{Session, Step, Wish};
use crate::link::LinkError;
use crate::link::socket::Socket;

/// A handshake that is going on.
struct Handshake<'a> {
    socket: &'a Socket,
    clock: Clock,
    limit: Duration,
    end: Instant,
    incoming: Buffer,
    outgoing: Buffer,
    /// How much of `incoming` rustls has seen: as far as it is still there, the beginning of a
    /// message.
    seen: usize,
    /// What the peer said right behind its last message.
    opened: Vec<u8>,
}

/// Brings `session` to agree with the peer, and returns what came behind that.
pub(super) fn shake_hands(
    mut session: Session,
    socket: &Socket,
    limit: Duration,
) -> Result<(Session, Incoming), LinkError> {
    let clock = Clock::system();
    let mut handshake = Handshake {
        socket,
        clock,
        limit,
        end: clock.now() + limit,
        incoming: Buffer::default(),
        outgoing: Buffer::default(),
        seen: 0,
        opened: Vec::new(),
    };
    handshake.run(&mut session)?;
    let set = socket.limit_reads(None).and_then(|()| socket.limit_writes(None));
    set.map_err(LinkError::receiving)?;
    Ok((session, Incoming::after(handshake.incoming, &handshake.opened)))
}

impl Handshake<'_> {
    fn run(&mut self, session: &mut Session) -> Result<(), LinkError> {
        loop {
            match self.step(session) {
                Ok(Step::Opened | Step::Encoded) => {}
                Ok(Step::Transmit) => self.transmit()?,
                Ok(Step::Ready) if !session.is_handshaking() && self.seen == 0 => return Ok(()),
                // A server may speak before it knows its client; ours waits for that.
                Ok(Step::Ready | Step::Waits) => self.see_more()?,
                Ok(Step::PeerClosed | Step::Closed) => return Err(LinkError::HandshakeCut),
                Ok(Step::Lost) => return Err(LinkError::TlsState),
                Err(source) => {
                    // What it has to say about it is the first thing that it says now.
                    let _ = self.step(session);
                    self.socket.write_if_possible(self.outgoing.filled());
                    return Err(LinkError::Handshake { source });
                }
            }
        }
    }

    fn step(&mut self, session: &mut Session) -> Result<Step, Error> {
        let Self { incoming, outgoing, opened, seen, .. } = self;
        let seen_so_far = incoming.front_mut(*seen);
        let (done, step) = session.step(seen_so_far, outgoing, Wish::GoOn, &mut |bytes| {
            opened.extend_from_slice(bytes);
        });
        incoming.consume(done);
        *seen -= done;
        step
    }

    fn transmit(&mut self) -> Result<(), LinkError> {
        let left = self.left()?;
        self.socket.limit_writes(Some(left)).map_err(LinkError::sending)?;
        let written = self.socket.write_all(self.outgoing.filled());
        self.outgoing.clear();
        written.map_err(|error| self.failed(error, LinkError::sending))
    }

    /// One record more for rustls to see, from the socket if need be.
    fn see_more(&mut self) -> Result<(), LinkError> {
        loop {
            let record = first_record(&self.incoming.filled()[self.seen..]);
            if let Some(length) = record.map_err(|source| LinkError::Handshake { source })? {
                self.seen += length;
                return Ok(());
            }
            let left = self.left()?;
            self.socket.limit_reads(Some(left)).map_err(LinkError::receiving)?;
            let read = self.socket.read(self.incoming.spare(PLAINTEXT));
            match read.map_err(|error| self.failed(error, LinkError::receiving))? {
                0 => return Err(LinkError::HandshakeCut),
                count => self.incoming.add(count),
            }
        }
    }

    /// The time that is left.
    fn left(&self) -> Result<Duration, LinkError> {
        let left = self.end.since(self.clock.now());
        if left.is_zero() {
            return Err(LinkError::HandshakeSlow { limit: self.limit });
        }
        Ok(left)
    }

    fn failed(&self, error: io::Error, other: fn(io::Error) -> LinkError) -> LinkError {
        match error.kind() {
            io::ErrorKind::WouldBlock => LinkError::HandshakeSlow { limit: self.limit },
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => LinkError::HandshakeCut,
            _ => other(error),
        }
    }
}
