//! The thread that leads a migration: it carries out what the source decides.

use std::sync::{Arc, Mutex};

use ferry_qmp::rules::Side;
use ferry_qmp::words::{MigrationStatus, ZeroPageDetection};
use ferry_runtime::Clock;
use ferry_transfer::wire::{SessionId, SourceMessage, StateFor};
use ferry_transfer::{
    BeforeSwitchover, Ending, Hardware, PostCopy, Settings, Source, SourceInput, Step,
};
use ferry_units::{Bytes, PageSet};

use super::connect::{self, ConnectError, Links, Made, Route};
use super::times::Times;
use super::volumes::Volumes;
use super::{Outgoing, ending, threads};
use crate::link::{ClientSecurity, Endpoint};
use crate::machine::{Machine, MachineError};
use crate::migration::board::Board;
use crate::migration::desk::Desk;
use crate::migration::threads::spawn;
use crate::run::RunControl;

/// What a migration begins with.
pub(in crate::migration) struct Start {
    pub(in crate::migration) clock: Clock,
    pub(in crate::migration) board: Arc<Board>,
    pub(in crate::migration) run: Arc<RunControl>,
    pub(in crate::migration) machine: Machine,
    pub(in crate::migration) hardware: Hardware,
    pub(in crate::migration) session: SessionId,
    pub(in crate::migration) channels: u8,
    pub(in crate::migration) zero_pages: ZeroPageDetection,
    pub(in crate::migration) settings: Settings,
}

/// Begins to send a guest. How that goes is on the board.
///
/// # Errors
/// When there is no thread to lead it.
pub(in crate::migration) fn start(
    start: Start,
    endpoint: Endpoint,
    security: ClientSecurity,
) -> std::io::Result<Arc<Outgoing>> {
    let now = start.clock.now();
    let post_copy = start.settings.post_copy;
    let before = start.settings.before_switchover;
    let layout = start.hardware.layout(start.channels);
    let source = Source::new(layout, start.settings, now);
    let outgoing = Arc::new(Outgoing {
        clock: start.clock,
        board: start.board,
        run: start.run,
        machine: start.machine,
        hardware: start.hardware,
        session: start.session,
        zero_pages: start.zero_pages,
        channels: start.channels,
        desk: Desk::new(source, start.clock),
        made: Made::default(),
        times: Mutex::new(Times { began: Some(now), ..Times::default() }),
        switchover: Mutex::default(),
        asked: Mutex::default(),
        jobs: super::jobs::Jobs::default(),
    });
    outgoing.board.begin_outgoing();
    let leader = Leader { outgoing: Arc::clone(&outgoing), before };
    let route = Route { endpoint, security };
    let spawned = spawn("mig/src/main".to_owned(), move || leader.begin(&route, post_copy));
    if let Err(error) = spawned {
        outgoing.board.blame(Side::Source, &error.to_string());
        outgoing.board.advance(Side::Source, MigrationStatus::Failed);
        return Err(error);
    }
    Ok(outgoing)
}

impl Outgoing {
    /// Goes on with a post-copy whose connections were lost.
    ///
    /// # Errors
    /// When there is no thread to lead it.
    pub(in crate::migration) fn resume(
        self: &Arc<Self>,
        endpoint: Endpoint,
        security: ClientSecurity,
    ) -> std::io::Result<()> {
        let leader = Leader { outgoing: Arc::clone(self), before: BeforeSwitchover::Go };
        let route = Route { endpoint, security };
        self.made.renew();
        self.board.forgive(Side::Source);
        self.board.advance(Side::Source, MigrationStatus::PostcopyRecoverSetup);
        let spawned = spawn("mig/src/main".to_owned(), move || leader.recover(&route));
        if spawned.is_err() {
            self.board.advance(Side::Source, MigrationStatus::PostcopyPaused);
        }
        spawned.map(drop)
    }
}

