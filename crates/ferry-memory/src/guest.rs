//! A guest's memory while the guest runs, and while it stands still.
//!
//! Who may do what is decided by what one holds:
//!
//! ```text
//!                    enter()                    stop(), when all are outside
//!   Running  ◄───────────────── GuestMemory ─────────────────────► Stopped
//!   reads, writes, and marks        │                              nothing is written while it exists,
//!   what it wrote; one for each     │ log()                        so the last harvest can be the last
//!   vCPU or device thread           ▼
//!                                DirtyLog: what was written, for whoever sends it
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ferry_units::{Bytes, PageCount, PageRun, PageSize};

use crate::barrier::Barrier;
use crate::error::MemoryError;
use crate::gate::Gate;
use crate::log::Cards;
use crate::ram::pages_of;
use crate::resident::Resident;
use crate::{Ram, words};

/// The memory of a guest that can run. Clones are the same memory; it goes with the last of them.
#[derive(Clone)]
pub struct GuestMemory {
    guest: Arc<Guest>,
}

struct Guest {
    ram: Ram,
    cards: Cards,
    gate: Gate,
    barrier: Barrier,
    /// Which pages have arrived; `None` for a guest that does not fetch any.
    resident: Option<Arc<Resident>>,
}

/// What follows the writes of a guest. Making it takes milliseconds, for `membarrier(2)` waits for
/// the whole host when it is asked for the first time, and so is done long before the guest is to
/// run.
#[derive(Debug)]
pub(crate) struct Writes {
    cards: Cards,
    barrier: Barrier,
}

impl Writes {
    /// No writes to so many pages yet.
    pub(crate) fn none(pages: PageCount, barrier: Barrier) -> Self {
        Self { cards: Cards::new(pages), barrier }
    }
}

/// A vCPU, or a device, that is running: the only way to write to the memory of a guest that can
/// run. Whoever holds one passes [`checkpoint`](Self::checkpoint)s, for that is where it can be
/// stopped, and waits for anything else [`outside`](Self::outside).
#[derive(Debug)]
pub struct Running<'a> {
    memory: &'a GuestMemory,
}

/// The proof that a guest stands still: as long as one exists, nobody is
/// [`Running`](crate::Running). Dropping it lets the guest run on, unless somebody else holds one.
///
/// It cannot write, so after the last harvest nothing is dirty:
///
/// ```compile_fail,E0599
/// # use ferry_memory::GuestMemory;
/// # use ferry_units::{Bytes, PageRun};
/// # let memory = GuestMemory::create("doc", Bytes::from_mib(2)).unwrap();
/// let stopped = memory.stop();
/// stopped.write(Bytes::ZERO, b"too late");
/// ```
#[derive(Debug)]
#[must_use = "the guest runs on when this is dropped"]
pub struct Stopped {
    memory: GuestMemory,
}

impl GuestMemory {
    /// New memory of `size`, a multiple of 4 KiB: all zero, and taken from the host page by page
    /// as it is touched or [populated](Ram::populate). Linux shows it as `memfd:{name}`.
    ///
    /// # Errors
    /// [`MemoryError::Size`], [`MemoryError::Name`], and [`MemoryError::Os`] when Linux does not
    /// give it.
    pub fn create(name: &str, size: Bytes) -> Result<Self, MemoryError> {
        let ram = Ram::create(name, size)?;
        let writes = Writes::none(ram.pages(), Barrier::choose());
        Ok(Self::new(ram, None, writes))
    }

    pub(crate) fn new(ram: Ram, resident: Option<Arc<Resident>>, writes: Writes) -> Self {
        let Writes { cards, barrier } = writes;
        Self { guest: Arc::new(Guest { ram, cards, gate: Gate::open(), barrier, resident }) }
    }

    /// The bytes, for reading.
    pub fn ram(&self) -> &Ram {
        &self.guest.ram
    }

    /// Runs: waits until nobody wants the guest to stand still. One for each thread; a thread that
    /// holds a [`Stopped`] or another [`Running`] must not ask for one, for it would wait for itself.
    pub fn enter(&self) -> Running<'_> {
        self.guest.gate.enter();
        Running { memory: self }
    }

    /// Has every vCPU stand still: returns when each has reached a checkpoint or waits outside.
    /// Several may want it at once. Not for a thread that is [`Running`] itself.
    pub fn stop(&self) -> Stopped {
        self.guest.gate.stop();
        Stopped { memory: self.clone() }
    }

    /// How many pages have not arrived yet: none, but in post-copy.
    pub fn missing(&self) -> PageCount {
        self.guest.resident.as_ref().map_or(PageCount(0), |resident| resident.missing())
    }

    /// Whether both are the same memory.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.guest, &other.guest)
    }

    pub(crate) fn cards(&self) -> &Cards {
        &self.guest.cards
    }

    pub(crate) fn pass_barrier(&self) {
        self.guest.barrier.pass(&self.guest.gate);
    }
}

