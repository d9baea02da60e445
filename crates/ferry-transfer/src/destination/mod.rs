//! The side that awaits the guest.
//!
//! ```text
//!  Offered ─► Loading ─► Loaded ─► Ready ─► Running ─► Ended (Completed)
//!     │          │          │        │         ⇅
//!     └──────────┴──────────┴────────┤       Paused
//!                Ended (Failed): the guest never ran here
//! ```

mod hardware;
mod lane;

use crate::error::TransferError;
use crate::layout::{Channel, Layout};
use crate::source::Switch;

pub use hardware::Hardware;
pub use lane::Receiver;

/// The side that awaits the guest: when everything is there, and when the guest may run.
#[derive(Clone, Debug)]
pub struct Destination {
    phase: DestinationPhase,
    /// Which channels have sent their fence.
    fences: Vec<Arrived>,
    state: Option<Switch>,
}

/// Where a destination stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DestinationPhase {
    /// A guest was offered, and its connections are being made.
    Offered,
    /// Its pages arrive.
    Loading,
    /// Everything is there, and being put together.
    Loaded,
    /// It may be handed over.
    Ready,
    /// It runs here, and lacks memory if it was a switch to post-copy.
    Running(Switch),
    /// It runs here as far as it can, and connections were lost.
    Paused,
    /// It runs here and has all of its memory.
    Completed,
    /// It never ran here and never will.
    Failed,
}

/// Whether something has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrived {
    Not,
    Here,
}

/// What a destination is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationInput {
    /// All connections are there.
    Connected,
    /// Everything that was sent on that channel has arrived.
    Fenced(Channel),
    /// The state of the devices has arrived, for that switch.
    State(Switch),
    /// The guest is put together, and its disks are ours.
    Loaded,
    /// The source has handed the guest over.
    Run,
    /// No page is missing any more.
    AllHere,
    /// A connection was lost, or something is wrong.
    Lost,
    /// New connections are there, and the threads of the old ones have ended: no page can arrive
    /// any more that the answer calls missing. It may come when the guest has all its memory and only
    /// the source does not know.
    Recovered,
}

/// What a destination does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing.
    None,
    /// Put the guest together, for that switch.
    Load(Switch),
    /// Say that everything is here.
    SayReady,
    /// Let the guest run, and say so. If no memory is missing after a switch to post-copy,
    /// [`DestinationInput::AllHere`] is due at once.
    Run(Switch),
    /// Say that no memory is missing.
    SayComplete,
    /// Keep the guest and what it lacks; wait for a recovery.
    Pause,
    /// Say what is missing, and ask again for what vCPUs wait for: what was asked on the connections
    /// that are gone is forgotten. Pages arrive again. If nothing is missing, that is to be said
    /// again too: [`DestinationInput::AllHere`].
    SayMissing,
    /// Give up: the guest has not run here.
    Fail,
}

impl Destination {
    /// A destination to which a guest with this layout was offered.
    pub fn new(layout: &Layout) -> Self {
        let fences = vec![Arrived::Not; layout.channel_count()];
        Self { phase: DestinationPhase::Offered, fences, state: None }
    }

    /// Where it stands.
    pub fn phase(&self) -> DestinationPhase {
        self.phase
    }

    /// Something has happened. What comes after a failure, as threads that were at something report
    /// it, changes nothing; but a recovery is refused then.
    ///
    /// # Errors
    /// [`TransferError::OutOfTurn`] for what makes no sense then: the peer is broken. Nothing has
    /// changed; tell the destination that it is [lost](DestinationInput::Lost).
    pub fn on(&mut self, input: DestinationInput) -> Result<Effect, TransferError> {
        use DestinationInput as Input;
        use DestinationPhase as Phase;
        let (phase, effect) = match (self.phase, input) {
            (Phase::Offered, Input::Connected) => (Phase::Loading, Effect::None),
            (Phase::Loading, Input::Fenced(channel)) if self.fence(channel) => self.gather(),
            (Phase::Loading, Input::State(switch)) if self.state.is_none() => {
                self.state = Some(switch);
                self.gather()
            }
            (Phase::Loaded, Input::Loaded) => (Phase::Ready, Effect::SayReady),
            (Phase::Ready, Input::Run) => {
                let switch = self.state.unwrap_or(Switch::StopAndCopy);
                match switch {
                    Switch::StopAndCopy => (Phase::Completed, Effect::Run(switch)),
                    Switch::PostCopy => (Phase::Running(switch), Effect::Run(switch)),
                }
            }
            (Phase::Running(_), Input::AllHere) => (Phase::Completed, Effect::SayComplete),
            // In the second case it was being recovered, and that failed.
            (Phase::Running(_) | Phase::Paused, Input::Lost) => (Phase::Paused, Effect::Pause),
            (Phase::Paused, Input::Recovered) => {
                (Phase::Running(Switch::PostCopy), Effect::SayMissing)
            }
            // The source did not hear that nothing is missing.
            (Phase::Completed, Input::Recovered) if self.state == Some(Switch::PostCopy) => {
                (Phase::Running(Switch::PostCopy), Effect::SayMissing)
            }
            // The last page overtook the word that the guest may run, or came when the link was
            // already lost, or two threads have seen that nothing is missing: whoever lets the guest
            // run or recovers it looks whether anything is.
            (Phase::Ready | Phase::Paused | Phase::Completed, Input::AllHere)
            | (Phase::Completed | Phase::Failed, Input::Lost) => (self.phase, Effect::None),
            (_, Input::Lost) => (Phase::Failed, Effect::Fail),
            // A thread had this in hand when another one saw the end.
            (
                Phase::Failed,
                Input::Connected
                | Input::Fenced(_)
                | Input::State(_)
                | Input::Loaded
                | Input::Run
                | Input::AllHere,
            ) => (Phase::Failed, Effect::None),
            (phase, _) => {
                return Err(TransferError::OutOfTurn { phase, input: name(input) });
            }
        };
        self.phase = phase;
        Ok(effect)
    }

