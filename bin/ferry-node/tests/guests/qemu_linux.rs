//! A real operating system in QEMU: Debian's kernel and busybox, where they are installed. It counts, and
//! goes on counting wherever it is moved.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ferry_config::MigrationSettings;
use ferry_harness::wait_until;
use ferry_reconcile::guest::{Board, GuestSpec, Kernel, LeavingEnd, MachineKind, Order};
use ferry_units::Bytes;

use crate::common::{Cluster, Node, guest, leaving, migrate, target};
use crate::qemu::{blocking, is_here};

/// How often it is moved.
const MOVES: u32 = 10;

/// What Debian's kernel needs to boot.
const MEMORY: Bytes = Bytes::from_mib(160);

/// The first process: it counts for ever.
const INIT: &str = "#!/bin/busybox sh
n=0
while :; do
  n=$((n + 1))
  echo \"count $n.\"
  /bin/busybox usleep 50000
done
";

/// Modes of an archive's members: a directory, and a program.
const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// The newest kernel and a busybox that needs no libraries. `FERRY_TEST_KERNEL` and
/// `FERRY_TEST_BUSYBOX` name others.
fn programs() -> Option<(PathBuf, PathBuf)> {
    let named = |variable: &str| env::var_os(variable).map(PathBuf::from);
    let newest = || {
        let boot = fs::read_dir("/boot").ok()?.flatten().map(|entry| entry.path());
        let is_kernel = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"vmlinuz-"))
        };
        boot.filter(is_kernel).max()
    };
    let kernel = named("FERRY_TEST_KERNEL").or_else(newest)?;
    let busybox = named("FERRY_TEST_BUSYBOX").unwrap_or_else(|| PathBuf::from("/bin/busybox"));
    // One that needs libraries names what loads them.
    let is_static = |program: &Path| {
        let contents = fs::read(program).unwrap_or_default();
        let loader = b"/lib64/ld-linux-";
        !contents.is_empty() && !contents.windows(loader.len()).any(|bytes| bytes == loader)
    };
    (kernel.is_file() && is_static(&busybox)).then_some((kernel, busybox))
}

/// An archive of files as a kernel unpacks it at its start (cpio, the format `newc`).
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn add(&mut self, name: &str, mode: u32, contents: &[u8]) {
        let (size, length) = (contents.len(), name.len() + 1);
        // Number, mode, links, owner, group, time, size, two devices, length of the name, no checksum.
        let header = format!(
            "070701{:08x}{mode:08x}{:08x}{:08x}{:08x}{:08x}{size:08x}{:08x}{:08x}{:08x}{:08x}{length:08x}{:08x}",
            self.0.len(),
            1,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0
        );
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
        self.pad();
        self.0.extend_from_slice(contents);
        self.pad();
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

/// The numbers that a guest has counted on a node, the first first.
fn counted(node: &Node, pod: &str) -> impl Fn() -> Vec<u64> + use<> {
    let console = node.guest_dir(pod).join("serial.log");
    move || {
        let said = fs::read(&console).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let number = |word: &str| word.trim_end().strip_suffix('.')?.parse().ok();
        said.lines().filter_map(|line| number(line.split_once("count ")?.1)).collect()
    }
}

#[tokio::test]
async fn linux_keeps_counting_across_ten_migrations() -> Result<()> {
    const TEST: &str = "linux_keeps_counting_across_ten_migrations";
    if !is_here(TEST) {
        return Ok(());
    }
    let Some((kernel, busybox)) = programs() else {
        println!("skipped: {TEST}: no /boot/vmlinuz-* or no static /bin/busybox");
        return Ok(());
    };
    let (cluster, one, two) = Cluster::pair().await?;
    let mut archive = Archive::default();
    archive.add("bin", DIRECTORY, b"");
    archive.add("bin/busybox", PROGRAM, &fs::read(busybox)?);
    archive.add("init", PROGRAM, INIT.as_bytes());
    archive.add("TRAILER!!!", 0, b"");
    let initrd = cluster.path().join("initrd");
    fs::write(&initrd, archive.0)?;
    let board = Board {
        kernel: Some(Kernel {
            image: Some(kernel),
            initrd: Some(initrd),
            arguments: Some("console=ttyS0 quiet panic=-1".to_owned()),
        }),
        ..Board::default()
    };
    let first = GuestSpec {
        memory: MEMORY,
        machine: Some(MachineKind::Qemu),
        board,
        ..guest("pod-0", &[])
    };
    one.run(&first).await?;
    let mut last = grows(&one, "pod-0", 0).await?;
    let mut spec = first;
    for number in 1..=MOVES {
        let (from, to) = if number % 2 == 1 { (&one, &two) } else { (&two, &one) };
        let awaits = target(&spec, &format!("pod-{number}"));
        let migration = format!("migration-{number}");
        let settings = MigrationSettings::default();
        let there = to.expect(&awaits, &migration, &settings, 2).await?;
        let mut order = migrate(&spec, &migration, &to.name, there, &settings);
        order.channels = 2;
        from.guests().order(Order::Migrate(order));
        let end = from
            .wait(&spec.pod_uid, |report| {
                let leaving = leaving(report).filter(|it| it.migration_uid == migration)?;
                leaving.end.clone()
            })
            .await?;
        ensure!(matches!(end, LeavingEnd::Completed { .. }), "{number}: {end:?}");
        last = grows(to, &awaits.pod_uid, last).await?;
        spec = awaits;
    }
    Ok(())
}

/// Waits until a guest has counted some more on a node, without a gap and without beginning again, and
/// says how far it is.
async fn grows(node: &Node, pod: &str, before: u64) -> Result<u64> {
    let numbers = counted(node, pod);
    let what = format!("{pod} counts on {} after {before}", node.name);
    let found = numbers;
    blocking(move || {
        wait_until(&what, || Ok((found().len() > 3).then_some(())))?;
        let numbers = found();
        let is_next = |pair: &[u64]| pair[1] == pair[0] + 1;
        ensure!(numbers.windows(2).all(is_next), "{what}: {numbers:?}");
        ensure!(numbers[0] > before, "{what}: it began again: {numbers:?}");
        Ok(())
    })
    .await?;
    counted(node, pod)().last().copied().context("a number")
}
