//! A guest's memory before the guest runs on this host: the destination of a migration.

use std::os::fd::AsFd;
use std::sync::Arc;

use ferry_units::{Bytes, PageIndex, PageRun, PageSet};

use crate::arrivals::Arrivals;
use crate::barrier::Barrier;
use crate::bits::Bits;
use crate::error::MemoryError;
use crate::guest::Writes;
use crate::ram::pages_of;
use crate::resident::Resident;
use crate::wire::{self, Progress, Slot};
use crate::{GuestMemory, Ram, Stopped, words};

/// Memory that an engine fills, from as many threads as it likes, for a guest that does not run yet.
///
/// There is nothing to run or to stop until it is loaded: the [`GuestMemory`] comes into being when
/// this is consumed, which is when nobody can load any more.
///
/// ```
/// # use ferry_memory::{Loading, Progress, Slot};
/// # use ferry_units::{Bytes, PageCount, PageIndex, PageRun, PageSet};
/// # use std::io::Write;
/// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
/// # theirs.write_all(&[7; 4096 + 32])?;
/// let loading = Loading::create("doc", Bytes::from_mib(2))?;
///
/// // The pages that a header announced, and the next header behind them.
/// let mut header = [0; 32];
/// let run = PageRun::one(PageIndex(3));
/// let mut slots = [Slot::Pages(run), Slot::Bytes(&mut header)];
/// assert_eq!(loading.receive(&ours, &mut slots, &mut Bytes::default())?, Progress::Done);
///
/// let (memory, stopped) = loading.finish();
/// stopped.resume();
/// assert_eq!(memory.enter().load(Bytes::from_kib(12))?, 0x0707_0707_0707_0707);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Loading {
    ram: Ram,
    /// Pages that may not be zero any more.
    written: Bits,
    /// For the guest that is going to run.
    writes: Writes,
}

impl Loading {
    /// New memory of `size`. See [`GuestMemory::create`].
    ///
    /// # Errors
    /// As [`GuestMemory::create`].
    pub fn create(name: &str, size: Bytes) -> Result<Self, MemoryError> {
        let ram = Ram::create(name, size)?;
        let written = Bits::none(ram.pages());
        let writes = Writes::none(ram.pages(), Barrier::choose());
        Ok(Self { ram, written, writes })
    }

    /// The bytes, for reading.
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    /// Receives from `socket` until all `slots` are full, of which `received` bytes were received
    /// already; counts in `received` how far it got. For a socket that blocks it returns at the end.
    ///
    /// # Errors
    /// [`MemoryError::NoSuchPages`] before anything is received, [`MemoryError::Closed`] when the
    /// peer closes the connection too early, and [`MemoryError::Os`] when it fails.
    pub fn receive(
        &self,
        socket: impl AsFd,
        slots: &mut [Slot<'_>],
        received: &mut Bytes,
    ) -> Result<Progress, MemoryError> {
        for slot in &*slots {
            match slot {
                Slot::Bytes(_) => {}
                Slot::Pages(run) => {
                    self.ram.span_of(*run)?;
                    self.written.set(*run);
                }
            }
        }
        wire::receive(&self.ram, socket, slots, received)
    }

    /// Copies `from` to `offset`: for bytes that come out of a decryption.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`], with nothing written.
    pub fn write(&self, offset: Bytes, from: &[u8]) -> Result<(), MemoryError> {
        let span = self.ram.span(offset, from.len())?;
        self.written.set(pages_of(&span));
        words::write(self.ram.words(), span.start, from);
        Ok(())
    }

    /// Makes the pages of `run` zero. Costs next to nothing where nothing was written before, and
    /// does not touch what nobody touched.
    ///
    /// # Errors
    /// [`MemoryError::NoSuchPages`].
    pub fn zero(&self, run: PageRun) -> Result<(), MemoryError> {
        self.ram.span_of(run)?;
        for written in self.written.set_within(run) {
            words::clear(self.ram.words_of(written)?);
        }
        Ok(())
    }

    /// Everything is here: memory of a guest that may run, and stands still until it is let go.
    pub fn finish(self) -> (GuestMemory, Stopped) {
        let memory = GuestMemory::new(self.ram, None, self.writes);
        let stopped = memory.stop();
        (memory, stopped)
    }

    /// Everything is here but the pages of `missing`: memory of a guest that may run and fetches
    /// those as it needs them (post-copy), and stands still until it is let go.
    ///
    /// `on_request` is told of each page that a vCPU waits for, once, on the vCPU's thread. Let it
    /// pass the page on to whoever asks the source, and return.
    ///
    /// # Errors
    /// [`MemoryError::AnotherGuest`] for a set that belongs to a memory of another size.
    pub fn finish_but(
        self,
        missing: &PageSet,
        on_request: impl Fn(PageIndex) + Send + Sync + 'static,
    ) -> Result<(GuestMemory, Stopped, Arrivals), MemoryError> {
        if missing.memory() != self.ram.pages() {
            return Err(MemoryError::AnotherGuest);
        }
        let resident = Arc::new(Resident::all_but(missing, Box::new(on_request)));
        let memory = GuestMemory::new(self.ram, Some(Arc::clone(&resident)), self.writes);
        let stopped = memory.stop();
        let arrivals = Arrivals::of(memory.clone(), resident);
        Ok((memory, stopped, arrivals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_units::{PageCount, PageRun};

    #[test]
    fn zero_pages_are_written_only_where_something_was() {
        let loading = Loading::create("test", Bytes::from_mib(1)).unwrap();
        loading.write(Bytes::from_kib(40), &[1; 4097]).unwrap();
        let whole = loading.ram().whole();
        loading.zero(whole).unwrap();
        assert!(words::are_zero(
            loading.ram().words_of(PageRun::new(PageIndex(10), PageCount(2))).unwrap()
        ));
        let touched: Vec<_> = loading.ram().touched(whole).unwrap().map(Result::unwrap).collect();
        assert_eq!(touched.iter().map(|run| run.count().0).sum::<u64>(), 2);
    }

    #[test]
    fn pages_that_are_not_there_are_refused() {
        let loading = Loading::create("test", Bytes::from_kib(8)).unwrap();
        let beyond = PageRun::new(PageIndex(1), PageCount(2));
        assert!(matches!(loading.zero(beyond), Err(MemoryError::NoSuchPages { .. })));
        let refused = loading.write(Bytes::from_kib(8), &[1]);
        assert!(matches!(refused, Err(MemoryError::OutOfBounds { .. })));
        let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        let refused = loading.receive(&socket, &mut [Slot::Pages(beyond)], &mut Bytes::default());
        assert!(matches!(refused, Err(MemoryError::NoSuchPages { .. })));
    }
}
