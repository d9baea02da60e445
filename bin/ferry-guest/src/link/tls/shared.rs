//! The session that both directions use, in turn.

use std::sync::Mutex;

use rustls::Error;

use super::buffer::Buffer;
use super::session::{Session, Step, Wish};
use crate::link::{LinkError, lock};

/// A session that agrees with its peer.
pub(super) struct Shared {
    state: Mutex<State>,
}

struct State {
    session: Session,
    /// What the session said while it was opening, with its place in the stream before whatever is
    /// sealed next.
    pending: Buffer,
    is_broken: bool,
}

impl Shared {
    pub(super) fn new(session: Session) -> Self {
        let state = State { session, pending: Buffer::default(), is_broken: false };
        Self { state: Mutex::new(state) }
    }

    /// Seals `plain` behind what is in `sealed`. What is sealed has to be sent in this order.
    pub(super) fn seal(&self, plain: &[u8], sealed: &mut Buffer) -> Result<(), LinkError> {
        lock(&self.state).tell(Wish::Seal(plain), sealed)
    }

    /// Opens `record`, which is one record as a whole; what is in it goes to `opened`.
    pub(super) fn open(
        &self,
        record: &mut [u8],
        opened: &mut dyn FnMut(&[u8]),
    ) -> Result<(), LinkError> {
        let mut state = lock(&self.state);
        if state.is_broken {
            return Err(LinkError::Broken);
        }
        let result = state.open(record, opened);
        // After the peer's goodbye one may still send.
        state.is_broken = !matches!(result, Ok(()) | Err(LinkError::Closed));
        result
    }

    /// What is left to be said, as far as it is anything.
    pub(super) fn rest(&self) -> Buffer {
        std::mem::take(&mut lock(&self.state).pending)
    }

    /// That, and that it is all.
    pub(super) fn goodbye(&self) -> Buffer {
        let mut last = Buffer::default();
        // One that cannot say goodbye has said why.
        let _ = lock(&self.state).tell(Wish::Goodbye, &mut last);
        last
    }
}

impl State {
    fn tell(&mut self, wish: Wish<'_>, sealed: &mut Buffer) -> Result<(), LinkError> {
        if self.is_broken {
            return Err(LinkError::Broken);
        }
        sealed.extend(self.pending.filled());
        self.pending.clear();
        loop {
            // Nothing is opened here: whoever opens keeps nothing back.
            let (_, step) = self.session.step(&mut [], sealed, wish, &mut |_| ());
            match step {
                Ok(Step::Ready) => return Ok(()),
                Ok(Step::Encoded | Step::Transmit | Step::PeerClosed) => {}
                Ok(Step::Opened | Step::Waits | Step::Closed | Step::Lost) => {
                    self.is_broken = true;
                    return Err(LinkError::TlsState);
                }
                Err(error) => {
                    self.is_broken = true;
                    return Err(LinkError::tls(error));
                }
            }
        }
    }

    fn open(&mut self, record: &mut [u8], opened: &mut dyn FnMut(&[u8])) -> Result<(), LinkError> {
        let mut done = 0;
        loop {
            let rest = &mut record[done..];
            let (count, step) = self.session.step(rest, &mut self.pending, Wish::GoOn, opened);
            done += count;
            match step {
                Ok(Step::Opened | Step::Ready) if done == record.len() => return Ok(()),
                // It keeps some of the record for later, as the beginning of a message. After the
                // handshake nobody needs such long ones.
                Ok(Step::Opened | Step::Ready) => {
                    let what = "a message in several records after the handshake";
                    return Err(LinkError::tls(Error::General(what.to_owned())));
                }
                Ok(Step::Encoded | Step::Transmit) => {}
                Ok(Step::PeerClosed | Step::Closed) => return Err(LinkError::Closed),
                Ok(Step::Waits | Step::Lost) => return Err(LinkError::TlsState),
                Err(error) => {
                    // What it has to say about it is the first thing that it says now.
                    let rest = &mut record[done..];
                    let _ = self.session.step(rest, &mut self.pending, Wish::GoOn, &mut |_| ());
                    return Err(LinkError::tls(error));
                }
            }
        }
    }
}
