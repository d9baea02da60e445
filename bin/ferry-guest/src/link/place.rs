//! Where guest memory that arrives is put.

use std::os::fd::BorrowedFd;

use ferry_memory::{Claim, Loading, MemoryError, Progress, Slot};
use ferry_units::Bytes;

/// Guest memory that may be written: all of it while it is loading, or what is claimed of it once
/// the guest runs.
pub trait Place {
    /// Receives from `socket` until all `slots` are full, of which `received` bytes were received
    /// already; counts in `received` how far it got.
    ///
    /// # Errors
    /// Those of [`Loading::receive`] and [`Claim::receive`].
    fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        slots: &mut [Slot<'_>],
        received: &mut Bytes,
    ) -> Result<Progress, MemoryError>;

    /// Copies `from` to `offset`, counted from the beginning of the guest's memory.
    ///
    /// # Errors
    /// Those of [`Loading::write`] and [`Claim::write`].
    fn write(&mut self, offset: Bytes, from: &[u8]) -> Result<(), MemoryError>;
}

impl Place for &Loading {
    fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        slots: &mut [Slot<'_>],
        received: &mut Bytes,
    ) -> Result<Progress, MemoryError> {
        Loading::receive(self, socket, slots, received)
    }

    fn write(&mut self, offset: Bytes, from: &[u8]) -> Result<(), MemoryError> {
        Loading::write(self, offset, from)
    }
}

impl Place for Claim {
    fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        slots: &mut [Slot<'_>],
        received: &mut Bytes,
    ) -> Result<Progress, MemoryError> {
        Claim::receive(self, socket, slots, received)
    }

    fn write(&mut self, offset: Bytes, from: &[u8]) -> Result<(), MemoryError> {
        Claim::write(self, offset, from)
    }
}

/// Takes a stream in pieces of any length and puts each byte where it belongs.
pub(super) trait Sink {
    /// Whether everything that was asked for is there.
    fn is_full(&self) -> bool;

    /// Puts the first of `bytes` in their place, as many as are asked for, and says how many.
    fn put(&mut self, bytes: &[u8]) -> Result<usize, MemoryError>;
}

/// A buffer, from its beginning on.
pub(super) struct Filling<'a> {
    rest: &'a mut [u8],
}

impl<'a> Filling<'a> {
    pub(super) fn new(buffer: &'a mut [u8]) -> Self {
        Self { rest: buffer }
    }
}

impl Sink for Filling<'_> {
    fn is_full(&self) -> bool {
        self.rest.is_empty()
    }

    fn put(&mut self, bytes: &[u8]) -> Result<usize, MemoryError> {
        let count = bytes.len().min(self.rest.len());
        let (here, rest) = std::mem::take(&mut self.rest).split_at_mut(count);
        here.copy_from_slice(&bytes[..count]);
        self.rest = rest;
        Ok(count)
    }
}

/// Slots, one after the other.
pub(super) struct Scattering<'a, 'b, P> {
    place: &'a mut P,
    slots: &'a mut [Slot<'b>],
    /// How much of the first slot is full.
    filled: usize,
}

impl<'a, 'b, P: Place> Scattering<'a, 'b, P> {
    pub(super) fn new(place: &'a mut P, slots: &'a mut [Slot<'b>]) -> Self {
        let mut scattering = Self { place, slots, filled: 0 };
        scattering.leave_full_slots();
        scattering
    }

    /// Afterwards the first slot, if there is one, has room.
    fn leave_full_slots(&mut self) {
        while self.slots.first().is_some_and(|slot| length(slot) == self.filled) {
            let slots = std::mem::take(&mut self.slots);
            self.slots = slots.split_first_mut().map_or(&mut [], |(_, rest)| rest);
            self.filled = 0;
        }
    }
}

impl<P: Place> Sink for Scattering<'_, '_, P> {
    fn is_full(&self) -> bool {
        self.slots.is_empty()
    }

    fn put(&mut self, bytes: &[u8]) -> Result<usize, MemoryError> {
        let mut rest = bytes;
        while let Some(slot) = self.slots.first_mut().filter(|_| !rest.is_empty()) {
            let (here, behind) = rest.split_at(rest.len().min(length(slot) - self.filled));
            match slot {
                Slot::Bytes(buffer) => {
                    buffer[self.filled..self.filled + here.len()].copy_from_slice(here);
                }
                Slot::Pages(run) => {
                    let first = run.first().0.saturating_mul(4096);
                    let offset = Bytes::new(first) + Bytes::new(self.filled as u64);
                    self.place.write(offset, here)?;
                }
            }
            self.filled += here.len();
            rest = behind;
            self.leave_full_slots();
        }
        Ok(bytes.len() - rest.len())
    }
}

/// How many bytes go into a slot.
fn length(slot: &Slot<'_>) -> usize {
    match slot {
        Slot::Bytes(bytes) => bytes.len(),
        Slot::Pages(run) => usize::try_from(run.bytes().get()).unwrap_or(usize::MAX),
    }
}
