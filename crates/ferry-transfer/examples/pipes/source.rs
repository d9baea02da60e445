//! The threads of the source: one leads, one for each channel sends, one hears.

use std::io::{self, PipeWriter, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, mpsc};
use std::{thread, time::Duration};

use ferry_transfer::wire::Frame;
use ferry_transfer::{
    Channel, DestinationInput, Ending, Grant, Layout, Marked, Sent, Source, SourceInput, Step,
    Switch, Volume, VolumePages, Work,
};
use ferry_units::{Bytes, Instant, PageCount, PageIndex, PageRun, PageSet};

use crate::{Inputs, Memory, Outcome, PAGES, WHOLE, at, lock};

/// What the threads of the source share.
pub(crate) struct Shared {
    pub(crate) source: Mutex<Source>,
    pub(crate) changed: Condvar,
    pub(crate) memory: Memory,
    pub(crate) marks: Vec<AtomicBool>,
    /// Whether the guest runs. It looks before each write, and holds the lock while it writes.
    pub(crate) gate: Mutex<bool>,
    pub(crate) clock: AtomicU64,
}

impl Shared {
    /// Asks the source or tells it something; all who wait ask again.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Source, Instant) -> T) -> T {
        let now = Instant::from_nanos(self.clock.load(Ordering::Relaxed));
        let answer = act(&mut lock(&self.source), now);
        self.changed.notify_all();
        answer
    }

    /// A thread has ended: the migration with it, if it could not go on.
    pub(crate) fn or_lost(&self, outcome: Outcome) {
        if let Err(error) = outcome {
            let lost = SourceInput::Lost(error.to_string());
            self.with(|source, now| source.on(lost, now)).expect("a loss is always expected");
        }
    }

    fn wait(&self) {
        let _any = self.changed.wait_timeout(lock(&self.source), Duration::from_millis(1));
    }

    /// The guest: data first, then the mark.
    pub(crate) fn run_guest(&self) {
        for step in 0_u64.. {
            let gate = lock(&self.gate);
            if !*gate {
                return;
            }
            let page = at(step * step % (64 + step % 1000));
            lock(&self.memory[page])[at(step % 4096)] = step.to_le_bytes()[0] | 1;
            self.marks[page].store(true, Ordering::Release);
            drop(gate);
            thread::yield_now();
        }
    }

    fn marked(&self, runs: &[PageRun], read: impl Fn(&AtomicBool) -> bool) -> PageSet {
        let pages = runs.iter().flat_map(|run| run.pages());
        set(pages.filter(|page| read(&self.marks[at(page.0)])))
    }

    fn harvest(&self, layout: &Layout) -> VolumePages {
        let mut pages = VolumePages::none(layout);
        pages.get_mut(Volume::Memory).expect("there is").insert_all(&self.marked(&[WHOLE], take));
        pages
    }
}

fn set(pages: impl Iterator<Item = PageIndex>) -> PageSet {
    let mut set = PageSet::empty(PAGES);
    pages.for_each(|page| set.insert(page));
    set
}

fn look(mark: &AtomicBool) -> bool {
    mark.load(Ordering::Acquire)
}

fn take(mark: &AtomicBool) -> bool {
    mark.swap(false, Ordering::AcqRel)
}

/// The thread that leads.
pub(crate) fn lead(shared: &Shared, layout: &Layout, control: &Inputs) -> Outcome<Ending> {
    loop {
        let input = match shared.with(Source::poll) {
            Step::Harvest => SourceInput::Harvested(shared.harvest(layout), Duration::ZERO),
            Step::Look => SourceInput::Looked(shared.marked(&[WHOLE], look).count()),
            Step::StopGuest => {
                *lock(&shared.gate) = false;
                SourceInput::Stopped(shared.harvest(layout), Duration::ZERO)
            }
            Step::SendState(_) => {
                control.send(DestinationInput::State(Switch::StopAndCopy))?;
                SourceInput::StateSent(Bytes::ZERO)
            }
            Step::HandOver => {
                shared.with(|source, now| source.on(SourceInput::RunSent, now))?;
                control.send(DestinationInput::Run)?;
                continue;
            }
            Step::End(ending) => return Ok(ending),
            Step::Throttle(_) | Step::Wait(_) => {
                shared.wait();
                continue;
            }
        };
        shared.with(|source, now| source.on(input, now))?;
    }
}

/// A thread that sends.
pub(crate) fn send(shared: &Shared, channel: Channel, mut pipe: PipeWriter) -> Outcome {
    loop {
        match shared.with(|source, now| source.work(channel, now)) {
            Work::Send(grant) => {
                let sent = send_grant(shared, &grant, &mut pipe)?;
                shared.clock.fetch_add(sent.bytes.get(), Ordering::Relaxed);
                shared.with(|source, now| source.sent(channel, &grant, &sent, now));
            }
            Work::Fence { number, pages } => {
                let mut bytes = Vec::new();
                Frame::Fence { number, pages }.encode(&mut bytes);
                pipe.write_all(&bytes)?;
            }
            Work::Probe { number, pages } => {
                let mut bytes = Vec::new();
                Frame::Probe { number, pages }.encode(&mut bytes);
                pipe.write_all(&bytes)?;
            }
            Work::Wait(_) => shared.wait(),
            Work::End => return Ok(()),
        }
    }
}

/// Marks first, pages second: what is written in between crosses again.
fn send_grant(shared: &Shared, grant: &Grant, pipe: &mut PipeWriter) -> io::Result<Sent> {
    let hot = match grant.marked {
        Marked::Later => shared.marked(&grant.runs, look),
        Marked::Taken => {
            shared.marked(&grant.runs, take);
            set([].into_iter())
        }
        Marked::None => set([].into_iter()),
    };
    let pages = grant.runs.iter().flat_map(|run| run.pages());
    let pages = set(pages.filter(|page| !hot.contains(*page)));
    let later = hot.runs().collect();
    let mut bytes = Vec::new();
    if !pages.is_empty() {
        Frame::Pages(grant.volume, pages.runs().collect()).encode(&mut bytes);
    }
    for page in pages.runs().flat_map(PageRun::pages) {
        bytes.extend_from_slice(&*lock(&shared.memory[at(page.0)]));
    }
    pipe.write_all(&bytes)?;
    let sent = Bytes::new(bytes.len() as u64);
    Ok(Sent { pages: pages.count(), zeros: PageCount(0), bytes: sent, later })
}

/// The thread that hears the destination: that it is ready, and that the guest runs there.
pub(crate) fn hear(shared: &Shared, answers: mpsc::Receiver<SourceInput>) -> Outcome {
    for answer in answers {
        let is_last = answer == SourceInput::Resumed;
        shared.with(|source, now| source.on(answer, now))?;
        if is_last {
            break;
        }
    }
    Ok(())
}
