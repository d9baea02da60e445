//! A QEMU whose guest's memory is full of what neither compresses nor repeats page by page.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ferry_harness::{BootSector, Guest, Pair, Program, size_text, wait_until};
use ferry_qmp::Stop;
use ferry_qmp::words::Pmemsave;
use ferry_units::Bytes;

/// Below it are firmware's tables and buffers.
const FIRST: u64 = 1 << 20;

/// Where q35's memory stops being at the physical address that it has in its file.
const SPLIT: u64 = 2 << 30;

/// What is written at once.
const CHUNK: usize = 8 << 20;

/// So many samples are compared after a migration.
const SAMPLES: u64 = 64;

/// The size of a sample.
const SAMPLE: u32 = 256 << 10;

/// The boot sector, in the directory of a guest's files.
const BOOT: &str = "boot.img";

/// What stands behind a guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backing {
    /// A memfd, populated before the machine is ready, in huge pages where Linux gives them.
    Populated,
    /// What QEMU takes if it is told nothing.
    AsItComes,
}

/// Whether a guest runs once it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Runs,
    StaysStopped,
}

/// A machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) program: &'a Program,
    pub(crate) memory: Bytes,
    /// What it boots, if anything.
    pub(crate) boots: Option<BootSector>,
}

/// A source whose memory is full. Its guest does not run yet.
pub(crate) fn source(machine: Machine<'_>) -> Result<Guest> {
    let guest = start(machine, Backing::Populated, &["-S"])?;
    fill(&guest, machine)?;
    Ok(guest)
}

/// A destination for it.
pub(crate) fn destination(machine: Machine<'_>, backing: Backing, begins: Start) -> Result<Guest> {
    let rest: &[_] = match begins {
        Start::Runs => &["-incoming", "defer"],
        Start::StaysStopped => &["-incoming", "defer", "-S"],
    };
    start(machine, backing, rest)
}

fn start(machine: Machine<'_>, backing: Backing, rest: &[&str]) -> Result<Guest> {
    let Machine { program, memory, boots } = machine;
    let dir = tempfile::Builder::new().prefix("ferry-qemu-").tempdir()?;
    let size = size_text(memory).replace('i', "");
    let mut command = Command::new(program.path());
    command
        .args(["-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-m", &size]);
    match backing {
        Backing::Populated => {
            // Named as QEMU names its own, so that either can be moved to the other.
            let name = "id=pc.ram,x-use-canonical-path-for-ramblock-id=off";
            let memory = format!("memory-backend-memfd,{name},size={size},share=on,prealloc=on");
            command.args(["-machine", "q35,memory-backend=pc.ram", "-object", &memory]);
        }
        Backing::AsItComes => {
            command.args(["-machine", "q35"]);
        }
    }
    if let Some(sector) = boots {
        let path = dir.path().join(BOOT);
        fs::write(&path, sector.image()).context("writing a boot sector")?;
        let drive = format!("if=floppy,format=raw,readonly=on,file={}", path.display());
        command.args(["-drive", &drive]);
    }
    command
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", dir.path().join("qmp").display()))
        .args(rest);
    Guest::spawn("qemu", &mut command, dir)
}

/// Writes over the guest's memory from outside, leaving alone what firmware uses. What it counts in
/// begins at zero.
fn fill(guest: &Guest, machine: Machine<'_>) -> Result<()> {
    let memory = machine.memory;
    let file = OpenOptions::new()
        .write(true)
        .open(memory_of(guest.id())?)
        .context("opening QEMU's memory")?;
    let mut random = vec![0; CHUNK];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    if machine.boots.is_some() {
        random.iter_mut().step_by(BootSector::STEP as usize).for_each(|first| *first = 0);
    }
    let mut at = FIRST;
    while at < memory.get() {
        let left = usize::try_from(memory.get() - at).unwrap_or(CHUNK);
        let piece = &random[..left.min(CHUNK)];
        file.write_all_at(piece, at).context("filling QEMU's memory")?;
        at += piece.len() as u64;
    }
    Ok(())
}

/// Which of a process's files is a memfd of a memory backend.
fn memory_of(process: u32) -> Result<PathBuf> {
    let dir = Path::new("/proc").join(process.to_string()).join("fd");
    for entry in fs::read_dir(&dir).context("looking through QEMU's files")? {
        let path = entry?.path();
        // A file may be closed while we look.
        let Ok(target) = fs::read_link(&path) else { continue };
        if target.to_string_lossy().contains("memfd:memory-backend-memfd") {
            return Ok(path);
        }
    }
    bail!("QEMU has no memfd among {}", dir.display())
}

/// Waits until firmware has found that there is nothing to start, and halts.
pub(crate) fn wait_idle(guest: &Guest) -> Result<()> {
    wait_until("QEMU's guest idles", || {
        let before = guest.usage()?.cpu;
        thread::sleep(Duration::from_millis(250));
        let used = guest.usage()?.cpu.saturating_sub(before);
        Ok((used <= Duration::from_millis(10)).then_some(()))
    })
}

/// Compares samples of what the guest's memory is at both sides. It must stand still at both.
pub(crate) fn compare(pair: &Pair, memory: Bytes) -> Result<()> {
    let source = File::open(memory_of(pair.source.id())?).context("opening QEMU's memory")?;
    let stride = (memory.get().min(SPLIT) - FIRST) / SAMPLES;
    let mut sent = vec![0; SAMPLE as usize];
    for number in 0..SAMPLES {
        let at = FIRST + number * stride;
        source.read_exact_at(&mut sent, at).context("reading QEMU's memory")?;
        let arrived = saved(&pair.destination, at, SAMPLE.into())?;
        ensure!(sent == arrived, "QEMU's memory differs behind {at:#x} after the migration");
    }
    Ok(())
}

/// Stops the guest at the destination, and looks whether a page has missed a round.
pub(crate) fn check_rounds(pair: &Pair, sector: BootSector) -> Result<()> {
    pair.destination.qmp().execute(&Stop)?;
    let size = u64::from(sector.pages()) * u64::from(BootSector::STEP);
    let memory = saved(&pair.destination, sector.first.into(), size)?;
    let firsts: Vec<_> = memory.into_iter().step_by(BootSector::STEP as usize).collect();
    match BootSector::lost(&firsts) {
        None => Ok(()),
        Some(page) => bail!("page {page} of what QEMU's guest walks over has missed a round"),
    }
}

/// A part of a guest's memory.
fn saved(guest: &Guest, at: u64, size: u64) -> Result<Vec<u8>> {
    let file = guest.dir().join("memory");
    guest.qmp().execute(&Pmemsave {
        val: i64::try_from(at).context("an address")?,
        size: i64::try_from(size).context("a size")?,
        filename: file.to_string_lossy().into_owned(),
    })?;
    fs::read(&file).context("what QEMU has saved of its memory")
}

/// Waits until the guest has been over all of its memory once.
pub(crate) fn wait_round(guest: &Guest, sector: BootSector) -> Result<()> {
    let memory = File::open(memory_of(guest.id())?).context("opening QEMU's memory")?;
    let last = u64::from(sector.end - BootSector::STEP);
    wait_until("QEMU's guest has walked over its memory", || {
        let mut byte = [0];
        memory.read_exact_at(&mut byte, last).context("reading QEMU's memory")?;
        Ok((byte != [0]).then_some(()))
    })
}
