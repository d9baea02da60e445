//! How a migration has ended: from where to where, in what time, and why where it has not moved.

use std::time::Duration;

use ferry_api::kubevirt::{MigrationPhase, MigrationState, VirtualMachineInstanceMigration};
use ferry_rpc::{Progress, Story};
use ferry_units::Bytes;
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::ListParams;
use serde::Serialize;

use super::follow::Followed;
use crate::cluster::connection::Cluster;
use crate::cluster::daemon;
use crate::cluster::machine::phase;
use crate::cluster::until::within;
use crate::figures::{size, span};

/// How long a daemon is asked for figures when all is over. They are nice to have.
const FIGURES: Duration = Duration::from_secs(3);

/// How long to wait before a source is asked again that has not seen the end yet: the migration is
/// over when its target says so.
const AGAIN: Duration = Duration::from_millis(50);

/// How a migration has ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ending {
    namespace: String,
    vm: String,
    migration: String,
    #[serde(skip)]
    pub(crate) end: End,
    /// The last phase that was seen.
    phase: String,
    source_node: Option<String>,
    target_node: Option<String>,
    /// How memory crossed.
    mode: Option<String>,
    /// Why it has not moved.
    reason: Option<String>,
    seconds: Option<f64>,
    passes: Option<u64>,
    transferred_bytes: Option<u64>,
    blackout_ns: Option<u64>,
}

/// Whether the machine has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It has.
    Succeeded,
    /// It has not.
    Failed,
    /// Nobody waited for it.
    Left,
}

/// Finds out how it ended.
pub(crate) async fn ending(
    cluster: &Cluster,
    migration: &VirtualMachineInstanceMigration,
    followed: Followed,
) -> Ending {
    let mut ending = Ending::of(cluster, migration);
    match followed {
        Followed::Ended(migration, progress) => {
            let state = migration.status.as_ref().and_then(|one| one.migration_state.clone());
            let state = state.unwrap_or_default();
            let story = story(cluster, &migration, &state).await;
            ending.phase = phase(&migration).to_string();
            ending.read(&state, progress.as_deref(), story.as_ref());
            if phase(&migration) == MigrationPhase::Succeeded {
                ending.end = End::Succeeded;
            } else {
                ending.end = End::Failed;
                ending.reason = Some(reason(cluster, &migration).await);
            }
        }
        Followed::Gone => {
            ending.reason = Some("it was cancelled, and is gone".to_owned());
        }
        Followed::TooLong(last) => {
            let state = last.status.as_ref().and_then(|one| one.migration_state.as_ref());
            ending.read(state.unwrap_or(&MigrationState::default()), None, None);
            ending.phase = phase(&last).to_string();
            ending.end = End::Left;
            ending.reason = Some("it takes longer than --timeout".to_owned());
        }
        Followed::Left => {
            ending.end = End::Left;
            ending.reason = Some("nobody waits for it any more".to_owned());
        }
    }
    ending
}

impl Ending {
    fn of(cluster: &Cluster, migration: &VirtualMachineInstanceMigration) -> Self {
        Self {
            namespace: cluster.namespace.clone(),
            vm: migration.spec.vmi_name.clone(),
            migration: migration.name_any(),
            end: End::Failed,
            phase: phase(migration).to_string(),
            source_node: None,
            target_node: None,
            mode: None,
            reason: None,
            seconds: None,
            passes: None,
            transferred_bytes: None,
            blackout_ns: None,
        }
    }

    fn read(&mut self, state: &MigrationState, progress: Option<&Progress>, story: Option<&Story>) {
        self.source_node.clone_from(&state.source_node);
        self.target_node.clone_from(&state.target_node);
        self.mode = state.mode.map(|mode| format!("{mode:?}"));
        let last = story.map(|story| &story.last).or(progress);
        self.seconds = match (last, &state.start_timestamp, &state.end_timestamp) {
            (Some(last), _, _) => Some(last.elapsed.as_secs_f64()),
            (None, Some(start), Some(end)) => {
                Some(end.0.duration_since(start.0).as_secs_f64().max(0.0))
            }
            (None, _, _) => None,
        };
        self.passes = last.map(|last| last.passes);
        self.transferred_bytes = last.map(|last| last.transferred.get());
        self.blackout_ns = story.and_then(|story| story.blackout_ns);
    }

