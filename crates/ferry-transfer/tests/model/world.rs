//! Both sides of a migration, what connects them, and what must hold whatever happens.

use std::time::Duration;

use ferry_transfer::wire::{Envelope, SourceMessage};
use ferry_transfer::{
    Channel, DestinationPhase, Ending, Hardware, Layout, Source, SourceInput, SourcePhase, Step,
    Volume,
};
use ferry_units::{Bytes, Instant, PageCount, PageIndex, PageSize};

use super::actions::{Action, Start};
use super::guest::{Guest, Motion};
use super::pipe::Link;
use super::source::SourceShell;
use super::target::TargetShell;

/// Steps of everybody within which a migration ends that nobody disturbs any more.
const ENOUGH: u32 = 5_000;

pub(crate) struct World {
    pub(crate) source: SourceShell,
    pub(crate) target: TargetShell,
    link: Link,
    layout: Layout,
    now: Instant,
    /// Whether the guest has run at the destination.
    has_left: bool,
}

impl World {
    pub(crate) fn new(start: &Start) -> Self {
        let layout = agreed(start);
        let zeros = start.zeros;
        let fill = |volume: Volume, page: u64| {
            let is_zero = (page / 3).is_multiple_of(zeros);
            if is_zero { 0 } else { page << 8 | volume.ordinal() as u64 | 0x80 }
        };
        let guest = Guest::new(&layout, fill);
        Self::with(start, guest)
    }

    pub(crate) fn with(start: &Start, guest: Guest) -> Self {
        let layout = agreed(start);
        let now = Instant::from_nanos(1_000_000_000);
        let source = Source::new(layout.clone(), start.settings.clone(), now);
        Self {
            source: SourceShell::new(source, guest, start.late),
            target: TargetShell::new(&layout),
            link: Link::new(layout.channel_count()),
            layout,
            now,
            has_left: false,
        }
    }

    pub(crate) fn act(&mut self, action: Action) {
        let now = self.now;
        let channels = self.layout.channel_count();
        let channel =
            |index: proptest::sample::Index| Channel(u8::try_from(index.index(channels)).unwrap());
        match action {
            Action::Write { hot, page, value } => self.write(hot, page, value),
            Action::Touch { page, value } => {
                let page = page.index(usize::try_from(self.layout.memory().0).unwrap());
                self.target.touch(PageIndex(page as u64), value, &mut self.link);
            }
            Action::Work(index) => self.work(channel(index)),
            Action::Lead => self.lead(),
            Action::Answer => self.answer(),
            Action::HearAtSource => self.hear_at_source(),
            Action::HearAtTarget => self.target.hear(&mut self.link, &self.source.guest),
            Action::Receive(index) => self.receive(channel(index)),
            Action::ReceiveUrgent => {
                self.target.receive_urgent(&mut self.link, &self.source.guest);
            }
            Action::Load => self.target.load(&mut self.link, &self.source.guest),
            Action::Wait(time) => self.now = now + time,
            Action::All(rounds) => (0..rounds).for_each(|_| self.round()),
            Action::StartPostCopy => {
                // It is refused where it was not agreed on.
                let _refused = self.source.source.on(SourceInput::StartPostCopy, now);
            }
            Action::Continue => self.go_on(),
            Action::Cancel => {
                let cancelled = self.source.source.cancel(now);
                assert_eq!(cancelled.is_err(), self.is_handed(), "{:?}", self.phase());
            }
            Action::Settings(settings) => self.source.source.set_settings(settings, now),
            Action::Cut(which, keep) => self.cut(which, keep),
            Action::Recover => self.recover(),
        }
        self.check();
    }

    pub(crate) fn phase(&self) -> SourcePhase {
        self.source.source.phase()
    }

    /// Whether it is too late to cancel. Who has ended may have ended either way.
    fn is_handed(&self) -> bool {
        match self.phase() {
            SourcePhase::Setup
            | SourcePhase::PreCopy
            | SourcePhase::BeforeSwitchover
            | SourcePhase::Switchover(_) => false,
            SourcePhase::Handed(_) | SourcePhase::PostCopy | SourcePhase::Paused => true,
            SourcePhase::Ended => self.has_left || !self.takes_guest_back(),
        }
    }

    fn takes_guest_back(&self) -> bool {
        let mut source = self.source.source.clone();
        // The first answer may be to let the vCPUs go.
        let steps = [source.poll(self.now), source.poll(self.now)];
        matches!(steps[1], Step::End(Ending::Cancelled | Ending::Failed(_)))
    }

    /// What must hold at any time.
    fn check(&mut self) {
        self.has_left |= self.target.motion == Motion::Runs;
        if self.has_left {
            assert_eq!(self.source.guest.motion, Motion::Still, "two guests run");
        }
        self.source.check_counts();
    }

