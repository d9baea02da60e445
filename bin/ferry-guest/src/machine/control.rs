//! What vCPUs are told, and how they are waited for.
//!
//! A vCPU that works looks at one number after each page, and asks here only when it has changed. One
//! that waits, waits here, so that it hears at once what changes: another workload, a reset, another
//! throttle, the end, or that somebody wants to look at memory while nobody writes.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_qmp::words::Workload;

use super::progress::Heard;

/// What the vCPUs of one guest are told.
#[derive(Debug)]
pub(crate) struct Control {
    /// Changes with every order. A hint, so it needs no order: whoever misses it looks again.
    version: AtomicU64,
    throttle: AtomicU8,
    orders: Mutex<Orders>,
    changed: Condvar,
}

/// What holds now.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    /// What to work on.
    pub(crate) workload: Arc<Workload>,
    /// How often that changed, and how often the guest was reset.
    pub(crate) news: Heard,
    /// Whether the threads are to end.
    pub(crate) life: Life,
    /// Whether the next vCPU that runs notes when that is.
    pub(crate) first: First,
    /// Whether somebody has told that the boot is over.
    pub(crate) boot: Boot,
    version: u64,
    /// How many want the vCPUs to wait.
    holds: u32,
    /// How many vCPUs wait for that.
    held: u32,
    /// How many vCPUs there are.
    alive: u32,
}

/// Whether a guest is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    GoesOn,
    Ends,
}

/// When a vCPU first ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// It is to be noted.
    Wanted,
    /// In nanoseconds since 1970.
    At(u64),
}

/// Whether the guest has filled what it fills first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boot {
    UnderWay,
    Over,
}

impl Control {
    pub(crate) fn new(workload: Workload, boot: Boot) -> Self {
        let orders = Orders {
            workload: Arc::new(workload),
            news: Heard::default(),
            life: Life::GoesOn,
            first: First::Wanted,
            boot,
            version: 1,
            holds: 0,
            held: 0,
            alive: 0,
        };
        Self {
            version: AtomicU64::new(1),
            throttle: AtomicU8::new(0),
            orders: Mutex::new(orders),
            changed: Condvar::new(),
        }
    }

    /// Changes with every order: a look that costs a load.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// In percent.
    pub(crate) fn throttle(&self) -> u8 {
        self.throttle.load(Ordering::Relaxed)
    }

    /// Throttles vCPUs from now on, also one that rests.
    pub(crate) fn set_throttle(&self, percent: u8) {
        self.throttle.store(percent, Ordering::Relaxed);
        self.change(|_| ());
    }

    /// Changes what holds, and has every vCPU hear of it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Orders) -> T) -> T {
        let mut orders = self.lock();
        let changed = change(&mut orders);
        orders.version += 1;
        self.version.store(orders.version, Ordering::Relaxed);
        self.changed.notify_all();
        changed
    }

    /// What holds, and the version of it.
    pub(crate) fn orders(&self) -> (Orders, u64) {
        let orders = self.lock();
        (orders.clone(), orders.version)
    }

    /// Waits for an order after `version`, at most so long. For a vCPU that is outside.
    pub(crate) fn pause(&self, version: u64, at_most: Option<Duration>) {
        let orders = self.lock();
        let unchanged = |orders: &mut Orders| orders.version == version;
        match at_most {
            None => drop(self.changed.wait_while(orders, unchanged)),
            Some(time) => drop(self.changed.wait_timeout_while(orders, time, unchanged)),
        }
    }

    /// Notes that a vCPU runs, if that is wanted.
    pub(crate) fn note_first(&self, wall: impl FnOnce() -> u64) {
        let mut orders = self.lock();
        if orders.first == First::Wanted {
            orders.first = First::At(wall());
            self.changed.notify_all();
        }
    }

    /// When a vCPU first ran, once that is so, at most so long.
    pub(crate) fn wait_first(&self, at_most: Duration) -> First {
        let is_open = |orders: &mut Orders| orders.first == First::Wanted;
        let waited = self.changed.wait_timeout_while(self.lock(), at_most, is_open);
        waited.unwrap_or_else(PoisonError::into_inner).0.first
    }

    /// The thread of a vCPU begins, and ends when what this returns is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Alive {
        self.change(|orders| orders.alive += 1);
        Alive(Arc::clone(self))
    }

    /// Waits until so many vCPUs are there, at most so long; returns how many are.
    pub(crate) fn wait_alive(&self, count: u32, at_most: Duration) -> u32 {
        let differs = |orders: &mut Orders| orders.alive != count;
        let waited = self.changed.wait_timeout_while(self.lock(), at_most, differs);
        waited.unwrap_or_else(PoisonError::into_inner).0.alive
    }

    /// Has all vCPUs wait until what this returns is dropped, and returns when they do. If the guest
    /// stands still, that is when it has been let go on.
    pub(crate) fn hold(&self) -> Hold<'_> {
        self.change(|orders| orders.holds += 1);
        let works = |orders: &mut Orders| orders.held < orders.alive;
        drop(self.changed.wait_while(self.lock(), works));
        Hold(self)
    }

    /// Waits while somebody holds the vCPUs. For a vCPU that is outside.
    pub(crate) fn wait_while_held(&self) {
        let mut orders = self.lock();
        orders.held += 1;
        self.changed.notify_all();
        let is_held = |orders: &mut Orders| orders.holds > 0 && orders.life == Life::GoesOn;
        let waited = self.changed.wait_while(orders, is_held);
        waited.unwrap_or_else(PoisonError::into_inner).held -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Orders {
    /// Whether somebody wants the vCPUs to wait.
    pub(crate) fn is_held(&self) -> bool {
        self.holds > 0
    }
}

/// A thread of a vCPU is there.
#[derive(Debug)]
pub(crate) struct Alive(Arc<Control>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.change(|orders| orders.alive -= 1);
    }
}

/// All vCPUs wait.
#[derive(Debug)]
pub(crate) struct Hold<'a>(&'a Control);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.change(|orders| orders.holds -= 1);
    }
}
