//! Memory behind pages before anybody waits for it.
//!
//! The first touch of a small page costs more than the network does to bring it: 2.5 µs, while
//! 4 KiB cross loopback in 0.8 µs. A huge page costs a tenth of that for each byte. So the
//! destination of a migration populates what it is going to receive, before the transfer or just
//! ahead of it, and in huge pages where it can:
//!
//! 1. `MADV_COLLAPSE` makes 2 MiB a huge page even where the host's settings keep programs from
//!    asking for one (`/sys/kernel/mm/transparent_hugepage/shmem_enabled`), and needs no privilege.
//!    It wants one page of the 2 MiB to be there and writable, so the first is populated for it.
//! 2. Where it fails, for want of free huge pages or because Linux is older than 6.1,
//!    `MADV_POPULATE_WRITE` takes small ones.
//! 3. Where that fails as well, before Linux 5.14, each page is touched.
//!
//! What was written already stays as it is, also while the guest runs.

use std::io;
use std::iter::FusedIterator;
use std::ops::{Add, AddAssign, Range};
use std::sync::atomic::Ordering;

use ferry_units::{Bytes, PageCount, PageRun, PageSize};

use crate::Ram;
use crate::error::{MemoryError, Task};
use crate::mapping::{Advice, HUGE};
use crate::ram::PAGE;
use crate::words::WORD;

/// What was populated, by the size of the pages that Linux gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Populated {
    /// Pages of 2 MiB.
    pub huge: PageCount,
    /// Pages of 4 KiB.
    pub small: PageCount,
}

/// Population in progress: each step takes what the next 2 MiB of address space hold of the run,
/// so that whoever steps can stop in between, or receive into what is ready.
///
/// A step takes about 0.1 ms, or 1.2 ms in small pages; more if the host's hypervisor has to find
/// memory first. It ends after the first error.
#[derive(Debug)]
pub struct Population<'a> {
    ram: &'a Ram,
    rest: Range<usize>,
    collapse: Collapse,
}

/// Whether Linux makes huge pages when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collapse {
    Works,
    Unknown,
}

impl Ram {
    /// Populates the pages of `run`, step by step. Time, if wanted, is for the caller to measure.
    ///
    /// ```
    /// # use ferry_memory::{GuestMemory, Populated};
    /// # use ferry_units::Bytes;
    /// let memory = GuestMemory::create("doc", Bytes::from_mib(8))?;
    /// let mut populated = Populated::default();
    /// for step in memory.ram().populate(memory.ram().whole())? {
    ///     populated += step?;
    /// }
    /// assert_eq!(populated.bytes(), Bytes::from_mib(8));
    /// # Ok::<(), ferry_memory::MemoryError>(())
    /// ```
    ///
    /// # Errors
    /// [`MemoryError::NoSuchPages`].
    pub fn populate(&self, run: PageRun) -> Result<Population<'_>, MemoryError> {
        let rest = self.span_of(run)?;
        Ok(Population { ram: self, rest, collapse: Collapse::Works })
    }
}

impl Iterator for Population<'_> {
    type Item = Result<Populated, MemoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let end = (self.rest.start / HUGE + 1) * HUGE;
        let step = self.rest.start..end.min(self.rest.end);
        self.rest.start = step.end;
        let populated = self.step(&step);
        if populated.is_err() {
            self.rest.start = self.rest.end;
        }
        Some(populated.map_err(|error| Task::Populate.failed(error)))
    }
}

impl FusedIterator for Population<'_> {}

impl Population<'_> {
    fn step(&mut self, step: &Range<usize>) -> io::Result<Populated> {
        if step.len() == HUGE && self.collapse == Collapse::Works {
            self.populate(&(step.start..step.start + PAGE))?;
            match self.ram.mapping().advise(step.clone(), Advice::Collapse) {
                Ok(()) => return Ok(Populated { huge: PageCount(1), small: PageCount(0) }),
                // Linux does not know it: no need to ask for each step.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    self.collapse = Collapse::Unknown;
                }
                // ENOMEM, EAGAIN, EBUSY: not here or not now, for want of a free huge page mostly.
                Err(_) => {}
            }
        }
        self.populate(step)?;
        Ok(Populated { huge: PageCount(0), small: PageCount((step.len() / PAGE) as u64) })
    }

    /// Has memory behind the pages of `span`, writable, in whatever pages Linux likes.
    fn populate(&self, span: &Range<usize>) -> io::Result<()> {
        match self.ram.mapping().advise(span.clone(), Advice::PopulateWrite) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                span.clone().step_by(PAGE).for_each(|at| self.touch(at));
                Ok(())
            }
            other => other,
        }
    }

    /// Writes to the word at `at` what it holds. Where that fails, somebody else wrote to it.
    /// (`fetch_or(0)` would be a load by the time the compiler is done, and a page that was only
    /// read is mapped for reading.)
    fn touch(&self, at: usize) {
        let word = &self.ram.words()[at / WORD];
        let value = word.load(Ordering::Relaxed);
        let _written = word.compare_exchange(value, value, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Populated {
    /// How many bytes that is.
    pub fn bytes(self) -> Bytes {
        self.huge.bytes(PageSize::MIB_2) + self.small.bytes(PageSize::KIB_4)
    }
}

impl Add for Populated {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            huge: PageCount(self.huge.0.saturating_add(other.huge.0)),
            small: PageCount(self.small.0.saturating_add(other.small.0)),
        }
    }
}

