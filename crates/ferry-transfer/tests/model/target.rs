//! The threads around a destination.

use std::collections::{BTreeSet, VecDeque};

use ferry_transfer::wire::{Envelope, Header, RunTable, SourceMessage, StateFor, TargetMessage};
use ferry_transfer::{
    Channel, Destination, DestinationInput, DestinationPhase, Effect, Layout, Receiver, Switch,
    Volume,
};
use ferry_units::{PageIndex, PageRun, PageSet};

use super::guest::{CONTENT, Guest, Motion};
use super::pipe::{Got, Link, Pipe};

enum At {
    Header,
    Table(Content, Volume, PageRun, u16),
    Pages(Volume, VecDeque<PageIndex>),
}

#[derive(Clone, Copy)]
enum Content {
    Follows,
    Zero,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Over whatever is there.
    Anywhere,
    /// Where memory is missing, and only there.
    Missing,
}

struct Reader {
    receiver: Receiver,
    at: At,
    place: Place,
}

/// A destination, with the guest it holds.
pub(crate) struct TargetShell {
    pub(crate) destination: Destination,
    layout: Layout,
    readers: Vec<Reader>,
    urgent: Reader,
    envelope: Option<Envelope>,
    load: Option<Switch>,
    pub(crate) pages: Vec<Vec<u64>>,
    /// What each page is, once the guest runs here.
    pub(crate) expected: Vec<Vec<u64>>,
    missing: PageSet,
    requested: BTreeSet<u64>,
    pub(crate) motion: Motion,
}

impl TargetShell {
    pub(crate) fn new(layout: &Layout) -> Self {
        let mut destination = Destination::new(layout);
        destination.on(DestinationInput::Connected).unwrap();
        let zeros = |volume| (0..layout.pages(volume).0).map(|_| 0).collect();
        let pages: Vec<Vec<u64>> = layout.volumes().map(zeros).collect();
        let (readers, urgent) = readers(layout, Place::Anywhere);
        Self {
            destination,
            layout: layout.clone(),
            readers,
            urgent,
            envelope: None,
            load: None,
            expected: pages.clone(),
            pages,
            missing: PageSet::empty(layout.memory()),
            requested: BTreeSet::new(),
            motion: Motion::Still,
        }
    }

    /// The old threads have ended, and there are new connections.
    pub(crate) fn renew(&mut self, link: &mut Link, source: &Guest) {
        (self.readers, self.urgent) = readers(&self.layout, Place::Missing);
        (self.envelope, self.requested) = (None, BTreeSet::new());
        self.tell(DestinationInput::Recovered, link, source);
    }

    fn tell(&mut self, input: DestinationInput, link: &mut Link, source: &Guest) {
        let effect = self.destination.on(input).unwrap();
        match effect {
            Effect::None => {}
            Effect::Load(switch) => self.load = Some(switch),
            Effect::SayReady => say(&TargetMessage::Ready, link),
            Effect::Run(switch) => {
                self.run(switch, source);
                say(&TargetMessage::Resumed { at: 1 }, link);
                self.look_whether_all_is_here(link, source);
            }
            // The source closes the connections when it has read this: if the destination did, another
            // thread of the source could see the end before the last word is read.
            Effect::SayComplete => say(&TargetMessage::Complete, link),
            Effect::Pause | Effect::Fail => link.close_target(),
            Effect::SayMissing => {
                say(&TargetMessage::Missing(self.missing.clone()), link);
                self.look_whether_all_is_here(link, source);
            }
        }
    }

    fn look_whether_all_is_here(&mut self, link: &mut Link, source: &Guest) {
        let runs = matches!(self.destination.phase(), DestinationPhase::Running(_));
        if runs && self.missing.is_empty() {
            self.tell(DestinationInput::AllHere, link, source);
        }
    }

    /// The guest runs: what is here is what the source's guest had when it stopped.
    fn run(&mut self, switch: Switch, source: &Guest) {
        assert_eq!(source.motion, Motion::Still);
        assert!(switch == Switch::PostCopy || self.missing.is_empty());
        self.expected.clone_from(&source.pages);
        self.motion = Motion::Runs;
        self.check_content();
    }

    pub(crate) fn check_content(&self) {
        for (ordinal, (mine, expected)) in self.pages.iter().zip(&self.expected).enumerate() {
            for (page, (mine, expected)) in (0..).zip(mine.iter().zip(expected)) {
                let lacks = ordinal == 0 && self.missing.contains(PageIndex(page));
                assert!(lacks || mine == expected, "page {page} of volume {ordinal}");
            }
        }
    }

    /// The guest here touches a page of memory, and perhaps writes to it.
    pub(crate) fn touch(&mut self, page: PageIndex, write: Option<u64>, link: &mut Link) {
        if self.motion == Motion::Still {
            return;
        }
        if self.missing.contains(page) {
            if self.requested.insert(page.0) {
                let _gone = link.requests.write(&page.0.to_le_bytes());
            }
            return;
        }
        let at = usize::try_from(page.0).unwrap();
        assert_eq!(self.pages[0][at], self.expected[0][at], "{page}");
        if let Some(value) = write {
            (self.pages[0][at], self.expected[0][at]) = (value, value);
        }
    }

    /// The thread that puts the guest together.
    pub(crate) fn load(&mut self, link: &mut Link, source: &Guest) {
        if self.load.take().is_some() && self.destination.phase() == DestinationPhase::Loaded {
            self.tell(DestinationInput::Loaded, link, source);
        }
    }