    /// Notes the fence of a channel; false if it has sent one already or is none of ours.
    fn fence(&mut self, channel: Channel) -> bool {
        match self.fences.get_mut(usize::from(channel.0)) {
            Some(fence) => std::mem::replace(fence, Arrived::Here) == Arrived::Not,
            None => false,
        }
    }

    fn gather(&self) -> (DestinationPhase, Effect) {
        match self.state {
            Some(switch) if self.fences.iter().all(|fence| *fence == Arrived::Here) => {
                (DestinationPhase::Loaded, Effect::Load(switch))
            }
            Some(_) | None => (DestinationPhase::Loading, Effect::None),
        }
    }
}

fn name(input: DestinationInput) -> &'static str {
    match input {
        DestinationInput::Connected => "connected",
        DestinationInput::Fenced(_) => "a fence",
        DestinationInput::State(_) => "a state",
        DestinationInput::Loaded => "loaded",
        DestinationInput::Run => "run",
        DestinationInput::AllHere => "all here",
        DestinationInput::Lost => "lost",
        DestinationInput::Recovered => "recovered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DestinationInput as Input;
    use DestinationPhase as Phase;
    use Effect as E;
    use ferry_units::PageCount;

    const FENCE: fn(u8) -> Input = |channel| Input::Fenced(Channel(channel));

    /// The effects of `inputs`, and where it ends.
    fn run(inputs: &[Input]) -> (Vec<Option<Effect>>, Phase) {
        let mut destination = Destination::new(&Layout::new(PageCount(1024), &[], 2));
        let effects = inputs.iter().map(|input| destination.on(*input).ok()).collect();
        (effects, destination.phase())
    }

    #[test]
    fn a_guest_runs_when_everything_is_there_and_it_was_handed_over() {
        let post = Input::State(Switch::PostCopy);
        let stop = Input::State(Switch::StopAndCopy);
        for (inputs, effects, phase) in [
            (
                vec![Input::Connected, FENCE(0), stop, FENCE(1), Input::Loaded, Input::Run],
                vec![
                    Some(E::None),
                    Some(E::None),
                    Some(E::None),
                    Some(E::Load(Switch::StopAndCopy)),
                    Some(E::SayReady),
                    Some(E::Run(Switch::StopAndCopy)),
                ],
                Phase::Completed,
            ),
            (
                vec![
                    Input::Connected,
                    FENCE(0),
                    FENCE(1),
                    post,
                    Input::Loaded,
                    Input::Run,
                    Input::Lost,
                    Input::Lost,
                    Input::Recovered,
                    Input::AllHere,
                    Input::Lost,
                ],
                vec![
                    Some(E::None),
                    Some(E::None),
                    Some(E::None),
                    Some(E::Load(Switch::PostCopy)),
                    Some(E::SayReady),
                    Some(E::Run(Switch::PostCopy)),
                    Some(E::Pause),
                    Some(E::Pause),
                    Some(E::SayMissing),
                    Some(E::SayComplete),
                    Some(E::None),
                ],
                Phase::Completed,
            ),
            // Handed over before everything is there, or twice, or by a fence that is none.
            (
                vec![Input::Connected, FENCE(0), FENCE(0), FENCE(2), stop, Input::Run],
                vec![Some(E::None), Some(E::None), None, None, Some(E::None), None],
                Phase::Loading,
            ),
            (vec![Input::Run], vec![None], Phase::Offered),
        ] {
            assert_eq!(run(&inputs), (effects, phase), "{inputs:?}");
        }
    }

    #[test]
    fn the_last_page_may_overtake_the_word_that_the_guest_runs_and_be_seen_twice() {
        let inputs = [
            Input::Connected,
            FENCE(0),
            FENCE(1),
            Input::State(Switch::PostCopy),
            Input::Loaded,
            Input::AllHere,
            Input::Run,
            Input::AllHere,
            Input::AllHere,
        ];
        let (effects, phase) = run(&inputs);
        let last = [E::None, E::Run(Switch::PostCopy), E::SayComplete, E::None];
        assert_eq!(effects[5..], last.map(Some));
        assert_eq!(phase, Phase::Completed);
    }

    #[test]
    fn what_was_not_handed_over_never_runs() {
        let inputs = [
            Input::Connected,
            FENCE(0),
            FENCE(1),
            Input::State(Switch::StopAndCopy),
            Input::Loaded,
        ];
        for count in 0..=inputs.len() {
            let mut inputs = inputs[..count].to_vec();
            inputs.extend([Input::Lost, Input::Run, Input::Recovered]);
            let (effects, phase) = run(&inputs);
            assert_eq!(effects[count..], [Some(E::Fail), Some(E::None), None], "after {count}");
            assert_eq!(phase, Phase::Failed);
        }
    }
}
