//! Ferry's own guest: how it is started.

mod workload;

use std::path::Path;
use std::process::Stdio;

use ferry_reconcile::guest::GuestSpec;
use tokio::process::Command;

use super::disks::Moves;
use super::{Places, SERIAL, SOCKET_WORDS, whole_pages};
use crate::guests::journal::Origin;

/// The command that starts a guest in its directory and a session of its own.
///
/// # Errors
/// Why it cannot be started, in a sentence.
pub(super) fn command(
    program: &Path,
    places: &Places,
    spec: &GuestSpec,
    origin: Origin,
    dir: &Path,
) -> Result<Command, String> {
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .args(["--new-session", "--qmp", SOCKET_WORDS, "--serial", SERIAL])
        .args(["--name", &format!("{}_{}", spec.namespace, spec.name)])
        .args(["--uuid", &spec.uuid])
        .args(["--memory", &whole_pages(spec.memory).to_string()])
        .args(["--cpus", &spec.vcpus.to_string()]);
    for disk in &spec.disks {
        let place = places.find(disk, dir)?;
        let mut word = place.path.into_os_string();
        word.push(format!(",size={}", place.size));
        match place.moves {
            Moves::Along => {}
            Moves::Not => word.push(",shared"),
        }
        command.arg("--disk").arg(word);
    }
    match origin {
        Origin::Boot => {
            command.args(workload::arguments(&spec.workload)?);
            command.args(spec.starts_paused.then_some("--paused"));
        }
        // What it works on comes with it.
        Origin::Elsewhere => drop(command.args(["--incoming", "defer"])),
    }
    Ok(command)
}