    fn write(&mut self, hot: bool, page: proptest::sample::Index, value: u64) {
        let pages = |volume| (volume, self.layout.pages(volume).0);
        let volumes: Vec<_> = self.layout.volumes().map(pages).collect();
        let all: u64 = volumes.iter().map(|(_, pages)| pages).sum();
        let mut at =
            page.index(usize::try_from(if hot { 20.min(all) } else { all }).unwrap()) as u64;
        for (volume, pages) in volumes {
            if at < pages {
                return self.source.guest.write(volume, PageIndex(at), value);
            }
            at -= pages;
        }
    }

    fn work(&mut self, channel: Channel) {
        self.source.work(channel, &mut self.link, self.now);
    }

    fn lead(&mut self) {
        self.source.lead(&mut self.link, self.now);
    }

    fn answer(&mut self) {
        self.source.answer(&mut self.link, self.now);
    }

    fn hear_at_source(&mut self) {
        self.source.hear(&mut self.link, self.now);
    }

    fn receive(&mut self, channel: Channel) {
        self.target.receive(channel, &mut self.link, &self.source.guest);
    }

    fn go_on(&mut self) {
        if self.phase() == SourcePhase::BeforeSwitchover {
            self.source.source.on(SourceInput::Continue, self.now).unwrap();
        }
    }

    fn cut(&mut self, which: Option<proptest::sample::Index>, keep: usize) {
        let mut pipes = self.link.pipes();
        match which {
            Some(which) => {
                let which = which.index(pipes.len());
                pipes[which].cut(keep);
            }
            None => pipes.into_iter().for_each(|pipe| pipe.cut(keep)),
        }
    }

    /// New connections, if both sides wait for them.
    pub(crate) fn recover(&mut self) {
        let target = match self.target.destination.phase() {
            DestinationPhase::Paused => true,
            DestinationPhase::Completed => self.phase() == SourcePhase::Paused,
            _not_running_or_not_lost => false,
        };
        if target && matches!(self.source.ended, Some(Ending::Paused(_))) {
            self.link = Link::new(self.layout.channel_count());
            self.source.renew();
            self.target.renew(&mut self.link, &self.source.guest);
        }
    }

    /// Everybody does a step, and time passes.
    fn round(&mut self) {
        self.now = self.now + Duration::from_millis(2);
        self.lead();
        self.check();
        for channel in self.layout.clone().channels() {
            self.work(channel);
            for _each_work_is_many_pages in 0..4 {
                self.receive(channel);
                self.check();
            }
        }
        self.answer();
        self.target.receive_urgent(&mut self.link, &self.source.guest);
        self.target.hear(&mut self.link, &self.source.guest);
        self.target.load(&mut self.link, &self.source.guest);
        self.check();
        self.hear_at_source();
        self.check();
    }

    /// Nothing disturbs it any more: it ends.
    pub(crate) fn settle(&mut self) -> Ending {
        for _round in 0..ENOUGH {
            self.round();
            self.go_on();
            self.recover();
            if let Some(ending) = self.settled() {
                return ending;
            }
        }
        panic!("it goes on for ever: {:?}, {:?}", self.phase(), self.target.destination.phase());
    }

    fn settled(&self) -> Option<Ending> {
        let target = self.target.destination.phase();
        let is_over = match (self.source.ended.as_ref()?, target) {
            (Ending::Completed | Ending::InDoubt(_), DestinationPhase::Completed)
            // For `Paused`: the word to run got lost, so nobody runs and nothing can be recovered.
            | (
                Ending::Cancelled | Ending::Failed(_) | Ending::InDoubt(_) | Ending::Paused(_),
                DestinationPhase::Failed,
            ) => true,
            _not_yet => false,
        };
        is_over.then(|| self.source.ended.clone()).flatten()
    }
}

/// What both sides agree on, by the words that they say on the wire.
fn agreed(start: &Start) -> Layout {
    let size = |pages: u64| PageCount(pages).bytes(PageSize::KIB_4);
    let disk = |(number, pages): (usize, &u64)| ferry_transfer::wire::DiskOffer {
        id: format!("disk{number}"),
        size: if *pages == 0 { Bytes::from_mib(1) } else { size(*pages) },
        shared: *pages == 0,
    };
    let hardware = Hardware {
        uuid: "8f0d".to_owned(),
        memory: size(start.memory),
        cpus: 2,
        disks: start.disks.iter().enumerate().map(disk).collect(),
    };
    let offer = SourceMessage::Offer(hardware.offer(start.channels, true)).encode();
    let (envelope, message) = offer.split_at(Envelope::LENGTH);
    let memory = PageCount(start.memory);
    let envelope = Envelope::from_source(envelope.try_into().unwrap(), memory, 0).unwrap();
    let SourceMessage::Offer(offer) = SourceMessage::decode(envelope, message, memory).unwrap()
    else {
        panic!("it was an offer");
    };
    hardware.compare(&offer).unwrap()
}
