//! A QEMU whose guest's memory is full of what neither compresses nor repeats page by page.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ferry_harness::{Guest, Pair, Program, size_text, wait_until};
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

/// What stands behind a guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backing {
    /// A memfd, populated before the machine is ready, in huge pages where Linux gives them.
    Populated,
    /// What QEMU takes if it is told nothing.
    AsItComes,
}

/// Whether a guest runs once it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Runs,
    StaysStopped,
}

/// A source whose memory is full. Its guest does not run yet.
pub(super) fn source(program: &Program, memory: Bytes) -> Result<Guest> {
    let guest = start(program, memory, Backing::Populated, &["-S"])?;
    fill(&guest, memory)?;
    Ok(guest)
}

/// A destination for it.
pub(super) fn destination(
    program: &Program,
    memory: Bytes,
    backing: Backing,
    begins: Start,
) -> Result<Guest> {
    let rest: &[_] = match begins {
        Start::Runs => &["-incoming", "defer"],
        Start::StaysStopped => &["-incoming", "defer", "-S"],
    };
    start(program, memory, backing, rest)
}

fn start(program: &Program, memory: Bytes, backing: Backing, rest: &[&str]) -> Result<Guest> {
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
    command
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", dir.path().join("qmp").display()))
        .args(rest);
    Guest::spawn("qemu", &mut command, dir)
}

/// Writes over the guest's memory from outside, leaving alone what firmware uses.
fn fill(guest: &Guest, memory: Bytes) -> Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .open(memory_of(guest.id())?)
        .context("opening QEMU's memory")?;
    let mut random = vec![0; CHUNK];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
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
pub(super) fn wait_idle(guest: &Guest) -> Result<()> {
    wait_until("QEMU's guest idles", || {
        let before = guest.usage()?.cpu;
        thread::sleep(Duration::from_millis(250));
        let used = guest.usage()?.cpu.saturating_sub(before);
        Ok((used <= Duration::from_millis(10)).then_some(()))
    })
}

/// Compares samples of what the guest's memory is at both sides. It must stand still at both.
pub(super) fn compare(pair: &Pair, memory: Bytes) -> Result<()> {
    let source = File::open(memory_of(pair.source.id())?).context("opening QEMU's memory")?;
    let stride = (memory.get().min(SPLIT) - FIRST) / SAMPLES;
    let (mut sent, mut arrived) = (vec![0; SAMPLE as usize], Vec::new());
    let file = pair.destination.dir().join("sample");
    for number in 0..SAMPLES {
        let at = FIRST + number * stride;
        source.read_exact_at(&mut sent, at).context("reading QEMU's memory")?;
        pair.destination.qmp().execute(&Pmemsave {
            val: i64::try_from(at).context("an address")?,
            size: SAMPLE.into(),
            filename: file.to_string_lossy().into_owned(),
        })?;
        arrived.clear();
        File::open(&file)?.read_to_end(&mut arrived)?;
        ensure!(sent == arrived, "QEMU's memory differs behind {at:#x} after the migration");
    }
    Ok(())
}