    /// For people: `web moved from node-1 to node-2 in 3.2 s`.
    pub(crate) fn told(&self) -> String {
        let Self { vm, migration, .. } = self;
        let reason = self.reason.as_deref().unwrap_or("nobody says why");
        match self.end {
            End::Succeeded => format!("{vm} moved{}{}", self.way(), self.summary()),
            End::Failed => format!("{vm} has not moved: {reason} (migration {migration})"),
            End::Left => {
                format!("{reason}: migration {migration} goes on; `ferry cancel {vm}` ends it")
            }
        }
    }

    fn way(&self) -> String {
        match (&self.source_node, &self.target_node) {
            (Some(from), Some(to)) => format!(" from {from} to {to}"),
            (None, Some(to)) => format!(" to {to}"),
            (_, None) => String::new(),
        }
    }

    /// ` in 3.2 s (PreCopy, 512 MiB, 3 passes, stood still for 12 ms)`.
    fn summary(&self) -> String {
        let passes =
            |passes| if passes == 1 { "1 pass".to_owned() } else { format!("{passes} passes") };
        let details: Vec<String> = [
            self.mode.clone(),
            self.crossed(),
            self.passes.map(passes),
            self.stood_still().map(|span| format!("stood still for {span}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let took = self.took().map(|took| format!(" in {took}")).unwrap_or_default();
        if details.is_empty() { took } else { format!("{took} ({})", details.join(", ")) }
    }

    /// The cells of a table: from, to, mode, time, size, passes, stand-still.
    pub(crate) fn figures(&self) -> [String; 7] {
        [
            self.source_node.clone(),
            self.target_node.clone(),
            self.mode.clone(),
            self.took(),
            self.crossed(),
            self.passes.map(|passes| passes.to_string()),
            self.stood_still(),
        ]
        .map(|cell| cell.unwrap_or_else(|| "-".to_owned()))
    }

    fn took(&self) -> Option<String> {
        self.seconds.map(|seconds| format!("{seconds:.1} s"))
    }

    fn crossed(&self) -> Option<String> {
        self.transferred_bytes.map(|sent| size(Bytes::new(sent)))
    }

    fn stood_still(&self) -> Option<String> {
        self.blackout_ns.map(|ns| span(Duration::from_nanos(ns)))
    }
}

/// What the source node knows of it once it is over, if it can be asked.
async fn story(
    cluster: &Cluster,
    migration: &VirtualMachineInstanceMigration,
    state: &MigrationState,
) -> Option<Story> {
    let node = state.source_node.as_deref()?;
    let uid = migration.uid()?;
    let mut found = None;
    let asked = async {
        let node = daemon::of_node(cluster, node).await.ok()?;
        loop {
            let story = node.story(&uid).await.ok()?;
            let is_whole = story.ended.is_some();
            found = Some(story);
            if is_whole {
                return Some(());
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    within(Some(FIGURES), asked).await;
    found
}

/// Why a migration has failed: what its nodes say, or else the last event that complains of it.
pub(crate) async fn reason(
    cluster: &Cluster,
    migration: &VirtualMachineInstanceMigration,
) -> String {
    let state = migration.status.as_ref().and_then(|status| status.migration_state.as_ref());
    let own = state.and_then(|state| state.failure_reason.as_deref()).map(str::trim);
    if let Some(own) = own.filter(|text| !text.is_empty()) {
        return own.to_owned();
    }
    let uid = migration.uid().unwrap_or_default();
    let of_it = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
    let events = cluster.objects::<Event>().list(&of_it).await;
    let events = events.map(|list| list.items).unwrap_or_default();
    let complaints = events.into_iter().filter(|event| event.type_.as_deref() == Some("Warning"));
    let when = |event: &Event| event.last_timestamp.clone().or(event.first_timestamp.clone());
    let last = complaints.max_by(|one, other| when(one).cmp(&when(other)));
    last.and_then(|event| event.message).unwrap_or_else(|| "nobody says why".to_owned())
}
