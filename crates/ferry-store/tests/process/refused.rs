//! The operating system refuses a write in the middle of a batch, as a full disk would.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use ferry_store::{Journal, Retention, Store, StoreError, StoreOptions};

use crate::history::{batch, check, options, record, say, told};

pub(crate) const ROLE: &str = "write-until-refused";

/// In units of 512 or 1,024 bytes, whatever the shell counts in.
const LARGEST_FILE: u32 = 6_000;

/// The journal grows until the operating system refuses. Nothing is written after that.
pub(crate) fn write_until_refused() {
    let retention = Retention { records: usize::MAX, bytes: u64::MAX };
    let options = StoreOptions { retention, ..StoreOptions::default() };
    let (mut store, _) = Store::open(&told(), &options).expect("it is whole");
    let mut revision = 0;
    let error = loop {
        match store.append(&batch(revision)) {
            Ok(()) => revision = store.stats().revision,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    let again = store.append(&[record(u64::MAX)]).expect_err("it has failed");
    assert_eq!(again.to_string(), error.to_string());
    store.log_since(0).expect_err("it is not known what is there");
    drop(store);
    say(revision);
}

pub(crate) fn a_refused_write_stops_the_journal() {
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let path = dir.path().join("journal");
    let program = fs::read_link("/proc/self/exe").expect("Linux has it");
    let script = format!("trap '' XFSZ; ulimit -f {LARGEST_FILE}; exec \"$0\" {ROLE}");
    let mut writer = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let mut input = writer.stdin.take().expect("it is piped");
    writeln!(input, "{}", path.display()).expect("it listens");
    drop(input);
    let output = writer.wait_with_output().expect("it is ours");
    assert!(output.status.success(), "the writer was not refused as it should be");
    let said = String::from_utf8_lossy(&output.stdout);
    let acknowledged: u64 = said.trim().parse().expect("revisions are numbers");
    assert!(acknowledged > 0, "the first write was refused");
    let (mut store, found) = Store::open(&path, &options()).expect("a failed write harms nothing");
    let newest = store.stats().revision;
    assert!(newest >= acknowledged, "{acknowledged} was acknowledged, {newest} is there");
    check(&found, newest, "after a write was refused");
    store.append(&batch(newest)).expect("it works again");
    println!("a writer was refused after revision {acknowledged}");
}