/// Leads a migration.
struct Leader {
    outgoing: Arc<Outgoing>,
    before: BeforeSwitchover,
}

impl Leader {
    fn begin(self, route: &Route, post_copy: PostCopy) {
        let outgoing = &self.outgoing;
        let post_copy = post_copy == PostCopy::Allowed;
        let offer = outgoing.hardware.offer(outgoing.channels, post_copy);
        let layout = outgoing.hardware.layout(outgoing.channels);
        let begun = connect::begin(route, outgoing.session, &offer, &layout, &outgoing.made);
        let links = match begun {
            Ok(links) => links,
            Err(error) => return self.fail(&error),
        };
        let (memory, disks) = (outgoing.machine.memory(), outgoing.machine.disks());
        let followed = Volumes::follow(layout, memory, disks)
            .and_then(|volumes| volumes.touched().map(|pages| (volumes, pages)));
        let (volumes, pages) = match followed {
            Ok(followed) => followed,
            Err(error) => {
                outgoing.lost(&error);
                threads::hang_up(outgoing, &links, &Ending::Failed(error.to_string()));
                return self.end();
            }
        };
        let state = outgoing.machine.memory().ram().pages().0 / 512;
        outgoing.lock_times().set_up = Some(outgoing.clock.now());
        outgoing.board.pass(1);
        outgoing.board.advance(Side::Source, MigrationStatus::Active);
        outgoing.tell(SourceInput::Begun(pages, Bytes::new(state)));
        self.lead(&links, &Arc::new(volumes));
    }

    fn recover(self, route: &Route) {
        let outgoing = &self.outgoing;
        let layout = outgoing.hardware.layout(outgoing.channels);
        let connected = connect::recover(route, outgoing.session, &layout, &outgoing.made);
        let (links, missing) = match connected {
            Ok(connected) => connected,
            Err(error) => {
                outgoing.made.cut();
                outgoing.board.blame(Side::Source, &crate::migration::in_words(&error));
                outgoing.board.advance(Side::Source, MigrationStatus::PostcopyPaused);
                return;
            }
        };
        outgoing.board.advance(Side::Source, MigrationStatus::PostcopyRecover);
        let volumes = Volumes::follow(layout, outgoing.machine.memory(), outgoing.machine.disks());
        match volumes {
            Ok(volumes) => {
                outgoing.tell(SourceInput::Recovered(missing));
                outgoing.board.advance(Side::Source, MigrationStatus::PostcopyActive);
                self.lead(&links, &Arc::new(volumes));
            }
            Err(error) => {
                outgoing.made.cut();
                outgoing.board.blame(Side::Source, &crate::migration::in_words(&error));
                outgoing.board.advance(Side::Source, MigrationStatus::PostcopyPaused);
            }
        }
    }

    /// Leads a migration whose connections are made to its end.
    fn lead(&self, links: &Links, volumes: &Arc<Volumes>) {
        let outgoing = &self.outgoing;
        let threads = threads::start(outgoing, links, volumes);
        if let Err(error) = &threads {
            outgoing.lost(error);
        }
        let ending =
            threads::follow(|step| self.carry_out(step, links, volumes), || outgoing.desk.step());
        threads::hang_up(outgoing, links, &ending);
        for thread in threads.unwrap_or_default() {
            // One that panicked has said so, and the others do not depend on it.
            let _panicked = thread.join();
        }
        // The last word of the destination may have been read after the connections were lost.
        self.end();
    }

    /// The connections could not be made.
    fn fail(&self, error: &ConnectError) {
        self.outgoing.made.cut();
        self.outgoing.lost(error);
        self.end();
    }

    /// It is over before it has begun.
    fn end(&self) {
        let ending = threads::follow(drop, || self.outgoing.desk.step());
        ending::settle(&self.outgoing, &ending);
    }

