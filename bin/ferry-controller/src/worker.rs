//! The loop: takes work from the board, looks, and carries out what is decided.
//!
//! There is one worker. Those who look at everything (the queue, the placement of pods) see what was
//! written before, and a write takes a millisecond.

use std::sync::Arc;
use std::time::Duration;

use ferry_client::{Cache, Calendar, Hands, HandsError, Pause, Stopping};
use ferry_config::Semantics;
use ferry_reconcile::{Now, Plan, Work, work};
use ferry_runtime::Clock;
use ferry_units::{Instant, WallTime};
use tokio::time::sleep;

use crate::board::{Board, Next};
use crate::metrics::Metrics;

/// How often everything is looked at, whether it has changed or not. Nothing should come of it; it
/// keeps a change that was missed from being missed for ever.
const RESYNC: Duration = Duration::from_secs(120);

/// The longest sleep. The calendar may jump, and nobody tells.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// The pauses while the API server does not answer. It is asked by the cache as well, so there is no
/// hurry.
const AWAY: Pause = Pause::new(Duration::from_millis(50), Duration::from_secs(1));

/// Does the controller's work.
pub(crate) struct Worker {
    pub(crate) board: Arc<Board>,
    pub(crate) cache: Cache,
    pub(crate) hands: Hands,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) calendar: Calendar,
    pub(crate) clock: Clock,
    pub(crate) semantics: Semantics,
    pub(crate) node_grace: Duration,
}

/// How work came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// All of it was done, or will be tried again.
    Over,
    /// The server does not answer.
    Away,
}

impl Worker {
    /// Works until `stop` says otherwise. What is under way by then is finished.
    pub(crate) async fn run(self, mut stopping: Stopping) {
        tokio::select! {
            () = self.cache.filled() => {}
            () = stopping.told() => return,
        }
        tracing::info!("all objects are known; at work");
        let mut resync = self.clock.now();
        let mut away = AWAY;
        // A server that does not answer takes no heartbeats either.
        let mut answered_since = WallTime::BEGINNING;
        while !stopping.is_told() {
            if self.clock.now() >= resync {
                self.board.add(work::everything(&self.cache));
                resync = self.clock.now() + RESYNC;
            }
            let now = (self.calendar)();
            let pause = match self.board.next(now) {
                Next::Do(work) => match self.work(work, now, answered_since).await {
                    Outcome::Over => {
                        away.forget();
                        continue;
                    }
                    Outcome::Away => {
                        answered_since = (self.calendar)();
                        away.longer()
                    }
                },
                Next::Wait(until) => {
                    tokio::select! {
                        () = self.board.caused() => {}
                        () = sleep(self.idle(now, until, resync)) => {}
                        () = stopping.told() => {}
                    }
                    continue;
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = stopping.told() => {}
            }
        }
    }

    fn idle(&self, now: WallTime, until: Option<WallTime>, resync: Instant) -> Duration {
        let until_next = until.map_or(LONGEST_SLEEP, |until| until.since(now));
        until_next.min(LONGEST_SLEEP).min(resync.since(self.clock.now()))
    }

    /// Looks once, and does what is to be done.
    async fn work(&self, work: Work, time: WallTime, answered_since: WallTime) -> Outcome {
        if let Err(error) = self.hands.settle().await {
            tracing::debug!(%error, "the API server does not answer");
            self.board.failed(work, time, None);
            return Outcome::Away;
        }
        let now = Now {
            time,
            semantics: self.semantics,
            node_grace: self.node_grace,
            listening_since: self.cache.listening_since().unwrap_or(time).max(answered_since),
        };
        let plans = work::look(&self.cache, &work, &now);
        self.metrics.looked(work.name(), plans.iter().any(|plan| !plan.is_empty()));
        let again = plans.iter().filter_map(|plan| plan.revisit).min();
        let (mut is_done, mut outcome) = (true, Outcome::Over);
        for plan in &plans {
            if let Err(error) = self.carry_out(plan, &work).await {
                is_done = false;
                self.tell_of(&error, &work, &now).await;
                if let HandsError::Unanswered { .. } = error {
                    outcome = Outcome::Away;
                    break;
                }
            }
        }
        if is_done {
            self.board.done(work, again);
        } else {
            self.board.failed(work, time, again);
        }
        outcome
    }

    async fn carry_out(&self, plan: &Plan, work: &Work) -> Result<(), HandsError> {
        let carried_out = self.hands.carry_out(plan, |metric| self.metrics.count(metric)).await;
        if let Err(error) = &carried_out {
            let work = work.name();
            match error {
                HandsError::Stale { .. } => tracing::debug!(work, "{error}"),
                HandsError::Refused { .. } | HandsError::Unanswered { .. } => {
                    tracing::warn!(work, "{error}");
                }
            }
            self.metrics.failed(work, error);
        }
        carried_out
    }
    /// Tells those whose object the server refuses.
    async fn tell_of(&self, error: &HandsError, work: &Work, now: &Now) {
        let HandsError::Refused { object, status, .. } = error else { return };
        let told = work::refused(&self.cache, work, object, &status.message, now);
        if let Some(plan) = told
            && self.carry_out(&plan, work).await.is_err()
        {
            tracing::debug!(work = work.name(), "nobody was told of it; it is tried again");
        }
    }
}
