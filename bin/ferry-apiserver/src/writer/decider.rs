//! The place where it is decided what each write comes to, one after the other.

use std::iter;
use std::sync::Arc;

use ferry_admission::{Action, ActionAnswer, act};
use ferry_registry::{Admission, Change, Context, Decision, Refusal, Request, State, User, decide};
use ferry_units::WallTime;
use tokio::sync::oneshot;

use crate::api::Written;
use crate::writer::chance::Chance;
use crate::writer::chores::Chores;
use crate::writer::committer::{Pending, Reply};
use crate::writer::published::Published;
use crate::writer::storage::Urgency;

/// How many endings a create may try before it is refused: names of one prefix collide once in
/// fourteen million.
// PARITY: apiserver/pkg/registry/generic/registry/store.go#maxNameGenerationCreateAttempts
const SUFFIXES: usize = 8;

/// Something to be decided.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) work: Work,
}

/// What is to be decided, and where the answer goes.
#[derive(Debug)]
pub(super) enum Work {
    /// A write. Whoever asks for it keeps it too.
    Write { request: Arc<Request>, reply: oneshot::Sender<Result<Written, Refusal>> },
    /// An action: writes that follow from what is there.
    Act { user: User, action: Box<Action>, reply: oneshot::Sender<Result<ActionAnswer, Refusal>> },
    /// A look at what is due by now, since some time has passed.
    Tick,
    /// What has become due by a write.
    Chores,
}

pub(super) struct Decider<A> {
    published: Arc<Published>,
    /// The state that will be, once everything that is decided is on the disk.
    ahead: State,
    epoch: u64,
    admission: A,
    chores: Chores,
    chance: Chance,
}

impl<A: Admission> Decider<A> {
    pub(super) fn new(published: Arc<Published>, admission: A) -> Self {
        let ahead = published.state().speculative();
        let epoch = published.epoch();
        Self {
            published,
            ahead,
            epoch,
            admission,
            chores: Chores::default(),
            chance: Chance::default(),
        }
    }

    /// Forgets what was decided on top of something that could not be made durable.
    fn start_again_after_a_failure(&mut self) {
        let epoch = self.published.epoch();
        if epoch != self.epoch {
            self.ahead = self.published.state().speculative();
            self.epoch = epoch;
        }
    }

    /// Decides what an order comes to, and hands that on.
    ///
    /// # Errors
    /// What handing on failed with.
    pub(super) fn carry_out<E>(
        &mut self,
        order: Order,
        hand_on: &mut impl FnMut(Pending) -> Result<(), E>,
    ) -> Result<(), E> {
        self.start_again_after_a_failure();
        let now = self.published.now();
        match order.work {
            Work::Tick => {
                self.chores.tick();
                self.go_on(None, now, Reply::Look, hand_on)
            }
            Work::Chores => Ok(()),
            Work::Write { request, reply } => {
                let (change, outcome) = match self.decide(&request, now) {
                    Ok(Decision { change, answer, warnings }) => {
                        (change, Ok(Written { answer, warnings }))
                    }
                    Err(refusal) => (None, Err(refusal)),
                };
                self.go_on(change, now, Reply::Write { reply, outcome }, hand_on)
            }
            Work::Act { user, action, reply } => {
                let outcome = act(&action, &user, &self.ahead, now);
                let mut answer = outcome.answer;
                for request in outcome.writes {
                    match self.decide(&request, now) {
                        Ok(Decision { change: None, .. }) => {}
                        Ok(Decision { change, .. }) => {
                            self.go_on(change, now, Reply::None, hand_on)?;
                        }
                        Err(refusal) => {
                            answer = Err(action.map_refusal(refusal));
                            break;
                        }
                    }
                }
                self.go_on(None, now, Reply::Action { reply, outcome: answer }, hand_on)
            }
        }
    }

    /// Whether there is nothing to do that nobody asked for.
    pub(super) fn has_no_chores(&self) -> bool {
        self.chores.is_idle(&self.ahead, self.published.now())
    }

    /// Does what nobody asked for and has to be done: garbage, namespaces, Events that expire.
    ///
    /// # Errors
    /// What handing on failed with.
    pub(super) fn do_chores<E>(
        &mut self,
        hand_on: &mut impl FnMut(Pending) -> Result<(), E>,
    ) -> Result<(), E> {
        let now = self.published.now();
        loop {
            let round = self.chores.due(&self.ahead, now);
            if round.is_empty() {
                return Ok(());
            }
            let before = self.ahead.revision();
            for request in round {
                match self.decide(&request, now) {
                    Ok(Decision { change: None, .. }) => {}
                    Ok(Decision { change, .. }) => {
                        self.go_on(change, now, Reply::None, hand_on)?;
                    }
                    Err(refusal) => self.chores.refused(&request, &refusal),
                }
            }
            self.chores.after(before, &self.ahead);
        }
    }

    fn decide(&mut self, request: &Request, now: WallTime) -> Result<Decision, Refusal> {
        let context = self.context(request, now);
        let decision = decide(&self.ahead, request, &context, &self.admission)?;
        if decision.change.as_ref().map(Urgency::of) == Some(Urgency::Ordinary) {
            self.published.storage().admit()?;
        }
        Ok(decision)
    }

    /// What a decision may not find out by itself.
    fn context(&mut self, request: &Request, now: WallTime) -> Context {
        let suffixes = if request.wants_name() { SUFFIXES } else { 0 };
        Context {
            now,
            uid: self.chance.uid(),
            suffixes: iter::repeat_with(|| self.chance.suffix()).take(suffixes).collect(),
        }
    }

    /// Hands a decision on, and goes ahead as if it were done: in this order, so that the disk need
    /// not wait for it.
    fn go_on<E>(
        &mut self,
        change: Option<Change>,
        now: WallTime,
        reply: Reply,
        hand_on: &mut impl FnMut(Pending) -> Result<(), E>,
    ) -> Result<(), E> {
        let durable = change.clone().map(|change| (change, now));
        self.published.one_is_decided();
        hand_on(Pending { epoch: self.epoch, change: durable, reply })?;
        if let Some(change) = change {
            self.ahead.apply(change, now);
        }
        Ok(())
    }
}
