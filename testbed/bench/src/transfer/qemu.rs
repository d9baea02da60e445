//! QEMU, with a guest that stands still and whose memory is full of what does not compress.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use ferry_harness::{Guest, Pair, Program, size_text};
use ferry_qmp::words::MigrateSetParameters;
use ferry_units::{Bytes, BytesPerSecond};

use super::{channels, total_time};
use crate::results::{Measured, Unit};
use crate::yardstick::gigabytes_per_second;

/// How QEMU is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetUp {
    /// Several connections, no limit, the destination's memory populated.
    Best,
    /// As it comes.
    Default,
}

impl SetUp {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Default => "default",
        }
    }
}

/// Moves it once.
pub(super) fn take(program: &Program, set_up: SetUp, memory: Bytes) -> Result<Vec<Measured>> {
    let source = start(program, memory, &["-S"], "on")?;
    fill(&source, memory)?;
    let prealloc = match set_up {
        SetUp::Best => "on",
        SetUp::Default => "off",
    };
    let destination = start(program, memory, &["-S", "-incoming", "defer"], prealloc)?;
    let mut pair = Pair::of(source, destination)?;
    match set_up {
        SetUp::Best => channels(&pair, 2)?,
        SetUp::Default => pair.set(&MigrateSetParameters {
            max_bandwidth: Some(BytesPerSecond::from_mib(128)),
            ..MigrateSetParameters::default()
        })?,
    }
    pair.migrate()?;
    pair.wait_completed()?;
    let speed = gigabytes_per_second(memory.get(), total_time(&pair)?);
    let figure = format!("qemu {}", set_up.name());
    Ok(vec![Measured::new(figure, Unit::GigabytesPerSecond, speed)])
}

fn start(program: &Program, memory: Bytes, rest: &[&str], prealloc: &str) -> Result<Guest> {
    let dir = tempfile::Builder::new().prefix("ferry-qemu-").tempdir()?;
    let size = size_text(memory).replace('i', "");
    let mut command = Command::new(program.path());
    command
        .args(["-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-machine", "q35,memory-backend=memory", "-m", &size])
        .arg("-object")
        .arg(format!("memory-backend-memfd,id=memory,size={size},share=on,prealloc={prealloc}"))
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", dir.path().join("qmp").display()))
        .args(rest);
    Guest::spawn("qemu", &mut command, dir)
}

/// Writes over the guest's memory from outside, leaving alone the first MiB, where firmware is.
fn fill(guest: &Guest, memory: Bytes) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .open(memory_of(guest.id())?)
        .context("opening QEMU's memory")?;
    let mut random = vec![0; 8 << 20];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let first = 1 << 20;
    file.seek(SeekFrom::Start(first))?;
    let mut left = memory.get().saturating_sub(first);
    while left > 0 {
        let count = usize::try_from(left).map_or(random.len(), |left| left.min(random.len()));
        file.write_all(&random[..count])?;
        left -= count as u64;
    }
    Ok(())
}

/// Which of a process's files is a memfd of a memory backend.
fn memory_of(process: u32) -> Result<std::path::PathBuf> {
    let dir = Path::new("/proc").join(process.to_string()).join("fd");
    for entry in fs::read_dir(&dir).context("looking through QEMU's files")? {
        let path = entry?.path();
        // A file may be closed while we look.
        let Ok(target) = fs::read_link(&path) else { continue };
        if target.to_string_lossy().contains("memfd:memory-backend-memfd") {
            return Ok(path);
        }
    }
    anyhow::bail!("QEMU has no memfd among {}", dir.display())
}
