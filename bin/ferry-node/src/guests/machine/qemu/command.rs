//! QEMU's command line. Both ends of a migration are started with the same one, but for what says
//! where a disk lies and that a guest is awaited.

use std::path::Path;
use std::process::Stdio;

use ferry_reconcile::guest::{Board, GuestSpec};
use serde_json::json;
use tokio::process::Command;

use super::image::{self, Format};
use super::{Accelerator, Qemu, device_of, file_of, node_of};
use crate::guests::journal::Origin;
use crate::guests::machine::{Places, SERIAL, SOCKET_WORDS};

/// The type of a machine that names none: the one that KubeVirt takes as well.
const MACHINE: &str = "q35";

/// The processor of a machine that names none: the one that every accelerator has on every host, so
/// that a guest can go to any of them.
const PROCESSOR: &str = "qemu64";

/// The best that a host has.
const BEST: &str = "max";

/// A second QMP socket, for people: QEMU serves one client at each, and the first is its node's.
const MONITOR: &str = "monitor.sock";

/// Memory consists of pieces of this size, so that no QEMU rounds it to something else than what lies
/// behind it.
const PIECE: u64 = 1 << 20;

/// What memory is larger by where the translator runs the guest.
///
/// Before QEMU 9.0, taking the marks of written pages for a whole number of 64 pages leaves the
/// translator's own cache of pages as it was, so that it does not mark the next write to a page in there:
/// the write is lost on a migration (`cpu_physical_memory_sync_dirty_bitmap`, "physmem: Fix migration dirty
/// bitmap coherency with TCG memory access"). Any other number of pages is taken one by one, and that
/// was always right. QEMU rounds to 8 KiB.
const ODD: u64 = 8 << 10;

/// The command that starts a guest in its directory. It stands still until it is let go where it has
/// been awaited.
///
/// # Errors
/// Why it cannot be started, in a sentence.
pub(in crate::guests::machine) fn command(
    qemu: &Qemu,
    accelerator: Accelerator,
    places: &Places,
    spec: &GuestSpec,
    origin: Origin,
    dir: &Path,
) -> Result<Command, String> {
    let odd = if accelerator == Accelerator::Kvm { 0 } else { ODD };
    let memory = spec.memory.get().checked_next_multiple_of(PIECE);
    let memory = memory.and_then(|memory| memory.checked_add(odd));
    let memory = memory.ok_or_else(|| format!("{} is too much memory", spec.memory))?;
    let kind = word("machine.type", spec.board.machine_type.as_deref().unwrap_or(MACHINE))?;
    let accelerator = match accelerator {
        Accelerator::Auto => "kvm:tcg",
        Accelerator::Kvm => "kvm",
        Accelerator::Tcg => "tcg",
    };
    let mut command = Command::new(&qemu.program);
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        // What a terminal says to the daemon is not for its guests.
        .process_group(0)
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-nic", "none"])
        .args(["-qmp", &format!("{SOCKET_WORDS},server=on,wait=off")])
        .args(["-qmp", &format!("unix:{MONITOR},server=on,wait=off")])
        .args(["-chardev", &format!("file,id=serial,path={SERIAL},append=on")])
        .args(["-serial", "chardev:serial"])
        .args(["-name", &format!("{}_{}", spec.namespace, spec.name)])
        .args(["-uuid", &spec.uuid])
        .args(["-machine", &format!("{kind},accel={accelerator},memory-backend=memory")])
        .args(["-object", &format!("memory-backend-memfd,id=memory,size={memory},share=on")])
        .args(["-m", &format!("{}k", memory >> 10)])
        .args(["-smp", &spec.vcpus.to_string()])
        .args(["-cpu", processor(&spec.board)?]);
    boot(&mut command, &spec.board)?;
    for (index, disk) in spec.disks.iter().enumerate() {
        let place = places.find(disk, dir)?;
        let format = Format::of(disk);
        image::provide(&disk.name, &place, format)?;
        let path = place.path.to_str().ok_or_else(|| {
            format!("the disk {} lies at {}, which is no text", disk.name, place.path.display())
        })?;
        let file = json!({
            "driver": "file", "node-name": file_of(index), "filename": path, "discard": "unmap",
        });
        let node = json!({
            "driver": format.word(), "node-name": node_of(index), "file": file_of(index),
            "discard": "unmap",
        });
        let device = format!(
            "virtio-blk,id={},drive={},bootindex={index}",
            device_of(index),
            node_of(index)
        );
        command.args(["-blockdev", &file.to_string()]).args(["-blockdev", &node.to_string()]);
        command.args(["-device", &device]);
    }
    match origin {
        Origin::Boot => drop(command.args(spec.starts_paused.then_some("-S"))),
        Origin::Elsewhere => drop(command.args(["-S", "-incoming", "defer"])),
    }
    Ok(command)
}

fn boot(command: &mut Command, board: &Board) -> Result<(), String> {
    let Some(kernel) = &board.kernel else { return Ok(()) };
    for (what, path) in [("kernel", &kernel.image), ("initrd", &kernel.initrd)] {
        let Some(path) = path else { continue };
        if !path.is_absolute() {
            return Err(format!(
                "firmware.kernelBoot names the {what} {}: give the absolute path of a file that each \
                 node has",
                path.display()
            ));
        }
        command.arg(format!("-{what}")).arg(path);
    }
    command.args(kernel.arguments.iter().flat_map(|arguments| ["-append", arguments]));
    Ok(())
}

fn processor(board: &Board) -> Result<&str, String> {
    match board.cpu_model.as_deref() {
        None | Some("host-model") => Ok(PROCESSOR),
        Some("host-passthrough") => Ok(BEST),
        Some(model) => word("cpu.model", model),
    }
}

/// A word that stands for itself on a command line, where a comma would begin another setting.
fn word<'a>(field: &str, text: &'a str) -> Result<&'a str, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Ok(text);
    }
    Err(format!("spec.domain.{field} is {text:?}: give a name of letters, digits, - . and _"))
}
