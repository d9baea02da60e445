//! Killed at any moment, again and again in one directory: what was acknowledged is there, whole and in
//! order.

use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use ferry_store::{Journal, Store};

use crate::history::{batch, check, dice, options, say, told};

pub(crate) const ROLE: &str = "write-until-killed";

/// How often a writer is killed. Each round goes on where the last one ended.
const ROUNDS: u64 = 50;

/// A round ends after at most so many appends were acknowledged, and a moment.
const MOST_APPENDS: u64 = 60;

pub(crate) fn write_until_killed() {
    let (mut store, _) = Store::open(&told(), &options()).expect("it is whole");
    loop {
        let batch = batch(store.stats().revision);
        store.append(&batch).expect("there is space");
        say(store.stats().revision);
        // As often as that is done only when there is no other way.
        if store.has_backlog() && store.stats().revision % 2 == 0 {
            store.work_off().expect("there is space");
        }
    }
}

pub(crate) fn nothing_acknowledged_is_lost(seed: u64) {
    println!("killing {ROUNDS} writers, seed {seed}");
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let path = dir.path().join("journal");
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let chance = dice(seed << 32 | round);
        acknowledged = acknowledged.max(kill_one(&path, chance));
        let (store, found) = match Store::open(&path, &options()) {
            Ok(opened) => opened,
            Err(error) => panic!("seed {seed}, round {round}: {error}"),
        };
        let newest = store.stats().revision;
        assert!(
            newest >= acknowledged,
            "seed {seed}, round {round}: {acknowledged} was acknowledged, {newest} is there"
        );
        check(&found, newest, &format!("seed {seed}, round {round}"));
        let blobs = fs::read_dir(path.join("sled/blobs")).expect("it is there").count();
        assert_eq!(blobs, 0, "seed {seed}, round {round}: sled keeps values in files of their own");
        acknowledged = newest;
    }
    println!("{acknowledged} records were written");
}

/// Lets a writer write, kills it at some moment, and returns what it has acknowledged.
fn kill_one(path: &Path, chance: u64) -> u64 {
    let mut writer = Command::new("/proc/self/exe")
        .arg(ROLE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be run");
    let mut input = writer.stdin.take().expect("it is piped");
    writeln!(input, "{}", path.display()).expect("it listens");
    let mut lines = BufReader::new(writer.stdout.take().expect("it is piped")).lines();
    let mut acknowledged = 0;
    let mut hear = |line: Option<std::io::Result<String>>| match line {
        Some(Ok(line)) => {
            acknowledged = line.parse().expect("revisions are numbers");
            true
        }
        Some(Err(_)) | None => false,
    };
    for _ in 0..chance % MOST_APPENDS {
        assert!(hear(lines.next()), "the writer gave up by itself");
    }
    // Up to a few milliseconds more, which is somewhere within an append or a start.
    for moment in 0..(chance >> 20) % 3_000_000 {
        black_box(moment);
    }
    writer.kill().expect("it is ours");
    writer.wait().expect("it is ours");
    // What it had said before it died counts as well.
    while hear(lines.next()) {}
    acknowledged
}