    /// The thread that hears the source.
    pub(crate) fn hear(&mut self, link: &mut Link, source: &Guest) {
        let memory = self.layout.memory();
        let length = self.envelope.map_or(Envelope::LENGTH, Envelope::length);
        let bytes = match link.to_target.read(length, source) {
            Got::Bytes(bytes) => bytes,
            Got::NotYet => return,
            Got::Ended => return self.tell(DestinationInput::Lost, link, source),
        };
        let Some(envelope) = self.envelope.take() else {
            let bytes = bytes.try_into().unwrap();
            self.envelope = Some(Envelope::from_source(bytes, memory, 128).unwrap());
            return;
        };
        let input = match SourceMessage::decode(envelope, &bytes, memory).unwrap() {
            SourceMessage::State { switch: StateFor::StopAndCopy, .. } => {
                DestinationInput::State(Switch::StopAndCopy)
            }
            SourceMessage::State { switch: StateFor::PostCopy(missing), .. } => {
                self.missing = missing;
                DestinationInput::State(Switch::PostCopy)
            }
            SourceMessage::Run => DestinationInput::Run,
            SourceMessage::Abort(_) => DestinationInput::Lost,
            SourceMessage::Offer(_) | SourceMessage::Ping(_) => return,
        };
        self.tell(input, link, source);
    }

    /// The thread that reads a data connection.
    pub(crate) fn receive(&mut self, channel: Channel, link: &mut Link, source: &Guest) {
        let number = usize::from(channel.0);
        let reader = &mut self.readers[number];
        let memory = Memory { pages: &mut self.pages, missing: &mut self.missing };
        match reader.step(&mut link.data[number], source, memory) {
            Read::Something => self.look_whether_all_is_here(link, source),
            Read::Fence => self.tell(DestinationInput::Fenced(channel), link, source),
            Read::Probe(number) => say(&TargetMessage::Echo(channel, number), link),
            Read::Nothing => {}
            Read::Ended => self.tell(DestinationInput::Lost, link, source),
        }
    }

    /// The thread that reads the urgent connection.
    pub(crate) fn receive_urgent(&mut self, link: &mut Link, source: &Guest) {
        let memory = Memory { pages: &mut self.pages, missing: &mut self.missing };
        match self.urgent.step(&mut link.urgent, source, memory) {
            Read::Something => self.look_whether_all_is_here(link, source),
            Read::Fence | Read::Probe(_) => unreachable!("there is neither among urgent pages"),
            Read::Nothing => {}
            Read::Ended => self.tell(DestinationInput::Lost, link, source),
        }
    }
}

fn readers(layout: &Layout, place: Place) -> (Vec<Reader>, Reader) {
    let reader = |channel| {
        let mut receiver = Receiver::new(layout.clone(), channel);
        if place == Place::Missing {
            receiver.guest_runs();
        }
        Reader { receiver, at: At::Header, place }
    };
    let urgent = Receiver::urgent(layout.clone());
    let urgent = Reader { receiver: urgent, at: At::Header, place: Place::Missing };
    (layout.channels().map(reader).collect(), urgent)
}

fn say(message: &TargetMessage, link: &mut Link) {
    // If it is gone, a reader will hear of it.
    let _gone = link.to_source.write(&message.encode());
}

struct Memory<'a> {
    pages: &'a mut Vec<Vec<u64>>,
    missing: &'a mut PageSet,
}

enum Read {
    Something,
    Fence,
    Probe(u16),
    Nothing,
    Ended,
}

impl Reader {
    fn step(&mut self, pipe: &mut Pipe, source: &Guest, mut memory: Memory<'_>) -> Read {
        let count = match &self.at {
            At::Header => Header::LENGTH,
            At::Table(_, _, _, more) => usize::from(*more) * RunTable::ENTRY,
            At::Pages(..) => CONTENT,
        };
        let bytes = match pipe.read(count, source) {
            Got::Bytes(bytes) => bytes,
            Got::NotYet => return Read::Nothing,
            Got::Ended => return Read::Ended,
        };
        match std::mem::replace(&mut self.at, At::Header) {
            At::Header => match Header::decode(&bytes.try_into().unwrap()).unwrap() {
                Header::Pages { volume, first, more } => {
                    self.at = At::Table(Content::Follows, volume, first, more);
                }
                Header::Zeros { volume, first, more } => {
                    self.at = At::Table(Content::Zero, volume, first, more);
                }
                Header::Probe { number, pages } => {
                    self.receiver.fence(pages).unwrap();
                    return Read::Probe(number);
                }
                Header::Fence { number, pages } => {
                    assert_eq!(number, 1);
                    self.receiver.fence(pages).unwrap();
                    self.receiver.guest_runs();
                    self.place = Place::Missing;
                    return Read::Fence;
                }
            },
            At::Table(content, volume, first, _) => {
                let runs = RunTable::decode(first, &bytes).unwrap();
                self.receiver.frame(volume, &runs).unwrap();
                let pages: VecDeque<_> = runs.iter().flat_map(|run| run.pages()).collect();
                match content {
                    Content::Follows => self.at = At::Pages(volume, pages),
                    Content::Zero => {
                        for page in pages {
                            memory.place(volume, page, 0, self.place);
                        }
                    }
                }
            }
            At::Pages(volume, mut pages) => {
                let value = u64::from_le_bytes(bytes.try_into().unwrap());
                let page = pages.pop_front().unwrap();
                memory.place(volume, page, value, self.place);
                if !pages.is_empty() {
                    self.at = At::Pages(volume, pages);
                }
            }
        }
        Read::Something
    }
}

impl Memory<'_> {
    fn place(&mut self, volume: Volume, page: PageIndex, value: u64, place: Place) {
        if place == Place::Missing {
            assert!(self.missing.contains(page), "{page} has crossed twice");
            self.missing.remove_run(PageRun::one(page));
        }
        self.pages[volume.ordinal()][usize::try_from(page.0).unwrap()] = value;
    }
}