impl AddAssign for Populated {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;
    use ferry_units::{PageIndex, PageRun};

    /// 5 MiB and a page: two huge pages fit, and both ends of a run in it are ragged.
    const SIZE: Bytes = Bytes::from_kib(5 * 1024 + 4);

    /// How many KiB of the mapping at `ram` `/proc/self/smaps` counts under `what`.
    fn mapped(ram: &Ram, what: &str) -> u64 {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let start = format!("{:x}-", ram.mapping().address(0).addr());
        let ours = smaps.lines().skip_while(|line| !line.starts_with(&start));
        let line = ours.into_iter().find(|line| line.starts_with(what)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn population(ram: &Ram, collapse: Collapse) -> Population<'_> {
        Population { ram, rest: 0..SIZE.get().try_into().unwrap(), collapse }
    }

    #[test]
    fn whatever_linux_offers_every_page_is_there_and_holds_what_it_held() {
        for collapse in [Collapse::Works, Collapse::Unknown] {
            let ram = Ram::create("test", SIZE).unwrap();
            words::write(ram.words(), 3 << 20, b"here before");
            let steps: Vec<_> = population(&ram, collapse).map(Result::unwrap).collect();
            assert_eq!(steps.len(), 3);

            let populated = steps.into_iter().fold(Populated::default(), Add::add);
            assert_eq!(populated.bytes(), SIZE);
            assert_eq!(mapped(&ram, "Rss:"), SIZE.get() / 1024);
            // Neither claims more huge pages than there are.
            assert_eq!(mapped(&ram, "ShmemPmdMapped:"), populated.huge.0 * 2048);
            let mut bytes = [0; 11];
            ram.read(Bytes::from_mib(3), &mut bytes).unwrap();
            assert_eq!(&bytes, b"here before");
            assert!(words::are_zero(&ram.words()[..(3 << 20) / WORD]));
        }
    }

    #[test]
    fn pages_are_huge_wherever_linux_makes_huge_pages() {
        let by_hand = Ram::create("test", Bytes::from_mib(2)).unwrap();
        by_hand.words()[0].store(1, Ordering::Relaxed);
        let is_possible = by_hand.mapping().advise(0..HUGE, Advice::Collapse).is_ok();

        let ram = Ram::create("test", Bytes::from_mib(2)).unwrap();
        let populated = ram.populate(ram.whole()).unwrap().next().unwrap().unwrap();
        assert_eq!(populated.huge.0 == 1, is_possible);
    }

    #[test]
    fn a_touched_page_is_writable_and_holds_what_it_held() {
        let ram = Ram::create("test", SIZE).unwrap();
        ram.words()[0].store(7, Ordering::Relaxed);
        let population = population(&ram, Collapse::Unknown);
        (0..4 * PAGE).step_by(PAGE).for_each(|at| population.touch(at));
        assert_eq!((mapped(&ram, "Rss:"), mapped(&ram, "Shared_Dirty:")), (16, 0));
        assert_eq!(mapped(&ram, "Private_Dirty:"), 16);
        assert_eq!(ram.load(Bytes::ZERO).unwrap(), 7);
    }

    #[test]
    fn population_may_stop_and_go_on_elsewhere() {
        let ram = Ram::create("test", SIZE).unwrap();
        let run = PageRun::new(PageIndex(500), PageCount(20));
        let mut steps = ram.populate(run).unwrap();
        assert_eq!(steps.next().unwrap().unwrap().small, PageCount(12));
        assert_eq!(mapped(&ram, "Rss:"), 12 * 4);
        assert_eq!(steps.next().unwrap().unwrap().small, PageCount(8));
        assert!(steps.next().is_none());
        assert!(ram.populate(PageRun::new(PageIndex(1281), PageCount(1))).is_err());
    }
}
