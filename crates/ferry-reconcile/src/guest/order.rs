//! What a node is to do with its guests. An order that was carried out changes nothing when it is
//! given again, and it is given again until the [report](super::GuestReport) shows that it was.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::path::PathBuf;

use ferry_config::{MigrationSettings, TransferSize};
use ferry_units::{Bytes, WallTime};
use serde::{Deserialize, Serialize};

use super::machine::{Board, MachineKind};
use crate::claims::Image;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Start a guest's process and let it run.
    Start(GuestSpec),
    /// Start a process that waits for a guest from elsewhere.
    Await(GuestSpec),
    /// Have what waits listen.
    Listen(Listen),
    /// Send a guest to where it is awaited.
    Migrate(Migrate),
    /// Call off what a [`Migrate`] has begun.
    Abort {
        /// The guest's pod.
        pod_uid: String,
        /// The migration; another one is not called off.
        migration_uid: String,
    },
    /// Let a guest stand still.
    Pause {
        /// The guest's pod.
        pod_uid: String,
    },
    /// Let it run again.
    Resume {
        /// The guest's pod.
        pod_uid: String,
    },
    /// Ask a guest to shut down, and end its process if it has not by then.
    ShutDown {
        /// The guest's pod.
        pod_uid: String,
        /// How long it may take.
        until: WallTime,
    },
    /// End a guest's process now.
    Kill {
        /// The guest's pod.
        pod_uid: String,
    },
    /// Remove what is left of a guest that has ended: its disks, its files, its report.
    Forget {
        /// The guest's pod.
        pod_uid: String,
    },
}

/// What a guest is made of. It says the same on both ends of a migration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuestSpec {
    /// The uid of its pod.
    pub pod_uid: String,
    /// The name of its pod.
    pub pod_name: String,
    /// The namespace of its instance.
    pub namespace: String,
    /// The name of its instance.
    pub name: String,
    /// The uid of its instance.
    pub instance_uid: String,
    /// The guest's own identity: what its firmware says, or else the uid of the instance.
    pub uuid: String,
    /// How much memory.
    pub memory: Bytes,
    /// How many virtual CPUs.
    pub vcpus: u32,
    /// Whether it is not to run before it is told to. One that comes from elsewhere does what it did
    /// there.
    pub starts_paused: bool,
    /// Its disks, in the order of the instance's volumes.
    pub disks: Vec<Disk>,
    /// The annotations of the instance that say what the guest works on, without their prefix
    /// `workload.ferry.dev/`.
    pub workload: BTreeMap<String, String>,
    /// What kind of machine it is; what its node takes if its instance does not say.
    #[serde(default)]
    pub machine: Option<MachineKind>,
    /// What a machine with firmware is made of beside that.
    #[serde(default)]
    pub board: Board,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The name of its volume.
    pub name: String,
    /// How large it is.
    pub size: Bytes,
    /// Where it is.
    pub place: DiskPlace,
}

/// Where a disk is, and so whether it has to move with its guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskPlace {
    /// With the guest: it is made for it, and ends with it.
    Ephemeral,
    /// On a claim that one node can use.
    Claim(Image),
    /// On a claim that every node can use.
    SharedClaim(Image),
    /// A file of the node.
    Host {
        /// Where, on the node.
        path: PathBuf,
    },
    /// A file that is said to be the same on every node.
    SharedHost {
        /// Where, on each node.
        path: PathBuf,
    },
}

/// How to await a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// The pod that waits.
    pub pod_uid: String,
    /// The migration.
    pub migration_uid: String,
    /// How it is to cross, as hand-off has fixed it.
    pub settings: MigrationSettings,
    /// Connections that carry memory.
    pub channels: u8,
}

/// How to send a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrate {
    /// The pod that it leaves.
    pub pod_uid: String,
    /// The migration.
    pub migration_uid: String,
    /// The node that it goes to.
    pub target_node: String,
    /// Where it is awaited.
    pub address: IpAddr,
    /// The port there.
    pub port: u16,
    /// How it is to cross, as hand-off has fixed it.
    pub settings: MigrationSettings,
    /// What has to cross, which the completion timeout goes by.
    pub size: TransferSize,
    /// Connections that carry memory.
    pub channels: u8,
    /// Why the guest stands still, as was told last. Whoever has sent it already and has lost its
    /// journal knows no better.
    #[serde(default)]
    pub stillness: Stillness,
}

/// Why a guest stands still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stillness {
    /// It does not, as far as anybody has told.
    #[default]
    Unknown,
    /// Somebody wants that.
    Wanted,
    /// It was suspended so that the rest of it can cross.
    Suspended,
}
