//! A migration as the queue sees it: whose it is, which node it leaves, how urgent, since when.

use std::cmp::Ordering;
use std::fmt;

use ferry_api::kubevirt::{MigrationPriority, VirtualMachineInstancePhase};
use ferry_units::WallTime;
use serde::Serialize;

/// A migration's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MigrationKey {
    /// Its namespace, which is its guest's too.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The nodes on which a migration counts as outbound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Departure {
    /// The node that the guest is on (`vmi.status.nodeName`). A guest that arrives from another
    /// cluster is on none, and no node's limit applies to it.
    pub current: Option<String>,
    /// The node that the guest's last hand-off recorded (`vmi.status.migrationState.sourceNode`).
    ///
    /// It keeps counting a migration that still finishes after its guest has moved. It is also
    /// what an *earlier* migration left there, until the next hand-off writes it anew.
    pub recorded_source: Option<String>,
}

/// Whether a guest can be moved at all right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GuestState {
    /// It runs here.
    Running,
    /// It runs in another cluster and is awaited here, so it need not run.
    AwaitedFromElsewhere,
    /// It does neither; this is its `vmi.status.phase`.
    NotRunning {
        /// Such as `Scheduled`.
        phase: VirtualMachineInstancePhase,
    },
}

/// A migration that holds a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Running {
    /// The migration.
    pub migration: MigrationKey,
    /// The name of its VirtualMachineInstance.
    pub guest: String,
    /// Where it counts as outbound.
    pub departure: Departure,
}

/// A migration that waits for a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pending {
    /// The migration.
    pub migration: MigrationKey,
    /// The name of its VirtualMachineInstance.
    pub guest: String,
    /// Where it counts as outbound, as soon as it has started.
    pub departure: Departure,
    /// How urgent it is (`spec.priority`); one that a user made says nothing.
    pub priority: Option<MigrationPriority>,
    /// When it was created.
    pub created: WallTime,
    /// How many pods of its guest are neither `Succeeded` nor `Failed`.
    pub active_pods: u32,
    /// Whether its guest can be moved.
    pub guest_state: GuestState,
}

impl Departure {
    /// A guest on `node` that was never handed over before.
    pub fn from_node(node: impl Into<String>) -> Self {
        Self { current: Some(node.into()), recorded_source: None }
    }

    /// Every node on which this counts, each once.
    // PARITY: pkg/virt-controller/watch/migration/migration.go#outboundMigrationsOnNode
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        let recorded = self.recorded_source.as_ref();
        let recorded = recorded.filter(|recorded| self.current.as_ref() != Some(recorded));
        self.current.iter().chain(recorded).map(String::as_str)
    }
}

/// KubeVirt's number for how urgent a migration is; more is more urgent, and nothing said is 0.
// PARITY: pkg/util/migrations/migrations.go#PriorityFromMigration
pub const fn priority_weight(priority: Option<MigrationPriority>) -> u8 {
    match priority {
        None => 0,
        Some(MigrationPriority::SystemMaintenance) => 20,
        Some(MigrationPriority::UserTriggered) => 50,
        Some(MigrationPriority::SystemCritical) => 100,
    }
}

impl Pending {
    /// The order of the line: the most urgent first, then the oldest, then by namespace and name,
    /// because Kubernetes only knows an object's age to the second.
    pub fn line_order(&self, other: &Self) -> Ordering {
        priority_weight(other.priority)
            .cmp(&priority_weight(self.priority))
            .then_with(|| self.created.cmp(&other.created))
            .then_with(|| self.migration.cmp(&other.migration))
    }
}

impl fmt::Display for MigrationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
