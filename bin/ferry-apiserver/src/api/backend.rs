//! What the API stands on: the one writer with its published state, and the process around it.

use std::future::Future;
use std::sync::{Arc, RwLockReadGuard};
use std::time::Duration;

use ferry_admission::{Action, ActionAnswer, Authorizer};
use ferry_api::Kind;
use ferry_registry::{Answer, Refusal, Request, Revision, State, User};
use ferry_units::WallTime;
use tokio::sync::watch;

use crate::access::{Holder, Issued};
use crate::http::Stopping;

/// The cluster: what is in it, and how it is changed.
pub trait Backend: Send + Sync + 'static {
    /// What is durable. Held shortly, and never while something else is waited for.
    fn state(&self) -> RwLockReadGuard<'_, State>;

    /// Does a write. It is durable when this answers.
    fn write(&self, request: Request) -> impl Future<Output = Result<Written, Refusal>> + Send;

    /// Does what takes a few writes.
    fn act(
        &self,
        user: User,
        action: Action,
    ) -> impl Future<Output = Result<ActionAnswer, Refusal>> + Send;

    /// Changes whenever an object of the kind did.
    fn watch(&self, kind: Kind) -> watch::Receiver<Revision>;

    /// Who may do what, as of the published state.
    fn authorizer(&self) -> Arc<Authorizer>;

    /// What time it is.
    fn now(&self) -> WallTime;

    /// What keeps it from taking writes, if anything does.
    fn trouble(&self) -> Option<Trouble>;
}

/// Why writes are not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The disk is nearly full; they are taken again once it is not.
    NoRoom(String),
    /// The journal has failed, and only a new start finds out what is on the disk.
    Stopped(String),
}

/// A write that was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// What the client is told.
    pub answer: Answer,
    /// What it is warned of.
    pub warnings: Vec<String>,
}

/// The process around the API.
pub trait Process: Send + Sync + 'static {
    /// Figures about it, as Prometheus reads them.
    fn metrics(&self) -> String;

    /// Whether it is well, one by one.
    fn checks(&self) -> Vec<Check>;

    /// A token for a service account.
    fn issue_token(
        &self,
        holder: &Holder,
        audiences: &[String],
        lifetime: Duration,
        now: WallTime,
    ) -> Issued;

    /// Whom a token stands for, and which of the audiences it is for.
    fn review_token(
        &self,
        token: &str,
        audiences: &[String],
        now: WallTime,
    ) -> Option<(User, Vec<String>)>;

    /// Hears of the end.
    fn stopping(&self) -> Stopping;
}

/// One thing that is well or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is called.
    pub name: &'static str,
    /// Whether it has to be well for the process to stay: it is asked about at `/livez`, too.
    pub scope: CheckScope,
    /// What is wrong, if anything is.
    pub problem: Option<String>,
}

/// What a check is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckScope {
    /// Whether the process should go on, and whether it can serve.
    Alive,
    /// Only whether it can serve now.
    Ready,
}