impl Running<'_> {
    /// Copies what is at `offset` into `into`, once the pages are here.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`], and [`MemoryError::Lost`] for a page that will not arrive.
    pub fn read(&mut self, offset: Bytes, into: &mut [u8]) -> Result<(), MemoryError> {
        let span = self.memory.ram().span(offset, into.len())?;
        self.fetch(pages_of(&span))?;
        words::read(self.memory.ram().words(), span.start, into);
        Ok(())
    }

    /// Copies `from` to `offset`, once the pages are here, and marks them.
    ///
    /// # Errors
    /// As [`read`](Self::read), with nothing written.
    pub fn write(&mut self, offset: Bytes, from: &[u8]) -> Result<(), MemoryError> {
        let span = self.memory.ram().span(offset, from.len())?;
        let pages = pages_of(&span);
        self.fetch(pages)?;
        words::write(self.memory.ram().words(), span.start, from);
        self.memory.cards().mark(pages);
        Ok(())
    }

    /// The word at `offset`, in the host's order of bytes, once its page is here.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`MemoryError::Misaligned`] unless `offset` is a multiple of 8.
    pub fn load(&mut self, offset: Bytes) -> Result<u64, MemoryError> {
        let memory = self.memory;
        let word = memory.ram().word(offset)?;
        self.fetch(PageRun::one(PageSize::KIB_4.page_at(offset)))?;
        Ok(word.load(Ordering::Relaxed))
    }

    /// Writes `value` to the word at `offset`, once its page is here, and marks the page.
    ///
    /// # Errors
    /// As [`load`](Self::load), with nothing written.
    pub fn store(&mut self, offset: Bytes, value: u64) -> Result<(), MemoryError> {
        let memory = self.memory;
        let word = memory.ram().word(offset)?;
        let page = PageSize::KIB_4.page_at(offset);
        self.fetch(PageRun::one(page))?;
        word.store(value, Ordering::Relaxed);
        memory.cards().mark_one(page);
        Ok(())
    }

    /// Stands still if somebody wants that, and returns when nobody does any more. Costs a load
    /// otherwise; a stop takes as long as the slowest vCPU needs from one to the next.
    pub fn checkpoint(&mut self) {
        self.memory.guest.gate.checkpoint();
    }

    /// Does `wait` while others may regard this vCPU as standing still, such as to wait for a timer
    /// or a disk; then runs on as soon as it may.
    pub fn outside<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        let _back_inside = Outside::step(&self.memory.guest.gate);
        wait()
    }

    /// Waits for those of `pages` that have not arrived.
    fn fetch(&mut self, pages: PageRun) -> Result<(), MemoryError> {
        let Some(resident) = &self.memory.guest.resident else { return Ok(()) };
        match resident.first_missing(pages) {
            None => Ok(()),
            Some(_) => self.fetch_missing(resident, pages),
        }
    }

    #[cold]
    fn fetch_missing(&self, resident: &Resident, pages: PageRun) -> Result<(), MemoryError> {
        while let Some(page) = resident.first_missing(pages) {
            // Outside: a vCPU that waits for the network can be stopped meanwhile.
            let _back_inside = Outside::step(&self.memory.guest.gate);
            resident.wait(page)?;
        }
        Ok(())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.memory.guest.gate.leave();
    }
}

impl Stopped {
    /// The memory of the guest that stands still.
    pub fn memory(&self) -> &GuestMemory {
        &self.memory
    }

    /// Lets the guest run on, unless somebody else wants it to stand still. The same as dropping.
    pub fn resume(self) {}
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.memory.guest.gate.resume();
    }
}

impl fmt::Debug for GuestMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestMemory")
            .field("ram", &self.guest.ram)
            .field("gate", &self.guest.gate)
            .field("barrier", &self.guest.barrier)
            .finish_non_exhaustive()
    }
}

/// A step out of the gate, taken back when it is dropped, also by a panic.
struct Outside<'a>(&'a Gate);

impl<'a> Outside<'a> {
    fn step(gate: &'a Gate) -> Self {
        gate.leave();
        Self(gate)
    }
}

impl Drop for Outside<'_> {
    fn drop(&mut self) {
        self.0.enter();
    }
}
