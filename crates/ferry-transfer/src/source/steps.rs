//! What the leading thread does next.

use ferry_units::Instant;

use crate::layout::VolumePages;
use crate::settings::BeforeSwitchover;

use super::lane::Stage;
use super::phase::{Pass, Phase, State};
use super::words::{Ending, Step};
use super::{ANSWER, LOOK, Source, Switch};

impl Source {
    /// What the leading thread does next. Each step is named once; until it is answered the answer
    /// to another question is to wait.
    pub fn poll(&mut self, now: Instant) -> Step {
        let percent = self.wanted_throttle();
        if percent != self.throttled {
            self.throttled = percent;
            return Step::Throttle(percent);
        }
        match &mut self.phase {
            Phase::Setup
            | Phase::PreCopy(Pass::Harvesting)
            | Phase::Stopping(_)
            | Phase::PostCopy => Step::Wait(None),
            Phase::Handed(_) => self.await_answer("that the guest runs", now),
            Phase::PreCopy(Pass::Sending) => self.poll_pass(now),
            Phase::Quiet(switch) => {
                let switch = *switch;
                if self.is_quiet() && self.is_drained() {
                    self.enter(Phase::Stopping(switch), now);
                    return Step::StopGuest;
                }
                Step::Wait(None)
            }
            Phase::Waiting(switch) => {
                let switch = *switch;
                match self.settings.before_switchover {
                    BeforeSwitchover::Wait => Step::Wait(None),
                    BeforeSwitchover::Go => {
                        self.begin_handing(switch, now);
                        self.poll(now)
                    }
                }
            }
            Phase::Handing(_, state) => match std::mem::replace(state, State::Sending) {
                State::Due(missing) => Step::SendState(missing),
                State::Sending if self.is_quiet() && self.all_fenced() => {
                    self.await_answer("that it is ready", now)
                }
                State::Sending => Step::Wait(None),
            },
            Phase::Ready(_) => Step::HandOver,
            Phase::Paused(why) => Step::End(Ending::Paused(why.clone())),
            Phase::Ended(ending) => Step::End(ending.clone()),
        }
    }

    /// Waits for what the destination has to say, but not for ever: the guest stands still.
    fn await_answer(&mut self, what: &str, now: Instant) -> Step {
        let until = self.moved + ANSWER;
        if now < until {
            return Step::Wait(Some(until));
        }
        let seconds = ANSWER.as_secs();
        self.lost(format!("the destination has not said within {seconds} s {what}"), now);
        self.poll(now)
    }

    fn poll_pass(&mut self, now: Instant) -> Step {
        let is_over = self.lanes.iter().all(|lane| lane.stage == Stage::Done && !lane.sends);
        if is_over && (self.is_drained() || !self.polish.is_under_way()) {
            self.phase = Phase::PreCopy(Pass::Harvesting);
            return Step::Harvest;
        }
        let next = Instant::from_nanos(
            self.looked_at
                .nanos()
                .saturating_add(u64::try_from(LOOK.as_nanos()).unwrap_or(u64::MAX)),
        );
        if now < next {
            return Step::Wait(Some(next));
        }
        self.looked_at = now;
        Step::Look
    }

    /// Enters the phase in which the last pages and the state cross.
    pub(super) fn begin_handing(&mut self, switch: Switch, now: Instant) {
        let missing = match switch {
            Switch::StopAndCopy => None,
            // Disks have to be there; memory does not.
            Switch::PostCopy => Some(self.pending.take_memory()),
        };
        for lane in &mut self.lanes {
            lane.rewind(Stage::Cold);
            lane.fence = 0;
        }
        if let Some(missing) = &missing {
            self.deferred = VolumePages::none(&self.layout);
            // Kept until the guest is handed over, when it becomes what is pending.
            if let Some(set) = self.deferred.get_mut(crate::Volume::Memory) {
                set.insert_all(missing);
            }
        }
        self.enter(Phase::Handing(switch, State::Due(missing)), now);
    }

    /// Enters a phase, and with it its pace.
    pub(super) fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.moved = now;
        self.set_pace(now);
    }

    /// By how much vCPUs should be slowed down in this phase.
    fn wanted_throttle(&self) -> u8 {
        match self.phase {
            Phase::PreCopy(_) | Phase::Quiet(_) => self.throttle().max(self.polish.taper()),
            Phase::Stopping(_)
            | Phase::Setup
            | Phase::Waiting(_)
            | Phase::Handing(..)
            | Phase::Ready(_)
            | Phase::Handed(_)
            | Phase::PostCopy
            | Phase::Paused(_)
            | Phase::Ended(_) => 0,
        }
    }
}
