//! What a daemon has to remember of a guest when it is killed: one file beside the guest's own.
//!
//! Everything that cannot be seen of the guest's process is here, written before it takes effect: who
//! the guest is, which process, how far its part in a migration is decided, and how it has ended.

use std::io;
use std::path::{Path, PathBuf};

use ferry_reconcile::guest::{
    Arriving, GuestEnd, GuestSpec, Leaving, Listen, Migrate, MigrationReport,
};
use ferry_units::WallTime;
use serde::{Deserialize, Serialize};

use super::file;
use super::process::ProcessId;

/// The journal's file in a guest's directory.
const FILE: &str = "guest.json";

/// What is remembered of a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// What it is made of.
    pub(super) spec: GuestSpec,
    /// Where it comes from.
    pub(super) origin: Origin,
    /// Whether the journal before this one was lost, and what is here was found at its process: what
    /// became of the guest before that is not known.
    #[serde(default)]
    pub(super) is_found: bool,
    /// Its process, once that is known.
    pub(super) process: Option<ProcessId>,
    /// Whether its process has ever answered: one that never has could not be started.
    pub(super) answered: bool,
    /// Until when it may shut down, once it was asked to.
    pub(super) shut_down_until: Option<WallTime>,
    /// How it has ended. Its process is killed, if it is still there.
    pub(super) end: Option<GuestEnd>,
    /// Its part in the migration that it is in, or was in last.
    pub(super) part: Option<Part>,
}

/// Where a guest comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Origin {
    /// It boots here.
    Boot,
    /// It comes from another node.
    Elsewhere,
}

/// A guest's part in a migration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Part {
    /// It leaves.
    Leaving(Box<Departure>),
    /// It comes.
    Arriving(Box<Arrival>),
}

/// A guest that leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Departure {
    /// How it was to be sent.
    pub(super) order: Migrate,
    /// What others are told.
    pub(super) told: Leaving,
    /// Whether its guest was stopped here so that the rest can cross.
    pub(super) suspended: bool,
    /// Why it is called off, once it is.
    pub(super) calling_off: Option<String>,
    /// Whether the guest stood still before it began to leave, because somebody wanted that.
    pub(super) was_paused: bool,
    /// Whether the destination has to be told to let the guest run.
    pub(super) owes_release: bool,
}

/// A guest that comes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Arrival {
    /// How it is to be awaited.
    pub(super) order: Listen,
    /// What others are told.
    pub(super) told: Arriving,
}

impl Record {
    /// That of a guest about which nothing is known yet but this.
    pub(super) fn new(spec: GuestSpec, origin: Origin) -> Self {
        Self {
            spec,
            origin,
            is_found: false,
            process: None,
            answered: false,
            shut_down_until: None,
            end: None,
            part: None,
        }
    }

    /// Reads the journal in a guest's directory; `None` where there is none.
    pub(super) fn read(dir: &Path) -> io::Result<Option<Self>> {
        file::read(&path(dir))
    }

    /// Writes it there.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        file::write(&path(dir), self)
    }

    /// Its part in a migration that it leaves by, if that has not ended.
    pub(super) fn departure(&mut self) -> Option<&mut Departure> {
        match &mut self.part {
            Some(Part::Leaving(departure)) if departure.told.end.is_none() => Some(departure),
            Some(Part::Leaving(_) | Part::Arriving(_)) | None => None,
        }
    }

    /// Its part in the migration that it came by, or comes by.
    pub(super) fn arrival(&mut self) -> Option<&mut Arrival> {
        match &mut self.part {
            Some(Part::Arriving(arrival)) => Some(arrival),
            Some(Part::Leaving(_)) | None => None,
        }
    }
}

impl Part {
    /// What others are told.
    pub(super) fn told(&self) -> MigrationReport {
        match self {
            Self::Leaving(departure) => MigrationReport::Leaving(departure.told.clone()),
            Self::Arriving(arrival) => MigrationReport::Arriving(arrival.told.clone()),
        }
    }

    /// The migration.
    pub(super) fn migration_uid(&self) -> &str {
        match self {
            Self::Leaving(departure) => &departure.told.migration_uid,
            Self::Arriving(arrival) => &arrival.told.migration_uid,
        }
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ferry_config::{MigrationSettings, TransferSize};
    use ferry_reconcile::guest::{Board, MigrationMode, Stillness};
    use ferry_units::{Bytes, Downtime};

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(dir.path()).unwrap(), None);
        let spec = GuestSpec {
            pod_uid: "p".to_owned(),
            pod_name: "virt-launcher-db".to_owned(),
            namespace: "shop".to_owned(),
            name: "db".to_owned(),
            instance_uid: "i".to_owned(),
            uuid: "u".to_owned(),
            memory: Bytes::from_mib(64),
            vcpus: 2,
            starts_paused: false,
            disks: Vec::new(),
            workload: BTreeMap::from([("seed".to_owned(), "7".to_owned())]),
            machine: None,
            board: Board::default(),
        };
        let mut record = Record::new(spec, Origin::Boot);
        record.process = Some(ProcessId { pid: 7, started: 9 });
        record.part = Some(Part::Leaving(Box::new(Departure {
            order: Migrate {
                pod_uid: "p".to_owned(),
                migration_uid: "m".to_owned(),
                target_node: "node-2".to_owned(),
                address: "127.0.1.2".parse().unwrap(),
                port: 49_152,
                settings: MigrationSettings {
                    max_downtime: Some(Downtime::from_millis(900).unwrap()),
                    ..MigrationSettings::default()
                },
                size: TransferSize { memory: Bytes::from_mib(64), disks: Bytes::ZERO },
                channels: 4,
                stillness: Stillness::Unknown,
            },
            told: Leaving {
                migration_uid: "m".to_owned(),
                started: None,
                mode: MigrationMode::PreCopy,
                end: None,
                abort_failed: false,
            },
            suspended: true,
            calling_off: None,
            was_paused: false,
            owes_release: false,
        })));
        record.write(dir.path()).unwrap();
        assert_eq!(Record::read(dir.path()).unwrap(), Some(record.clone()));
        assert!(record.departure().is_some());
        assert!(record.arrival().is_none());
    }
}
