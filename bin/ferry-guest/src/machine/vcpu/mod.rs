//! A vCPU: a thread that writes and checks the guest's pages and blocks, at a rate, until it is told
//! something else.
//!
//! After every page it passes a checkpoint, where the guest can be stopped, and looks whether there
//! are orders. What a stop interrupts is never half done: content, table and progress change between
//! two checkpoints. That is why a vCPU writes to disks without stepping outside.

mod steps;

use std::sync::Arc;
use std::time::Duration;

use ferry_memory::Running;
use ferry_qmp::words::{Fault, FaultKind, Workload, WorkloadContents, WorkloadPattern};
use ferry_units::{Bytes, Instant, PageSize};

use crate::machine::content::{Content, Owner, PAGE, Place};
use crate::machine::control::Life;
use crate::machine::entry::{Entry, Kind};
use crate::machine::pacer::{Due, Throttle};
use crate::machine::pattern::Lane;
use crate::machine::plan::{Job, Means, Plan};
use crate::machine::progress::Progress;
use crate::machine::shared::{Cpu, Shared};

/// One step writes or reads so much.
const STEP: Bytes = PageSize::KIB_4.bytes();

/// The longest time that counts as worked: what is beyond was a stop.
const MOST_AT_ONCE: Duration = Duration::from_millis(100);

/// The longest wait at once, well below what counts.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// How long to leave a disk alone that does not take writes.
const DISK_PAUSE: Duration = Duration::from_millis(10);

/// What is filled at boot before the clock is looked at again.
const FILLED_AT_ONCE: u64 = 32;

/// A vCPU, for its thread.
pub(crate) struct Vcpu {
    shared: Arc<Shared>,
    lane: Lane,
    progress: Progress,
    plan: Plan,
    throttle: Throttle,
    health: Health,
    /// The version of the orders that it has heard, and the clock when it last looked.
    heard: u64,
    looked: Instant,
    /// When, on its own clock, disks may be tried again.
    disks_rest_until: Instant,
    disks: DisksAre,
    boot: BootIs,
    content: Box<Content>,
    scratch: Box<Content>,
}

/// Whether a vCPU trusts its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Well,
    /// It has found something wrong, and does nothing more.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DisksAre {
    Fine,
    /// They failed, which was told.
    Failing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BootIs {
    UnderWay,
    /// Over, for this vCPU.
    Over,
}

/// What comes after some work.
enum Next {
    More,
    Wait(Option<Duration>),
}

/// How a step went.
enum Step {
    /// It is done, and counts so much for the rate.
    Did(Bytes),
    Wrong(Fault),
    /// A disk does not do it now.
    NotNow,
}

impl Vcpu {
    pub(crate) fn new(shared: Arc<Shared>, lane: Lane) -> Self {
        let progress = shared.cpus[lane.cpu as usize].progress.get();
        let (orders, _) = shared.control.orders();
        let disks: Vec<_> = shared.disks.iter().map(|disk| disk.blocks()).collect();
        let means = Means { memory: shared.memory.ram().pages(), disks: &disks };
        Self {
            plan: Plan::new(&orders.workload, lane, means),
            throttle: Throttle::new(Instant::from_nanos(progress.time)),
            looked: shared.clock.now(),
            shared,
            lane,
            progress,
            health: Health::Well,
            heard: 0,
            disks_rest_until: Instant::default(),
            disks: DisksAre::Fine,
            boot: BootIs::UnderWay,
            content: Box::new([0; PAGE]),
            scratch: Box::new([0; PAGE]),
        }
    }

