//! What goes to the peer.

use ferry_memory::Ram;
use ferry_units::{Bytes, PageRun};

use super::buffer::Buffer;
use super::record::PLAINTEXT;
use super::shared::Shared;
use crate::link::LinkError;
use crate::link::socket::Socket;

/// When so much is sealed, it is written: few enough calls of the kernel, and little enough memory
/// that it is still in the processor's cache.
const WRITE: usize = 256 << 10;

/// The direction to the peer.
#[derive(Default)]
pub(super) struct Outgoing {
    /// What is going to be the next record.
    plain: Buffer,
    sealed: Buffer,
    is_broken: bool,
}

/// What somebody sends, on its way.
pub(super) struct Stream<'a> {
    outgoing: &'a mut Outgoing,
    shared: &'a Shared,
    socket: &'a Socket,
}

impl Outgoing {
    /// Sends all that `fill` adds.
    pub(super) fn send(
        &mut self,
        shared: &Shared,
        socket: &Socket,
        fill: impl FnOnce(&mut Stream<'_>) -> Result<(), LinkError>,
    ) -> Result<(), LinkError> {
        if self.is_broken {
            return Err(LinkError::Broken);
        }
        let mut stream = Stream { outgoing: self, shared, socket };
        let result = fill(&mut stream).and_then(|()| stream.end());
        self.is_broken = result.is_err();
        result
    }

    /// Sends `last` as far as the kernel takes it at once, and nothing after it.
    pub(super) fn say_last(&mut self, socket: &Socket, last: &Buffer) {
        if !self.is_broken {
            self.is_broken = true;
            socket.write_if_possible(last.filled());
        }
    }
}

impl Stream<'_> {
    /// Adds bytes.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Result<(), LinkError> {
        while !bytes.is_empty() {
            // Whole records need not wait for others.
            if self.outgoing.plain.is_empty() && bytes.len() >= PLAINTEXT {
                let (record, rest) = bytes.split_at(PLAINTEXT);
                self.shared.seal(record, &mut self.outgoing.sealed)?;
                self.write_if_enough()?;
                bytes = rest;
            } else {
                let (here, rest) = bytes.split_at(bytes.len().min(self.room()));
                self.outgoing.plain.extend(here);
                self.seal_if_full()?;
                bytes = rest;
            }
        }
        Ok(())
    }

    /// Adds pages, a record's worth at a time: what was copied is sealed while the processor still
    /// has it at hand.
    pub(super) fn add_pages(&mut self, ram: &Ram, run: PageRun) -> Result<(), LinkError> {
        let end = run.end().0.saturating_mul(4096);
        let mut at = run.first().0.saturating_mul(4096);
        while at < end {
            let count = usize::try_from(end - at).unwrap_or(usize::MAX).min(self.room());
            ram.read(Bytes::new(at), self.outgoing.plain.spare(count))?;
            self.outgoing.plain.add(count);
            self.seal_if_full()?;
            at += count as u64;
        }
        Ok(())
    }

    /// How much the next record still takes; never nothing.
    fn room(&self) -> usize {
        PLAINTEXT - self.outgoing.plain.len()
    }

    fn seal_if_full(&mut self) -> Result<(), LinkError> {
        if self.room() == 0 {
            self.seal()?;
            self.write_if_enough()?;
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), LinkError> {
        let Outgoing { plain, sealed, .. } = &mut *self.outgoing;
        self.shared.seal(plain.filled(), sealed)?;
        plain.clear();
        Ok(())
    }

    fn write_if_enough(&mut self) -> Result<(), LinkError> {
        if self.outgoing.sealed.len() >= WRITE { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), LinkError> {
        let sealed = &mut self.outgoing.sealed;
        self.socket.write_all(sealed.filled()).map_err(LinkError::sending)?;
        sealed.clear();
        Ok(())
    }

    fn end(&mut self) -> Result<(), LinkError> {
        if !self.outgoing.plain.is_empty() {
            self.seal()?;
        }
        self.write()
    }
}
