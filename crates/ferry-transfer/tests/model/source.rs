//! The threads around a source, each of which does one small step at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use ferry_transfer::wire::{Envelope, Frame, SourceMessage, StateFor, TargetMessage};
use ferry_transfer::{
    Channel, Ending, Grant, Marked, Sent, Source, SourceInput, SourcePhase, Step, Volume,
    VolumePages, Work,
};
use ferry_units::{Bytes, Instant, PageCount, PageIndex, PageRun};

use super::guest::{CONTENT, Guest, Motion};
use super::pipe::{Broken, Got, Link, Pipe};

/// Runs of so many pages are read when they are delivered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LateFrom(pub(crate) u64);

enum Worker {
    Idle,
    Granted(Grant),
    Chosen(Grant, Vec<PageRun>, Vec<PageRun>),
    Written(Grant, Sent),
}

enum Leader {
    Begin,
    Idle,
    /// Until the destination has said what it lacks.
    Recovers,
    /// Takes marks, volume by volume; the last ones or not.
    Taking(VolumePages, usize, Taking),
    StateSent(u64),
}

#[derive(Clone, Copy)]
enum Taking {
    Between,
    Last,
}

pub(crate) struct SourceShell {
    pub(crate) source: Source,
    pub(crate) guest: Guest,
    pub(crate) ended: Option<Ending>,
    late: LateFrom,
    leader: Leader,
    workers: Vec<Worker>,
    urgent: Worker,
    envelope: Option<Envelope>,
    /// In which pass a page was last sent.
    passes: BTreeMap<(Volume, u64), u64>,
    /// Pages that were named in frames.
    named: u64,
}

impl SourceShell {
    pub(crate) fn new(source: Source, guest: Guest, late: LateFrom) -> Self {
        let workers = source.layout().channels().map(|_| Worker::Idle).collect();
        Self {
            source,
            guest,
            ended: None,
            late,
            leader: Leader::Begin,
            workers,
            urgent: Worker::Idle,
            envelope: None,
            passes: BTreeMap::new(),
            named: 0,
        }
    }

    /// The old threads have ended, and there are new connections.
    pub(crate) fn renew(&mut self) {
        self.workers.iter_mut().for_each(|worker| *worker = Worker::Idle);
        (self.urgent, self.envelope, self.ended) = (Worker::Idle, None, None);
        self.leader = Leader::Recovers;
    }

    fn lost(&mut self, now: Instant) {
        self.source.on(SourceInput::Lost("cut".to_owned()), now).unwrap();
        if let Leader::Recovers = self.leader {
            self.leader = Leader::Idle;
        }
    }

    pub(crate) fn lead(&mut self, link: &mut Link, now: Instant) {
        match std::mem::replace(&mut self.leader, Leader::Idle) {
            Leader::Begin => {
                let pages = self.guest.begin(self.source.layout());
                self.source.on(SourceInput::Begun(pages, Bytes::new(100)), now).unwrap();
            }
            Leader::Taking(mut taken, next, which) => {
                let Some(volume) = self.source.layout().volumes().nth(next) else {
                    let took = Duration::from_micros(50);
                    let answer = match which {
                        Taking::Between => SourceInput::Harvested(taken, took),
                        Taking::Last => SourceInput::Stopped(taken, took),
                    };
                    return self.source.on(answer, now).unwrap();
                };
                let whole = PageRun::new(PageIndex(0), self.source.layout().pages(volume));
                for run in self.guest.take(volume, whole) {
                    taken.insert_run(volume, run);
                }
                self.leader = Leader::Taking(taken, next + 1, which);
            }
            Leader::StateSent(bytes) => {
                self.source.on(SourceInput::StateSent(Bytes::new(bytes)), now).unwrap();
            }
            Leader::Recovers if self.source.phase() == SourcePhase::Paused => {
                self.leader = Leader::Recovers;
            }
            Leader::Recovers | Leader::Idle => self.step(link, now),
        }
    }

