//! QEMU: what it does otherwise than ferry's own guest.

mod accelerator;
mod boards;
mod command;
mod image;
mod mirror;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::str::FromStr;

use ferry_config::Bandwidth;
use ferry_qmp::QueryYank;
use ferry_qmp::words::{Yank, YankInstance};
use ferry_units::BytesPerSecond;

use super::transfer::Link;
use crate::guests::qmp::{Qmp, QmpError};

pub(super) use accelerator::Trial;
pub(super) use command::command;
pub(super) use mirror::{
    cancel, capabilities, close_disks, drive, has_gone, look, open_disks, send, tidy,
};

/// A limit that one connection cannot be relied on to reach, and beside which it is little that several
/// send too much.
const EXACT: BytesPerSecond = BytesPerSecond::from_mib(1024);

/// The program, and how it is started.
#[derive(Clone, Debug)]
pub struct Qemu {
    /// The program; one without a directory is looked for in $PATH.
    pub program: PathBuf,
    /// What executes a guest's instructions.
    pub accelerator: Accelerator,
}

/// What executes a guest's instructions. Both ends of a migration need the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor where the kernel lets it, else a translator.
    #[default]
    Auto,
    /// The processor.
    Kvm,
    /// A translator, which is slower and works everywhere.
    Tcg,
}

impl FromStr for Accelerator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            _ => Err("accepted are auto, kvm and tcg".to_owned()),
        }
    }
}

/// Cuts the connections of a migration. QEMU may wait for one of them where it should answer, while its
/// guest stands still; what it is told out of band it obeys all the same. If it does not even say what
/// could be cut, it is stopped itself, and nothing is wrong with its connections.
pub(super) async fn cut(qmp: &Qmp) -> Result<(), QmpError> {
    let instances = qmp.execute_out_of_band(&QueryYank).await?;
    let is_migration = |instance: &YankInstance| matches!(instance, YankInstance::Migration(_));
    let instances: Vec<_> = instances.into_iter().filter(is_migration).collect();
    if !instances.is_empty() {
        qmp.execute_out_of_band(&Yank { instances }).await?;
    }
    Ok(())
}

/// Whether somebody listens there. QEMU would say so too, but then newer ones cannot be told another
/// port (`migration_incoming_state_setup` in `migration/migration.c`).
pub(super) fn is_taken(at: SocketAddr) -> bool {
    TcpListener::bind(at).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

/// Connections that carry memory. Newer QEMUs look ten times a second at what several of them have sent,
/// and count nothing of what these still have before them, some MiB: at a limit of 8 MiB a second, eight
/// connections of QEMU 10 send 120. Where that matters, one does.
pub(super) fn connections(link: Link<'_>) -> u8 {
    match link.settings.bandwidth {
        Bandwidth::AtMost(rate) if rate < EXACT => 1,
        Bandwidth::AtMost(_) | Bandwidth::Unlimited | Bandwidth::BelowZero => link.channels.max(1),
    }
}

/// QEMU's names for the parts of a disk. Those of volumes can be longer than it takes.
fn file_of(index: usize) -> String {
    format!("file{index}")
}

fn node_of(index: usize) -> String {
    format!("disk{index}")
}

fn device_of(index: usize) -> String {
    format!("device{index}")
}
