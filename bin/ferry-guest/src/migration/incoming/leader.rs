//! The thread that leads a migration that is awaited.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use ferry_memory::{Arrivals, GuestMemory, MemoryError, Stopped};
use ferry_qmp::rules::Side;
use ferry_qmp::words::MigrationStatus;
use ferry_transfer::wire::{Offer, Purpose, SessionId, SourceMessage, StateFor, TargetMessage};
use ferry_transfer::{
    Destination, DestinationInput, DestinationPhase, Effect, Hardware, Layout, Receiver, Switch,
};
use ferry_units::PageSet;
use thiserror::Error;

use super::gather::{self, Expected, Links};
use super::news::{Line, News};
use super::receiver::{Common, Lane};
use super::{Incoming, heard};
use crate::link::{Connection, LinkError, Listener};
use crate::machine::{DiskKind, Machine, MachineConfig, MachineError};
use crate::migration::threads::spawn;
use crate::run::Arriving;

/// Why an incoming guest is given up.
#[derive(Debug, Error)]
enum ArriveError {
    #[error("{0}")]
    Lost(String),
    #[error("the source has given up: {0}")]
    Abandoned(String),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Transfer(#[from] ferry_transfer::TransferError),
    #[error(transparent)]
    Memory(#[from] MemoryError),
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    #[error("its memory is in use still")]
    InUse,
}

/// Leads a migration that is awaited.
pub(super) struct Leader {
    pub(super) incoming: Arc<Incoming>,
    pub(super) hardware: Hardware,
    pub(super) common: Arc<Common>,
    pub(super) news: mpsc::Receiver<News>,
    /// Taken when the guest is put together.
    pub(super) config: Option<MachineConfig>,
}

/// A migration that was accepted.
struct Accepted {
    session: SessionId,
    layout: Layout,
    links: Links,
    threads: Vec<JoinHandle<()>>,
    destination: Destination,
    state: Option<State>,
    guest: Option<Guest>,
    arrivals: Option<Arc<Arrivals>>,
}

/// The state of a guest's devices.
struct State {
    missing: Option<PageSet>,
    runs: Arriving,
    bytes: Vec<u8>,
}

/// A guest that is put together and stands still.
struct Guest {
    machine: Machine,
    stopped: Stopped,
    runs: Arriving,
}

impl Leader {
    /// Leads it from the first connection to the end.
    pub(super) fn lead(mut self, listener: &Listener) {
        let accepted = self.accept();
        listener.close();
        match accepted {
            Ok(mut accepted) => {
                self.incoming.board.advance(Side::Destination, MigrationStatus::Active);
                self.follow(&mut accepted);
            }
            Err(why) => self.give_up(&why),
        }
    }

    /// Awaits a source that has this guest. One that has another is told so and forgotten.
    fn accept(&mut self) -> Result<Accepted, String> {
        loop {
            // Of those who were refused nothing is kept.
            self.incoming.made.renew();
            let (session, control) = gather::first(&self.news, Purpose::Migrate, None)?;
            let offered = gather::welcome(control, &self.incoming.made)
                .map_err(|error| error.to_string())
                .and_then(|control| self.offer(&control).map(|offer| (control, offer)));
            let (control, offer) = match offered {
                Ok(offered) => offered,
                Err(why) => {
                    tracing::info!(%why, "somebody has connected who offers no guest");
                    continue;
                }
            };
            let layout = match self.hardware.compare(&offer) {
                Ok(layout) => layout,
                Err(mismatch) => {
                    let why = mismatch.to_string();
                    tracing::warn!(%why, "a guest was refused");
                    // It learns so by the end of the connection too.
                    let _gone = control.write(&TargetMessage::Refuse(why).encode());
                    control.shut_down();
                    continue;
                }
            };
            return self.begin(session, control, layout, &offer);
        }
    }

    fn begin(
        &self,
        session: SessionId,
        control: Arc<Connection>,
        layout: Layout,
        offer: &Offer,
    ) -> Result<Accepted, String> {
        // Its own disks are written to as the guest's blocks arrive; shared ones are the source's
        // until it gives them up.
        let mut own = self.common.disks.iter().filter(|disk| disk.kind() == DiskKind::Local);
        own.try_for_each(|disk| disk.take()).map_err(|error| {
            let why = crate::migration::in_words(&error);
            let _gone = control.write(&TargetMessage::Refuse(why.clone()).encode());
            why
        })?;
        control.write(&TargetMessage::Accept.encode()).map_err(|error| error.to_string())?;
        let expected = Expected {
            session,
            purpose: Purpose::Migrate,
            channels: layout.channel_count(),
            urgent: offer.post_copy,
        };
        let links =
            gather::rest(&self.news, control, &expected, &self.incoming.made, self.incoming.clock)?;
        let mut destination = Destination::new(&layout);
        destination.on(DestinationInput::Connected).map_err(|error| error.to_string())?;
        let threads = self
            .start_threads(&links, &layout, Purpose::Migrate)
            .map_err(|error| error.to_string())?;
        let (state, guest, arrivals) = (None, None, None);
        Ok(Accepted { session, layout, links, threads, destination, state, guest, arrivals })
    }

    fn offer(&self, control: &Connection) -> Result<Offer, String> {
        match heard(control, &self.common) {
            Ok(SourceMessage::Offer(offer)) => Ok(offer),
            Ok(
                SourceMessage::Ping(_)
                | SourceMessage::State { .. }
                | SourceMessage::Run
                | SourceMessage::Abort(_),
            ) => Err("it has said something else".to_owned()),
            Err(error) => Err(crate::migration::in_words(&error)),
        }
    }

    fn start_threads(
        &self,
        links: &Links,
        layout: &Layout,
        purpose: Purpose,
    ) -> std::io::Result<Vec<JoinHandle<()>>> {
        let mut threads = Vec::new();
        for (channel, connection) in &links.data {
            let receiver = Receiver::new(layout.clone(), *channel);
            let lane = Lane::new(&self.common, connection, &links.control, receiver);
            let (name, channel) = (format!("mig/dst/recv_{}", channel.0), *channel);
            threads.push(spawn(name, move || match purpose {
                Purpose::Migrate => lane.receive_all(channel),
                Purpose::Recover => lane.receive_rest(),
            })?);
        }
        if let Some(urgent) = &links.urgent {
            let lane =
                Lane::new(&self.common, urgent, &links.control, Receiver::urgent(layout.clone()));
            threads.push(spawn("mig/dst/urgent".to_owned(), move || lane.receive_rest())?);
        }
        let (control, common) = (Arc::clone(&links.control), Arc::clone(&self.common));
        threads.push(spawn("mig/dst/main".to_owned(), move || hear(&control, &common))?);
        Ok(threads)
    }

    /// Follows what happens to the end.
    fn follow(&mut self, accepted: &mut Accepted) {
        while let Ok(news) = self.news.recv() {
            let result = self.on(news, accepted);
            if let Err(error) = result {
                let why = crate::migration::in_words(&error);
                self.lost(accepted, &why);
            }
            match accepted.destination.phase() {
                DestinationPhase::Failed => return,
                DestinationPhase::Completed if self.incoming.made.is_cut() => return,
                DestinationPhase::Offered
                | DestinationPhase::Loading
                | DestinationPhase::Loaded
                | DestinationPhase::Ready
                | DestinationPhase::Running(_)
                | DestinationPhase::Paused
                | DestinationPhase::Completed => {}
            }
        }
    }

    fn on(&mut self, news: News, accepted: &mut Accepted) -> Result<(), ArriveError> {
        let input = match news {
            News::Fenced(channel) => DestinationInput::Fenced(channel),
            News::AllHere => DestinationInput::AllHere,
            News::Lost(Line::Migration, why) | News::Pause(why) => {
                return Err(ArriveError::Lost(why));
            }
            News::Recover(listener) => {
                match accepted.destination.phase() {
                    DestinationPhase::Paused => self.recover(accepted, &listener),
                    // Two have asked for it at once, and it goes on already.
                    DestinationPhase::Offered
                    | DestinationPhase::Loading
                    | DestinationPhase::Loaded
                    | DestinationPhase::Ready
                    | DestinationPhase::Running(_)
                    | DestinationPhase::Completed
                    | DestinationPhase::Failed => listener.close(),
                }
                return Ok(());
            }
            News::Said(SourceMessage::Run) => DestinationInput::Run,
            News::Said(SourceMessage::Abort(why)) => return Err(ArriveError::Abandoned(why)),
            News::Said(SourceMessage::State { switch, runs, state }) => {
                let runs = if runs { Arriving::Running } else { Arriving::Paused };
                let (missing, switch) = match switch {
                    StateFor::StopAndCopy => (None, Switch::StopAndCopy),
                    StateFor::PostCopy(missing) => (Some(missing), Switch::PostCopy),
                };
                accepted.state = Some(State { missing, runs, bytes: state });
                DestinationInput::State(switch)
            }
            // Strangers, or late; a ping was answered where it was heard, and an offer comes once.
            News::Arrived(..)
            | News::Lost(Line::Listener, _)
            | News::Said(SourceMessage::Ping(_) | SourceMessage::Offer(_)) => return Ok(()),
        };
        let effect = accepted.destination.on(input)?;
        tracing::debug!(?input, ?effect, "the destination goes on");
        self.carry_out(effect, accepted)
    }

    fn carry_out(&mut self, effect: Effect, accepted: &mut Accepted) -> Result<(), ArriveError> {
        let board = &self.incoming.board;
        match effect {
            Effect::None | Effect::Pause | Effect::Fail | Effect::SayMissing => {}
            Effect::Load(_) => {
                self.load(accepted)?;
                let effect = accepted.destination.on(DestinationInput::Loaded)?;
                self.carry_out(effect, accepted)?;
            }
            Effect::SayReady => {
                accepted.links.control.write(&TargetMessage::Ready.encode())?;
            }
            Effect::Run(switch) => {
                if switch == Switch::PostCopy {
                    board.advance(Side::Destination, MigrationStatus::PostcopyActive);
                }
                if let Some(guest) = accepted.guest.take() {
                    let at = self.incoming.run.arrive(guest.machine, guest.stopped, guest.runs);
                    self.incoming.note_resumed(at);
                    let said =
                        accepted.links.control.write(&TargetMessage::Resumed { at }.encode());
                    if switch == Switch::StopAndCopy {
                        self.common.room.over();
                        board.advance(Side::Destination, MigrationStatus::Completed);
                    }
                    said?;
                }
                let is_whole =
                    accepted.arrivals.as_ref().is_some_and(|arrivals| arrivals.remaining().0 == 0);
                if is_whole {
                    let effect = accepted.destination.on(DestinationInput::AllHere)?;
                    self.carry_out(effect, accepted)?;
                }
            }
            Effect::SayComplete => {
                accepted.arrivals = None;
                board.advance(Side::Destination, MigrationStatus::Completed);
                accepted.links.control.write(&TargetMessage::Complete.encode())?;
            }
        }
        Ok(())
    }

    /// Puts the guest together.
    fn load(&mut self, accepted: &mut Accepted) -> Result<(), ArriveError> {
        let loading = self.common.room.close().ok_or(ArriveError::InUse)?;
        let state = accepted.state.take().ok_or(ArriveError::InUse)?;
        let (memory, stopped): (GuestMemory, Stopped) = match state.missing {
            None => loading.finish(),
            Some(missing) => {
                let requests = Arc::clone(&self.common.requests);
                requests.connect(accepted.links.urgent.clone());
                let ask = move |page| requests.ask(page);
                let (memory, stopped, arrivals) = loading.finish_but(&missing, ask)?;
                let arrivals = Arc::new(arrivals);
                self.common.room.arriving(Arc::clone(&arrivals));
                accepted.arrivals = Some(arrivals);
                (memory, stopped)
            }
        };
        tracing::debug!("the memory is the guest's");
        let config = self.config.take().ok_or(ArriveError::InUse)?;
        let disks = self.common.disks.clone();
        // Whoever has them still will not let the guest go.
        disks.iter().try_for_each(|disk| disk.take())?;
        let on_fault = self.incoming.on_fault();
        let machine = Machine::restore(config, memory, disks, &state.bytes, on_fault)?;
        accepted.guest = Some(Guest { machine, stopped, runs: state.runs });
        Ok(())
    }

    /// A connection is lost, or something is wrong.
    fn lost(&mut self, accepted: &mut Accepted, why: &str) {
        match accepted.destination.on(DestinationInput::Lost) {
            Ok(Effect::Fail) => {
                // The source hears why, if it can.
                let refusal = TargetMessage::Refuse(why.to_owned()).encode();
                let _gone = accepted.links.control.write(&refusal);
                accepted.guest = None;
                self.give_up(why);
            }
            Ok(Effect::Pause) => self.pause(accepted, why),
            Ok(
                Effect::None
                | Effect::Load(_)
                | Effect::SayReady
                | Effect::Run(_)
                | Effect::SayComplete
                | Effect::SayMissing,
            )
            | Err(_) => self.incoming.made.cut(),
        }
    }

    fn give_up(&self, why: &str) {
        self.incoming.made.cut();
        self.common.room.over();
        self.common.disks.iter().for_each(|disk| disk.release());
        self.incoming.fail(why);
    }

    /// The guest runs on as far as it can.
    fn pause(&self, accepted: &mut Accepted, why: &str) {
        self.common.requests.connect(None);
        self.incoming.made.cut();
        for thread in accepted.threads.drain(..) {
            // Claims of pages end with it, so that what is missing is known.
            let _panicked = thread.join();
        }
        self.incoming.board.blame(Side::Destination, why);
        self.incoming.board.advance(Side::Destination, MigrationStatus::PostcopyPaused);
    }

    /// Goes on with a post-copy whose connections were lost.
    fn recover(&mut self, accepted: &mut Accepted, listener: &Listener) {
        self.incoming.made.renew();
        let recovered = self.reconnect(accepted);
        listener.close();
        // It may have been asked for again, at another place, before anybody came.
        self.incoming.end_recovery();
        if let Err(why) = recovered {
            self.lost(accepted, &why);
        }
    }

    fn reconnect(&mut self, accepted: &mut Accepted) -> Result<(), String> {
        let session = accepted.session;
        let (_, control) = gather::first(&self.news, Purpose::Recover, Some(session))?;
        self.incoming.board.advance(Side::Destination, MigrationStatus::PostcopyRecover);
        self.incoming.board.forgive(Side::Destination);
        let made = &self.incoming.made;
        let control = gather::welcome(control, made).map_err(|error| error.to_string())?;
        let expected = Expected {
            session,
            purpose: Purpose::Recover,
            channels: accepted.layout.channel_count(),
            urgent: true,
        };
        accepted.links = gather::rest(&self.news, control, &expected, made, self.incoming.clock)?;
        let arrivals = accepted.arrivals.as_ref().ok_or("nothing is missing")?;
        let missing = arrivals.missing();
        // Whoever waits from now on asks by itself.
        self.common.requests.connect(accepted.links.urgent.clone());
        let waiting = arrivals.requested();
        accepted.destination.on(DestinationInput::Recovered).map_err(|error| error.to_string())?;
        let said = accepted.links.control.write(&TargetMessage::Missing(missing.clone()).encode());
        said.map_err(|error| error.to_string())?;
        accepted.threads = self
            .start_threads(&accepted.links, &accepted.layout, Purpose::Recover)
            .map_err(|error| ArriveError::Thread(error).to_string())?;
        self.incoming.board.advance(Side::Destination, MigrationStatus::PostcopyActive);
        self.common.requests.ask_again(&waiting);
        if missing.is_empty() {
            let effect = accepted.destination.on(DestinationInput::AllHere);
            let effect = effect.map_err(|error| error.to_string())?;
            self.carry_out(effect, accepted).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Hears what the source says, until the connection ends.
fn hear(control: &Connection, common: &Common) {
    loop {
        let news = match heard(control, common) {
            Ok(SourceMessage::Ping(number)) => {
                match control.write(&TargetMessage::Pong(number).encode()) {
                    Ok(()) => continue,
                    Err(error) => News::Lost(Line::Migration, error.to_string()),
                }
            }
            Ok(message) => News::Said(message),
            Err(error) => News::Lost(Line::Migration, crate::migration::in_words(&error)),
        };
        let is_end = matches!(news, News::Lost(..));
        if common.news.send(news).is_err() || is_end {
            return;
        }
    }
}