    fn carry_out(&self, step: Step, links: &Links, volumes: &Volumes) {
        let outgoing = &self.outgoing;
        tracing::debug!(step = step.name(), "the source goes on");
        match step {
            Step::Harvest => self.harvest(volumes),
            Step::Look => match volumes.marked() {
                Ok(marked) => outgoing.tell(SourceInput::Looked(marked)),
                Err(error) => outgoing.lost(&error),
            },
            Step::Throttle(percent) => outgoing.machine.throttle(percent),
            Step::StopGuest => self.stop_guest(volumes),
            Step::SendState(missing) => {
                if let Err(error) = self.send_state(missing, links) {
                    outgoing.lost(&error);
                }
            }
            Step::HandOver => {
                // Somebody may have cancelled meanwhile, and then it must not be said.
                if outgoing.desk.tell(SourceInput::RunSent).is_ok() {
                    match links.control.write(&SourceMessage::Run.encode()) {
                        Ok(()) => ending::handed_over(outgoing),
                        Err(error) => outgoing.lost(&error),
                    }
                }
            }
            Step::Wait(_) | Step::End(_) => {}
        }
    }

    fn harvest(&self, volumes: &Volumes) {
        let outgoing = &self.outgoing;
        let began = outgoing.clock.now();
        match volumes.harvest() {
            Ok(dirty) => {
                let took = outgoing.clock.now().since(began);
                let pass = outgoing.desk.look(|source| source.stats().pass);
                outgoing.tell(SourceInput::Harvested(dirty, took));
                outgoing.disks_are_ready();
                let now = outgoing.desk.look(|source| source.stats().pass);
                if now > pass {
                    outgoing.board.pass(now);
                }
            }
            Err(error) => outgoing.lost(&error),
        }
    }

    fn stop_guest(&self, volumes: &Volumes) {
        let outgoing = &self.outgoing;
        let switchover = outgoing.run.begin_switchover();
        outgoing.lock_times().stopped_at = Some(switchover.stopped_at());
        let began = outgoing.clock.now();
        let dirty = volumes.harvest_stopped(switchover.stopped());
        let took = outgoing.clock.now().since(began);
        *outgoing.lock_switchover() = Some(switchover);
        match dirty {
            Ok(dirty) => outgoing.tell(SourceInput::Stopped(dirty, took)),
            Err(error) => outgoing.lost(&error),
        }
        // Only now may somebody who hears of it let it go on.
        let status = match self.before {
            BeforeSwitchover::Go => MigrationStatus::Device,
            BeforeSwitchover::Wait => MigrationStatus::PreSwitchover,
        };
        outgoing.board.advance(Side::Source, status);
        outgoing.board.pass(outgoing.desk.look(|source| source.stats().pass));
    }

    fn send_state(&self, missing: Option<PageSet>, links: &Links) -> Result<(), StateError> {
        let outgoing = &self.outgoing;
        outgoing.board.advance(Side::Source, MigrationStatus::Device);
        // The destination has to take them before it says that it is ready.
        outgoing.machine.disks().iter().for_each(|disk| disk.release());
        let mut state = Vec::new();
        let runs = {
            let switchover = outgoing.lock_switchover();
            let Some(switchover) = switchover.as_ref() else { return Ok(()) };
            outgoing.machine.save(switchover.stopped(), &mut state)?;
            switchover.was_running()
        };
        let switch = match missing {
            None => StateFor::StopAndCopy,
            Some(missing) => StateFor::PostCopy(missing),
        };
        tracing::debug!(bytes = state.len(), "the state is saved");
        let message = SourceMessage::State { switch, runs, state }.encode();
        links.control.write(&message)?;
        outgoing.tell(SourceInput::StateSent(Bytes::new(message.len() as u64)));
        Ok(())
    }
}

/// Why the state of the devices could not be sent.
#[derive(Debug, thiserror::Error)]
enum StateError {
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error(transparent)]
    Link(#[from] crate::link::LinkError),
}
