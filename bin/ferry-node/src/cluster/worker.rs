//! The loop: looks at every pod and guest of the node, gives orders, and carries out plans.
//!
//! A node has a hundred pods at most, so all of them are looked at whenever something has changed. A
//! look costs microseconds and is idempotent; what is not looked at can be forgotten.

use std::sync::Arc;
use std::time::Duration;

use ferry_client::{Cache, Calendar, Hands, HandsError, Pause, Stopping};
use ferry_reconcile::Plan;
use ferry_reconcile::guest::{self, Here};
use ferry_reconcile::presence::{self, Presence};
use ferry_units::WallTime;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{Keeper, Metrics};

/// The longest sleep: everything is looked at again after it, whether it has changed or not. The
/// calendar may jump, and nobody tells.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The pauses after a write that failed: because somebody else was faster, of which the cache hears in
/// a moment, or because the API server is away.
const AGAIN: Pause = Pause::new(Duration::from_millis(20), Duration::from_secs(2));

/// Does the node's work.
pub(crate) struct Worker<K> {
    pub(crate) here: Here,
    pub(crate) presence: Presence,
    pub(crate) keeper: Arc<K>,
    pub(crate) cache: Cache,
    pub(crate) hands: Hands,
    /// Notified of changes in the cache.
    pub(crate) changed: Arc<Notify>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) calendar: Calendar,
}

/// How a round came out.
struct Round {
    /// When to look again though nothing has changed.
    again: Option<WallTime>,
    /// Whether all plans were carried out.
    is_done: bool,
}

/// Why a plan was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setback {
    /// Others may fare better.
    OfPlan,
    /// Others would fare no better.
    OfServer,
}

impl<K: Keeper> Worker<K> {
    /// Works until `stop` says otherwise. Nothing is ordered before everything is known: what is
    /// missing from a cache that is half full would look like something that is gone.
    pub(crate) async fn run(self, mut stopping: Stopping) {
        let mut reported = self.keeper.subscribe();
        tokio::select! {
            () = self.cache.filled() => {}
            () = stopping.told() => return,
        }
        tracing::info!("all objects are known; at work");
        let mut pause = AGAIN;
        while !stopping.is_told() {
            reported.borrow_and_update();
            let now = (self.calendar)();
            let round = self.round(now).await;
            let wait = if round.is_done {
                pause.forget();
                round.again.map_or(LONGEST_SLEEP, |again| again.since(now))
            } else {
                pause.longer()
            };
            tokio::select! {
                () = self.changed.notified(), if round.is_done => {}
                news = reported.changed() => if news.is_err() { return },
                () = sleep(wait.min(LONGEST_SLEEP)) => {}
                () = stopping.told() => {}
            }
        }
    }

    /// Looks at everything once. Orders are given before anything is sent, and whether or not the API
    /// server answers.
    async fn round(&self, now: WallTime) -> Round {
        let mut round = Round { again: None, is_done: true };
        if let Err(error) = self.hands.settle().await {
            self.failed(&error);
            round.is_done = false;
        }
        let presence = presence::observe(&self.cache, &self.presence, now);
        let mut plans = vec![presence::plan(&presence)];
        let reports = self.keeper.reports();
        for subject in guest::subjects(&self.cache, &self.here, &reports) {
            let seen = guest::observe(&self.cache, &self.here, &reports, &subject, now);
            let Some(plan) = seen.map(|seen| guest::plan(&seen)) else { continue };
            for order in plan.orders {
                tracing::debug!(?order, "ordered");
                self.keeper.order(order);
            }
            plans.push(plan.api);
        }
        round.again = plans.iter().filter_map(|plan| plan.revisit).min();
        for plan in plans.iter().filter(|plan| !plan.is_empty()) {
            match self.carry_out(plan).await {
                Ok(()) => {}
                Err(Setback::OfPlan) => round.is_done = false,
                Err(Setback::OfServer) => {
                    round.is_done = false;
                    break;
                }
            }
        }
        round
    }

    /// Carries out a plan, unless the server is away: the plan may be about what is no longer so.
    async fn carry_out(&self, plan: &Plan) -> Result<(), Setback> {
        if self.cache.listening_since().is_none() {
            return Err(Setback::OfServer);
        }
        self.hands.carry_out(plan, |_| ()).await.map_err(|error| {
            self.failed(&error);
            match error {
                HandsError::Stale { .. } | HandsError::Refused { .. } => Setback::OfPlan,
                HandsError::Unanswered { .. } => Setback::OfServer,
            }
        })
    }

    fn failed(&self, error: &HandsError) {
        self.metrics.failed(error);
        match error {
            HandsError::Stale { .. } => tracing::debug!("{error}"),
            HandsError::Refused { .. } | HandsError::Unanswered { .. } => tracing::warn!("{error}"),
        }
    }
}
