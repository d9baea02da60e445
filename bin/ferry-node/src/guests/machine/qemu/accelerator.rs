//! Whether the processor can execute QEMU's guests here: tried once, since a device that can be opened
//! says little. Where a kernel emulates what the processor lacks, firmware may never come to its end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::{Accelerator, Qemu};

/// How long a guest may take to boot that does nothing. It takes a second where all is well.
const BOOT: Duration = Duration::from_secs(15);

/// The smallest disk that firmware reads.
const DISK: usize = 1 << 20;

/// A boot sector that tells a port to end its machine: `mov al, 16; out 0xf4, al; hlt`.
const CODE: [u8; 5] = [0xb0, 16, 0xe6, 0xf4, 0xf4];

/// What its first sector ends in.
const SIGNATURE: (usize, [u8; 2]) = (510, [0x55, 0xaa]);

/// What QEMU ends with when it is told so: twice that number, and one.
const BOOTED: i32 = 33;

/// What is known of this machine.
#[derive(Clone, Debug)]
pub(in crate::guests::machine) struct Trial {
    disk: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unknown,
    UnderWay,
    Known(Accelerator),
}

impl Trial {
    /// Nothing yet. The disk that is tried with is made at that path.
    pub(in crate::guests::machine) fn new(disk: PathBuf) -> Self {
        Self { disk, state: Arc::new(Mutex::new(State::Unknown)) }
    }

    /// What executes guests: what was wanted, or what this machine can do. Nothing as long as that is
    /// being tried, which begins now if it has not.
    pub(in crate::guests::machine) fn found(&self, qemu: &Qemu) -> Option<Accelerator> {
        match qemu.accelerator {
            Accelerator::Auto => {}
            wanted @ (Accelerator::Kvm | Accelerator::Tcg) => return Some(wanted),
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Known(accelerator) => Some(accelerator),
            State::UnderWay => None,
            State::Unknown => {
                *state = State::UnderWay;
                let (trial, program) = (self.clone(), qemu.program.clone());
                tokio::spawn(async move {
                    let accelerator = trial.run(&program).await;
                    tracing::info!(?accelerator, "what executes QEMU's guests here");
                    let mut state = trial.state.lock().unwrap_or_else(PoisonError::into_inner);
                    *state = State::Known(accelerator);
                });
                None
            }
        }
    }

    async fn run(&self, program: &Path) -> Accelerator {
        match boots(program, &self.disk).await {
            Ok(Some(status)) if status.code() == Some(BOOTED) => Accelerator::Kvm,
            Ok(ended) => {
                tracing::debug!(?ended, "kvm does not boot a guest");
                Accelerator::Tcg
            }
            // A program that is missing is told where a guest is to be started.
            Err(error) => {
                tracing::debug!(%error, "kvm cannot be tried");
                Accelerator::Tcg
            }
        }
    }
}

/// How a guest ends that does nothing else; nothing if it does not.
async fn boots(program: &Path, disk: &Path) -> io::Result<Option<ExitStatus>> {
    fs::write(disk, image())?;
    let mut command = Command::new(program);
    command
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-m", "16"])
        .args(["-machine", "q35,accel=kvm", "-cpu", "qemu64", "-no-reboot"])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"])
        .args(["-device", "virtio-blk,drive=disk,bootindex=0", "-blockdev"])
        .arg(
            serde_json::json!({
                "driver": "file", "node-name": "disk", "filename": disk, "read-only": true,
            })
            .to_string(),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Ok(status) = timeout(BOOT, child.wait()).await {
        return status.map(Some);
    }
    child.kill().await?;
    Ok(None)
}

fn image() -> Vec<u8> {
    let mut image = vec![0; DISK];
    image[..CODE.len()].copy_from_slice(&CODE);
    let (at, signature) = SIGNATURE;
    image[at..at + signature.len()].copy_from_slice(&signature);
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_wanted_is_not_tried_and_what_cannot_be_tried_is_the_translator() {
        let dir = tempfile::tempdir().unwrap();
        let trial = Trial::new(dir.path().join("probe.img"));
        let qemu = |accelerator| Qemu { program: dir.path().join("no-qemu"), accelerator };
        for wanted in [Accelerator::Kvm, Accelerator::Tcg] {
            assert_eq!(trial.found(&qemu(wanted)), Some(wanted));
        }
        assert_eq!(trial.found(&qemu(Accelerator::Auto)), None);
        while trial.found(&qemu(Accelerator::Auto)).is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(trial.found(&qemu(Accelerator::Auto)), Some(Accelerator::Tcg));
    }
}
