//! The loop: looks at every pod and guest of the node, gives orders, and carries out plans.
//!
//! A node has a hundred pods at most, so all of them are looked at whenever something has changed. A
//! look costs microseconds and is idempotent; what is not looked at can be forgotten.

use std::sync::Arc;
use std::time::Duration;

use ferry_client::{Cache, Calendar, Hands, HandsError, Pause};
use ferry_reconcile::guest::{self, GuestReport, Here, Subject};
use ferry_reconcile::presence::{self, Presence};
use ferry_reconcile::Plan;
use ferry_units::WallTime;
use tokio::sync::{Notify, watch};
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

impl<K: Keeper> Worker<K> {
    /// Works until `stop` says otherwise. Nothing is ordered before everything is known: what is
    /// missing from a cache that is half full would look like something that is gone.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut reported = self.keeper.subscribe();
        tokio::select! {
            () = self.cache.filled() => {}
            () = stopped(&mut stop) => return,
        }
        tracing::info!("all objects are known; at work");
        let mut pause = AGAIN;
        while !*stop.borrow() {
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
                () = stopped(&mut stop) => {}
            }
        }
    }

    /// Looks at everything once. Orders are given whether or not the API server answers.
    async fn round(&self, now: WallTime) -> Round {
        let mut round = Round { again: None, is_done: true };
        if let Err(error) = self.hands.settle().await {
            self.failed(&error);
            round.is_done = false;
        }
        let plan = presence::plan(&presence::observe(&self.cache, &self.presence, now));
        self.carry_out(&plan, &mut round).await;
        let reports = self.keeper.reports();
        for subject in guest::subjects(&self.cache, &self.here, &reports) {
            self.look(&subject, &reports, now, &mut round).await;
        }
        round
    }

    async fn look(
        &self,
        subject: &Subject,
        reports: &[GuestReport],
        now: WallTime,
        round: &mut Round,
    ) {
        let seen = guest::observe(&self.cache, &self.here, reports, subject, now);
        let Some(seen) = seen else { return };
        let plan = guest::plan(&seen);
        for order in plan.orders {
            tracing::debug!(?order, "ordered");
            self.keeper.order(order);
        }
        self.carry_out(&plan.api, round).await;
    }

    /// Carries out a plan, unless the server is away.
    async fn carry_out(&self, plan: &Plan, round: &mut Round) {
        round.again = round.again.into_iter().chain(plan.revisit).min();
        if plan.is_empty() {
            return;
        }
        if self.cache.listening_since().is_none() {
            // The plan may be about what is no longer so, and there is nobody to send it to.
            round.is_done = false;
            return;
        }
        if let Err(error) = self.hands.carry_out(plan, |_| ()).await {
            self.failed(&error);
            round.is_done = false;
        }
    }

    fn failed(&self, error: &HandsError) {
        self.metrics.failed(error);
        match error {
            HandsError::Stale { .. } => tracing::debug!("{error}"),
            HandsError::Refused { .. } | HandsError::Unanswered { .. } => tracing::warn!("{error}"),
        }
    }
}

/// Waits until the program is told to end.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Nobody who could say so is left: then it is over as well.
    let _is_over = stop.wait_for(|stop| *stop).await;
}
