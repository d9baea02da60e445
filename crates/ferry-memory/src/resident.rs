//! Which pages have arrived, for a guest that runs before all have.
//!
//! A page is missing, or claimed by whoever is receiving it, or here:
//!
//! ```text
//!             claim()                 publish()
//!   missing ───────────► claimed ──────────────────► here, for good
//!           ◄─────────── the link was lost
//! ```
//!
//! A vCPU that touches a page that is not here asks for it, once for all vCPUs, and waits. Whether
//! a page is here is one bit and only ever becomes true, so looking needs no lock; everything else
//! does.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ferry_units::{PageCount, PageIndex, PageRun, PageSet};

use crate::bits::Bits;
use crate::error::MemoryError;

/// Who is told that a vCPU waits for a page.
pub(crate) type OnRequest = Box<dyn Fn(PageIndex) + Send + Sync>;

/// How many groups waiting vCPUs are divided into, by the page that they wait for. An arrival wakes
/// one group, which with fewer vCPUs than this is mostly one vCPU.
const GROUPS: usize = 16;

/// Which pages have arrived.
pub(crate) struct Resident {
    here: Bits,
    /// How many are not here.
    missing: AtomicU64,
    book: Mutex<Book>,
    arrived: [Condvar; GROUPS],
    on_request: OnRequest,
}

struct Book {
    claimed: PageSet,
    /// Pages that vCPUs wait for. At most as many as there are vCPUs, for each waits for one.
    requested: BTreeSet<PageIndex>,
    outlook: Outlook,
}

/// Whether what is missing will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlook {
    Expected,
    GivenUp,
}

impl Resident {
    /// All pages are here but those of `missing`. `on_request` is called on the thread of the first
    /// vCPU that waits for a page.
    pub(crate) fn all_but(missing: &PageSet, on_request: OnRequest) -> Self {
        let book = Book {
            claimed: PageSet::empty(missing.memory()),
            requested: BTreeSet::new(),
            outlook: Outlook::Expected,
        };
        Self {
            here: Bits::all_but(missing),
            missing: AtomicU64::new(missing.count().0),
            book: Mutex::new(book),
            arrived: [const { Condvar::new() }; GROUPS],
            on_request,
        }
    }

    /// How many pages have not arrived.
    pub(crate) fn missing(&self) -> PageCount {
        // Each arrival takes its pages off with a release, and all of them form one release
        // sequence: who reads zero sees every page.
        PageCount(self.missing.load(Ordering::Acquire))
    }

    /// The first page of `run` that has not arrived. Costs one load when all have.
    pub(crate) fn first_missing(&self, run: PageRun) -> Option<PageIndex> {
        if self.missing().0 == 0 { None } else { self.here.first_unset(run) }
    }

    /// The pages that have not arrived.
    pub(crate) fn missing_pages(&self) -> PageSet {
        self.here.unset()
    }

    /// The pages that vCPUs wait for.
    pub(crate) fn requested(&self) -> Vec<PageIndex> {
        self.book().requested.iter().copied().collect()
    }

    /// Returns when `page` is here.
    pub(crate) fn wait(&self, page: PageIndex) -> Result<(), MemoryError> {
        let mut book = self.book();
        if self.is_missing(page) && book.outlook == Outlook::Expected && book.requested.insert(page)
        {
            drop(book);
            (self.on_request)(page);
            book = self.book();
        }
        while self.is_missing(page) {
            if book.outlook == Outlook::GivenUp {
                return Err(MemoryError::Lost { page });
            }
            let woken = self.group(page).wait(book);
            book = woken.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Reserves the pages of `run`, all of which exist, for one who receives them.
    pub(crate) fn claim(&self, run: PageRun) -> Result<(), MemoryError> {
        let mut book = self.book();
        let here = self.here.set_within(run).next();
        let taken = book.claimed.runs_within(run).next();
        if let Some(refused) = here.or(taken) {
            return Err(MemoryError::AlreadyHere { page: refused.first() });
        }
        book.claimed.insert_run(run);
        Ok(())
    }

    /// Takes back the claim to `run`, which was not filled.
    pub(crate) fn unclaim(&self, run: PageRun) {
        self.book().claimed.remove_run(run);
    }

    /// Lets vCPUs see the pages of `run`, which were claimed and are filled.
    pub(crate) fn publish(&self, run: PageRun) {
        self.here.set(run);
        self.missing.fetch_sub(run.count().0, Ordering::AcqRel);
        // A vCPU looks at the bit with the book in hand, so it either sees it or is waiting by the
        // time that the book is free.
        let mut book = self.book();
        book.claimed.remove_run(run);
        let waited_for: Vec<_> = book.requested.range(run.first()..run.end()).copied().collect();
        for page in waited_for {
            book.requested.remove(&page);
            self.group(page).notify_all();
        }
    }

    /// Nothing will come any more: vCPUs that wait, or would, are told that the page is lost.
    pub(crate) fn give_up(&self) {
        let mut book = self.book();
        book.outlook = Outlook::GivenUp;
        book.requested.clear();
        for group in &self.arrived {
            group.notify_all();
        }
    }

    fn is_missing(&self, page: PageIndex) -> bool {
        self.here.first_unset(PageRun::one(page)).is_some()
    }

    fn group(&self, page: PageIndex) -> &Condvar {
        let group = page.0 % GROUPS as u64;
        &self.arrived[usize::try_from(group).unwrap_or(0)]
    }

    /// The book is right whenever its mutex is free, also after a panic elsewhere.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resident").field("missing", &self.missing).finish_non_exhaustive()
    }
}