    fn step(&mut self, link: &mut Link, now: Instant) {
        let none = VolumePages::none(self.source.layout());
        match self.source.poll(now) {
            Step::Harvest => self.leader = Leader::Taking(none, 0, Taking::Between),
            Step::Look => {
                self.source.on(SourceInput::Looked(self.guest.marks()), now).unwrap();
            }
            Step::StopGuest => {
                self.guest.stop();
                self.leader = Leader::Taking(none, 0, Taking::Last);
            }
            Step::SendState(missing) => {
                let switch = missing.map_or(StateFor::StopAndCopy, StateFor::PostCopy);
                let state = SourceMessage::State { switch, runs: true, state: vec![7; 90] };
                let bytes = state.encode();
                if link.to_target.write(&bytes).is_err() {
                    return self.lost(now);
                }
                self.leader = Leader::StateSent(bytes.len() as u64);
            }
            Step::HandOver => {
                self.source.on(SourceInput::RunSent, now).unwrap();
                if link.to_target.write(&SourceMessage::Run.encode()).is_err() {
                    self.lost(now);
                }
            }
            Step::End(ending) => self.end(ending, link),
            Step::Throttle(_) | Step::Wait(_) => {}
        }
    }

    fn end(&mut self, ending: Ending, link: &mut Link) {
        if self.ended.as_ref() == Some(&ending) {
            return;
        }
        match &ending {
            Ending::Cancelled | Ending::Failed(_) => {
                let _gone = link.to_target.write(&SourceMessage::Abort(String::new()).encode());
                self.guest.motion = Motion::Runs;
            }
            Ending::Completed | Ending::Paused(_) | Ending::InDoubt(_) => {
                assert_eq!(self.guest.motion, Motion::Still);
            }
        }
        link.close_source();
        self.ended = Some(ending);
    }

    pub(crate) fn work(&mut self, channel: Channel, link: &mut Link, now: Instant) {
        let number = usize::from(channel.0);
        let pipe = &mut link.data[number];
        let worker = std::mem::replace(&mut self.workers[number], Worker::Idle);
        let next = match worker {
            Worker::Idle => match self.source.work(channel, now) {
                Work::Send(grant) => Ok(Worker::Granted(grant)),
                Work::Fence { number, pages } => {
                    let mut bytes = Vec::new();
                    Frame::Fence { number, pages }.encode(&mut bytes);
                    pipe.write(&bytes).map(|()| Worker::Idle)
                }
                Work::Probe { number, pages } => {
                    let mut bytes = Vec::new();
                    Frame::Probe { number, pages }.encode(&mut bytes);
                    pipe.write(&bytes).map(|()| Worker::Idle)
                }
                Work::Wait(_) | Work::End => Ok(Worker::Idle),
            },
            Worker::Granted(grant) => Ok(self.choose(grant)),
            Worker::Chosen(grant, runs, later) => {
                self.note_pass(&grant, &runs);
                self.write(&grant, &runs, later, pipe).map(|sent| Worker::Written(grant, sent))
            }
            Worker::Written(grant, sent) => {
                self.source.sent(channel, &grant, &sent, now);
                Ok(Worker::Idle)
            }
        };
        match next {
            Ok(next) => self.workers[number] = next,
            Err(Broken) => self.lost(now),
        }
    }

    /// What to send of a grant: marks first.
    fn choose(&mut self, grant: Grant) -> Worker {
        let volume = grant.volume;
        let (mut runs, mut later) = (grant.runs.clone(), Vec::new());
        match grant.marked {
            Marked::Later => {
                let marked: Vec<_> =
                    grant.runs.iter().flat_map(|run| self.guest.marked(volume, *run)).collect();
                let is_marked = |page| marked.iter().any(|run| run.contains(page));
                let pages = runs.iter().flat_map(|run| run.pages());
                runs = pages.filter(|page| !is_marked(*page)).map(PageRun::one).collect();
                runs = joined(&runs);
                later = marked;
            }
            Marked::Taken => {
                for run in &runs {
                    self.guest.take(volume, *run);
                }
            }
            // Unless it was given up while this thread was at it.
            Marked::None => assert!(self.guest.motion == Motion::Still || self.ended.is_some()),
        }
        Worker::Chosen(grant, runs, later)
    }

    /// No page crosses twice within a pass.
    fn note_pass(&mut self, grant: &Grant, runs: &[PageRun]) {
        if grant.marked == Marked::None {
            return;
        }
        let pass = self.source.stats().pass;
        for page in runs.iter().flat_map(|run| run.pages()) {
            let last = self.passes.insert((grant.volume, page.0), pass);
            assert!(last.is_none_or(|last| last < pass), "{page:?} twice in pass {pass}");
        }
    }