    /// Works until the guest ends.
    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut guest = shared.memory.enter();
        while self.hear(&mut guest) == Life::GoesOn {
            match self.work(&mut guest) {
                Next::More => guest.checkpoint(),
                Next::Wait(time) => guest.outside(|| shared.control.pause(self.heard, time)),
            }
        }
    }

    /// Does what it is told. It runs when this returns.
    fn hear(&mut self, guest: &mut Running<'_>) -> Life {
        while self.heard != self.shared.control.version() {
            let (orders, version) = self.shared.control.orders();
            if orders.life == Life::Ends {
                return Life::Ends;
            }
            if orders.is_held() {
                guest.outside(|| self.shared.control.wait_while_held());
                continue;
            }
            self.shared.control.note_first(|| self.shared.wall());
            if self.progress.heard != orders.news {
                let fresh = Progress::new(self.shared.seed, self.lane.cpu);
                if self.progress.heard.resets != orders.news.resets {
                    (self.health, self.boot) = (Health::Well, BootIs::UnderWay);
                }
                self.progress = self.progress.told(orders.news, fresh);
                self.publish();
                let disks: Vec<_> = self.shared.disks.iter().map(|disk| disk.blocks()).collect();
                let means = Means { memory: self.shared.memory.ram().pages(), disks: &disks };
                self.plan = Plan::new(&orders.workload, self.lane, means);
                self.throttle = Throttle::new(self.now());
                self.disks_rest_until = self.now();
            }
            self.heard = version;
        }
        Life::GoesOn
    }

    /// Works for some microseconds, or says how long to wait.
    fn work(&mut self, guest: &mut Running<'_>) -> Next {
        let now = self.shared.clock.now();
        let passed = now.since(self.looked).min(MOST_AT_ONCE);
        self.looked = now;
        self.progress.time = (self.now() + passed).nanos();
        if let Some(rest) = self.throttle.rest(self.shared.control.throttle(), self.now()) {
            return self.rest(guest, rest);
        }
        if self.health == Health::Broken {
            return Next::Wait(None);
        }
        let before = (self.progress.written, self.progress.disk_written);
        let next = match self.boot {
            BootIs::UnderWay => self.fill(guest),
            BootIs::Over => self.work_on_plan(guest),
        };
        let written = Bytes::new(self.progress.written - before.0);
        let disk_written = Bytes::new(self.progress.disk_written - before.1);
        self.cpu().count(now, written, disk_written);
        self.publish();
        next
    }

    /// Rests, and does not count it as its time.
    fn rest(&mut self, guest: &mut Running<'_>, rest: Duration) -> Next {
        self.publish();
        guest.outside(|| self.shared.control.pause(self.heard, Some(rest)));
        self.looked = self.shared.clock.now();
        Next::More
    }

    /// Gives pages their first content, as an operating system that boots would.
    fn fill(&mut self, guest: &mut Running<'_>) -> Next {
        let mine = self.lane.count(self.shared.fill.get());
        let (orders, _) = self.shared.control.orders();
        let contents = contents_of(&orders.workload);
        for _ in 0..FILLED_AT_ONCE {
            if self.progress.filled >= mine {
                self.boot = BootIs::Over;
                self.publish();
                guest.outside(|| self.shared.end_of_boot());
                break;
            }
            let page = self.lane.page(self.progress.filled);
            if let Step::Wrong(fault) = self.write_page(guest, page, Kind::of(contents, page)) {
                self.report(guest, fault);
                break;
            }
            self.progress.filled += 1;
            self.publish();
            if !self.goes_on(guest) {
                break;
            }
        }
        Next::More
    }

    fn work_on_plan(&mut self, guest: &mut Running<'_>) -> Next {
        let now = self.now();
        // Taken out for the while, so that steps may use the rest.
        let mut plan = std::mem::replace(&mut self.plan, Plan::none());
        let (job, end) = plan.job(Instant::from_nanos(self.progress.began), now);
        let memory = job.memory.due(now, STEP);
        let disk = match job.disk.due(now, STEP) {
            Due::Now(_) | Due::At(_) if self.disks_rest_until > now => {
                Due::At(self.disks_rest_until)
            }
            due => due,
        };
        if let Due::Now(bytes) = memory {
            self.steps(guest, job, bytes, Device::Memory);
        }
        if let Due::Now(bytes) = disk {
            self.steps(guest, job, bytes, Device::Disk);
        }
        self.plan = plan;
        let times = [memory, disk].map(|due| match due {
            Due::Now(_) => Some(now),
            Due::At(at) => Some(at),
            Due::Never => None,
        });
        match times.into_iter().flatten().chain(end).min() {
            None => Next::Wait(None),
            Some(at) if at <= now => Next::More,
            Some(at) => Next::Wait(Some(at.since(now).min(LONGEST_WAIT))),
        }
    }

    /// Does steps until they count `bytes`, or something else has to be done.
    fn steps(&mut self, guest: &mut Running<'_>, job: &mut Job, bytes: Bytes, device: Device) {
        let mut counted = Bytes::ZERO;
        while counted < bytes {
            let step = match device {
                Device::Memory => self.step_in_memory(guest, job),
                Device::Disk => self.step_on_disk(job),
            };
            self.publish();
            match step {
                Step::Did(cost) => counted += cost,
                Step::Wrong(fault) => {
                    self.report(guest, fault);
                    break;
                }
                Step::NotNow => {
                    self.disks_rest_until = self.now() + DISK_PAUSE;
                    break;
                }
            }
            if !self.goes_on(guest) {
                break;
            }
        }
        match device {
            Device::Memory => job.memory.did(counted),
            Device::Disk => job.disk.did(counted),
        }
    }

    /// Stops working, and tells of it while it can be stopped itself.
    fn report(&mut self, guest: &mut Running<'_>, fault: Fault) {
        self.health = Health::Broken;
        self.publish();
        let Fault { disk, index, kind, generation } = &fault;
        let place = disk.as_ref().map_or("page".to_owned(), |disk| format!("{disk} block"));
        let line = format!("fault: {place} {index} is {kind}, written {generation} times");
        guest.outside(|| {
            self.shared.say(&line);
            (self.shared.on_fault)(fault);
        });
    }

    /// Passes a checkpoint; false if there are orders.
    fn goes_on(&self, guest: &mut Running<'_>) -> bool {
        guest.checkpoint();
        self.heard == self.shared.control.version()
    }

    fn owner(&self, place: Place) -> Owner {
        Owner { seed: self.shared.seed, place }
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.progress.time)
    }

    fn publish(&self) {
        self.cpu().progress.set(self.progress);
    }

    fn cpu(&self) -> &Cpu {
        &self.shared.cpus[self.lane.cpu as usize]
    }
}

/// What is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    Memory,
    Disk,
}

/// What `workload` writes: of phases, the first.
fn contents_of(workload: &Workload) -> WorkloadContents {
    let first = match &workload.pattern {
        WorkloadPattern::Phased(options) => {
            options.phases.first().and_then(|phase| phase.workload.contents)
        }
        WorkloadPattern::Idle(_)
        | WorkloadPattern::Sequential(_)
        | WorkloadPattern::Random(_)
        | WorkloadPattern::Hotspot(_)
        | WorkloadPattern::Zipf(_)
        | WorkloadPattern::Disk(_) => workload.contents,
    };
    first.unwrap_or(WorkloadContents::Random)
}

/// A page or block that is wrong.
pub(crate) fn fault(disk: Option<&str>, index: u64, entry: Entry, kind: FaultKind) -> Fault {
    let generation = entry.generation().into();
    Fault { disk: disk.map(str::to_owned), index, kind, generation }
}
