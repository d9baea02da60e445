//! What the source of a migration asks, answered between two looks at the guest.

use ferry_qmp::MigratePause;
use ferry_qmp::words::{MigrationStatus, RunState};
use ferry_reconcile::guest::GuestEnd;
use ferry_rpc::{Concluded, Conclusion, Outcome, Refusal, RefusalKind, Reopened, Wholeness};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::process::{Reached, Standing};
use super::{Keeper, SOON};
use crate::guests::machine::{self, Listens};
use crate::guests::world::{advertised, at};

/// How long a process may take that was killed. Linux gives back its memory first.
const DEATH: Duration = Duration::from_secs(5);

/// How long a guest that is let go may take to run. All of it is here, or so its source was told.
const BEGINNING: Duration = Duration::from_secs(1);

/// What is asked, and where the answer goes.
#[derive(Debug)]
pub(in crate::guests) enum Ask {
    /// Which copy lives?
    Outcome { migration_uid: String, answer: Reply<Outcome> },
    /// Listen once more.
    Recover { migration_uid: String, answer: Reply<Reopened> },
    /// Something is over at the source.
    Conclude { migration_uid: String, conclusion: Conclusion, answer: Reply<Concluded> },
}

type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

impl Keeper {
    /// Answers. Whoever has asked may be gone, and asks again.
    pub(super) async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Outcome { migration_uid, answer } => {
                drop(answer.send(self.outcome(&migration_uid).await));
            }
            Ask::Recover { migration_uid, answer } => {
                drop(answer.send(self.reopen(&migration_uid).await));
            }
            Ask::Conclude { migration_uid, conclusion, answer } => {
                drop(answer.send(self.conclude(&migration_uid, conclusion).await));
            }
        }
    }

    /// Whether the guest has run here. One that has not never will: what awaits it ends first.
    async fn outcome(&mut self, uid: &str) -> Result<Outcome, Refusal> {
        if let Some(noted) = self.world.outcomes.get(uid).map_err(broken)? {
            return Ok(noted);
        }
        self.must_await(uid)?;
        if self.record.end.is_none() {
            match self.look_unless_held(uid).await? {
                Reached::Up if self.lives_here() => return Ok(Outcome::Arrived),
                // It has begun to since we looked.
                Reached::Up if machine::has_run(&self.dir).map_err(broken)? => {
                    return Err(Refusal::unavailable("the guest is just arriving"));
                }
                Reached::Up | Reached::NotYet => {
                    let why = "the link to its source has broken, and the source takes it back";
                    self.end(GuestEnd::NeverCame { why: why.to_owned() }).map_err(broken)?;
                }
                Reached::Gone(why) => drop(self.died(&why).await.map_err(broken)?),
            }
        }
        self.show();
        let until = self.world.now() + DEATH;
        while self.world.now() < until {
            self.after_end().await.map_err(broken)?;
            if let Some(noted) = self.world.outcomes.get(uid).map_err(broken)? {
                return Ok(noted);
            }
            sleep(SOON).await;
        }
        Err(Refusal::unavailable("what awaits the guest does not end"))
    }

    /// Looks at the guest now. One that says nothing is taken for one that has not come, if it cannot run
    /// before it is let go: only this keeper does that.
    async fn look_unless_held(&mut self, uid: &str) -> Result<Reached, Refusal> {
        match self.look_for(uid).await {
            Err(_) if self.record.arrival().is_some() && !self.is_let_go() => Ok(Reached::NotYet),
            looked => looked,
        }
    }

    /// Listens once more for a post-copy whose link has broken.
    async fn reopen(&mut self, uid: &str) -> Result<Reopened, Refusal> {
        self.must_await(uid)?;
        match self.look_for(uid).await? {
            Reached::Up => {}
            Reached::NotYet | Reached::Gone(_) => return Err(gone()),
        }
        let qmp = self.qmp().map_err(busy)?;
        match self.status() {
            MigrationStatus::PostcopyPaused => {}
            MigrationStatus::Completed => {
                return Err(Refusal::new(RefusalKind::NotNow, "all of the guest is here"));
            }
            MigrationStatus::PostcopyActive | MigrationStatus::PostcopyRecover => {
                // It has not noticed yet that the link is broken.
                let _noticed = qmp.execute_out_of_band(&MigratePause).await;
                return Err(Refusal::unavailable("the guest has only now heard of it"));
            }
            status => return Err(Refusal::unavailable(format!("the migration is {status} here"))),
        }
        let settings = self.record.arrival().map(|arrival| arrival.order.settings.clone());
        let network = settings.and_then(|settings| settings.network);
        let network = self.world.network(network.as_deref()).map_err(broken)?.clone();
        for port in self.world.ports() {
            match self.machine().listen_again(&qmp, at(network.listen, port)).await {
                Ok(Listens::Yes) => {
                    let there = advertised(&network, port);
                    return Ok(Reopened { address: there.address, port: there.port });
                }
                Ok(Listens::Taken) => {}
                Err(error) => return Err(busy(error)),
            }
        }
        Err(Refusal::unavailable("this node has no port to await it at"))
    }

    /// Takes in what only the source knows.
    async fn conclude(&mut self, uid: &str, conclusion: Conclusion) -> Result<Concluded, Refusal> {
        self.must_await(uid)?;
        match self.look_for(uid).await? {
            Reached::Up => {}
            Reached::NotYet | Reached::Gone(_) => return Err(gone()),
        }
        let wholeness = match (conclusion, self.status()) {
            (Conclusion::Lost, MigrationStatus::Completed) => Wholeness::Whole,
            (Conclusion::Lost, MigrationStatus::PostcopyPaused) => {
                let why = "its source has ended before all of it was here".to_owned();
                self.end(GuestEnd::Torn { why }).map_err(broken)?;
                self.show();
                Wholeness::Torn
            }
            (Conclusion::Keep, MigrationStatus::Completed) => {
                machine::let_go(&self.dir).map_err(broken)?;
                Wholeness::Whole
            }
            (Conclusion::Run, status)
                if status == MigrationStatus::Completed || !self.is_let_go() =>
            {
                self.let_go().await.map_err(busy)?;
                Wholeness::Whole
            }
            (_, status) => {
                return Err(Refusal::unavailable(format!("the migration is {status} here")));
            }
        };
        let resumed = self.record.arrival().and_then(|arrival| arrival.told.resumed);
        Ok(Concluded { wholeness, resumed })
    }

    /// Lets the guest run, if it does not, and waits a moment until it does.
    async fn let_go(&mut self) -> anyhow::Result<()> {
        let is_still = matches!(self.seen.run, Some(RunState::Paused | RunState::Inmigrate));
        if !is_still {
            return Ok(());
        }
        self.machine().let_go(&self.qmp()?, &self.dir).await?;
        let until = self.world.now() + BEGINNING;
        loop {
            self.look().await?;
            if self.seen.run != Some(RunState::Inmigrate) || self.world.now() >= until {
                break;
            }
            sleep(SOON).await;
        }
        self.arrive().await?;
        self.show();
        Ok(())
    }

    /// Looks at the guest now, and notes if it has arrived.
    async fn look_for(&mut self, uid: &str) -> Result<Reached, Refusal> {
        if self.record.end.is_some() {
            return Ok(Reached::Gone("its process is gone".to_owned()));
        }
        let reached = self.reach().await.map_err(broken)?;
        match reached {
            Reached::Up => {
                self.look().await.map_err(busy)?;
                self.must_await(uid)?;
                self.arrive().await.map_err(broken)?;
                self.show();
            }
            Reached::NotYet if self.standing() == Standing::Alive => {
                return Err(Refusal::unavailable("the guest does not answer"));
            }
            Reached::NotYet | Reached::Gone(_) => {}
        }
        Ok(reached)
    }

    /// Whether this guest is the one that comes in that migration.
    fn must_await(&mut self, uid: &str) -> Result<(), Refusal> {
        match self.record.arrival() {
            Some(arrival) if arrival.told.migration_uid == uid => Ok(()),
            Some(_) | None => Err(Refusal::not_found(format!("no guest comes in migration {uid}"))),
        }
    }
}

fn gone() -> Refusal {
    Refusal::not_found("the guest has ended here")
}

fn busy(error: impl std::fmt::Display) -> Refusal {
    Refusal::unavailable(error)
}

fn broken(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(RefusalKind::Broken, error)
}