    fn write(
        &mut self,
        grant: &Grant,
        runs: &[PageRun],
        later: Vec<PageRun>,
        pipe: &mut Pipe,
    ) -> Result<Sent, Broken> {
        let volume = grant.volume;
        let pages: Vec<_> = runs.iter().flat_map(|run| run.pages()).collect();
        let (zeros, full): (Vec<_>, Vec<_>) =
            pages.iter().partition(|page| self.guest.content(volume, **page) == 0);
        let runs_of = |pages: &[PageIndex]| {
            joined(&pages.iter().copied().map(PageRun::one).collect::<Vec<_>>())
        };
        let (zero_runs, full_runs) = (runs_of(&zeros), runs_of(&full));
        let mut bytes = Vec::new();
        if !zero_runs.is_empty() {
            Frame::Zeros(volume, zero_runs).encode(&mut bytes);
        }
        if !full_runs.is_empty() {
            Frame::Pages(volume, full_runs.clone()).encode(&mut bytes);
        }
        pipe.write(&bytes)?;
        for run in full_runs {
            for page in run.pages() {
                if run.count().0 >= self.late.0 {
                    pipe.write_late(volume, page)?;
                } else {
                    pipe.write(&self.guest.content(volume, page).to_le_bytes())?;
                }
            }
        }
        let (pages, zeros) = (PageCount(full.len() as u64), PageCount(zeros.len() as u64));
        self.named += pages.0 + zeros.0;
        let sent = Bytes::new(bytes.len() as u64 + pages.0 * 4096);
        Ok(Sent { pages, zeros, bytes: sent, later })
    }

    /// The thread that answers requests.
    pub(crate) fn answer(&mut self, link: &mut Link, now: Instant) {
        match std::mem::replace(&mut self.urgent, Worker::Idle) {
            Worker::Idle => match link.requests.read(CONTENT, &self.guest) {
                Got::Bytes(bytes) => {
                    let page = PageIndex(u64::from_le_bytes(bytes.try_into().unwrap()));
                    if let Some(grant) = self.source.request(page) {
                        self.urgent = Worker::Granted(grant);
                        assert_eq!(self.source.request(page), None);
                    }
                }
                Got::NotYet => {}
                Got::Ended => self.lost(now),
            },
            Worker::Granted(grant) => {
                match self.write(&grant, &grant.runs, Vec::new(), &mut link.urgent) {
                    Ok(sent) => self.urgent = Worker::Written(grant, sent),
                    Err(Broken) => self.lost(now),
                }
            }
            Worker::Written(grant, sent) => self.source.sent_urgent(&grant, &sent, now),
            Worker::Chosen(..) => unreachable!("an urgent grant is sent whole"),
        }
    }

    /// The thread that hears the destination.
    pub(crate) fn hear(&mut self, link: &mut Link, now: Instant) {
        let memory = self.source.layout().memory();
        let length = self.envelope.map_or(Envelope::LENGTH, Envelope::length);
        let bytes = match link.to_source.read(length, &self.guest) {
            Got::Bytes(bytes) => bytes,
            Got::NotYet => return,
            Got::Ended => return self.lost(now),
        };
        let Some(envelope) = self.envelope.take() else {
            let bytes = bytes.try_into().unwrap();
            self.envelope = Some(Envelope::from_target(bytes, memory).unwrap());
            return;
        };
        let input = match TargetMessage::decode(envelope, &bytes, memory).unwrap() {
            TargetMessage::Ready => SourceInput::Ready,
            TargetMessage::Resumed { .. } => SourceInput::Resumed,
            TargetMessage::Complete => SourceInput::Complete,
            TargetMessage::Missing(missing) => SourceInput::Recovered(missing),
            TargetMessage::Pong(_) => SourceInput::RoundTrip(Duration::from_micros(30)),
            TargetMessage::Echo(channel, number) => SourceInput::Echoed(channel, number),
            TargetMessage::Accept => return,
            TargetMessage::Refuse(why) => SourceInput::Lost(why),
        };
        self.source.on(input, now).unwrap();
    }

    /// Everything that was written is in the statistics once all threads are idle.
    pub(crate) fn check_counts(&self) {
        let idle = |worker: &Worker| matches!(worker, Worker::Idle);
        if self.workers.iter().all(idle) && idle(&self.urgent) {
            let stats = self.source.stats();
            assert!(stats.pages.0 + stats.zero_pages.0 <= self.named);
        }
    }
}

fn joined(runs: &[PageRun]) -> Vec<PageRun> {
    let mut joined: Vec<PageRun> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if last.end() == run.first() => {
                *last = PageRun::of(last.first().0..run.end().0);
            }
            Some(_) | None => joined.push(*run),
        }
    }
    joined
}
