//! A guest whose journal is lost, as its process tells it.
//!
//! The process says on its command line who it is, and Linux keeps that for as long as it lives. What
//! is only needed to start another one is not recovered: there must be none.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use ferry_reconcile::guest::{Board, GuestSpec, MachineKind};
use ferry_units::Bytes;

use super::SOCKET_WORDS;
use crate::guests::journal::{Origin, Record};
use crate::guests::process::ProcessId;

/// The journal of the process that works in a guest's directory, if there is one.
pub(in crate::guests) fn found(dir: &Path) -> Option<Record> {
    let process = ProcessId::working_in(dir, SOCKET_WORDS)?;
    let words = process.command_line();
    let pod_uid = dir.file_name()?.to_string_lossy().into_owned();
    // A journal without that would say that it never ran; nobody knows, and it may have.
    Some(Record { is_found: true, process: Some(process), answered: true, ..of(&words, pod_uid) })
}

fn of(words: &[String], pod_uid: String) -> Record {
    let name: String = value(words, ["--name", "-name"]).unwrap_or_default();
    let (namespace, name) = name.split_once('_').unwrap_or_default();
    let uuid: String = value(words, ["--uuid", "-uuid"]).unwrap_or_default();
    let spec = GuestSpec {
        pod_uid,
        pod_name: String::new(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        instance_uid: uuid.clone(),
        uuid,
        memory: memory(words),
        vcpus: value(words, ["--cpus", "-smp"]).unwrap_or(1),
        starts_paused: false,
        disks: Vec::new(),
        workload: BTreeMap::new(),
        machine: Some(machine(words)),
        board: Board::default(),
    };
    let comes = words.iter().any(|word| matches!(word.as_str(), "--incoming" | "-incoming"));
    Record::new(spec, if comes { Origin::Elsewhere } else { Origin::Boot })
}

/// Which kind of machine it is: each has options of its own.
fn machine(words: &[String]) -> MachineKind {
    let is_qemu = words.iter().any(|word| word == "-nodefaults");
    if is_qemu { MachineKind::Qemu } else { MachineKind::Ferry }
}

/// How much memory it has: bytes, or KiB.
fn memory(words: &[String]) -> Bytes {
    let text: String = value(words, ["--memory", "-m"]).unwrap_or_default();
    let amount = match text.strip_suffix('k') {
        Some(kib) => kib.parse::<u64>().ok().and_then(|kib| kib.checked_mul(1024)),
        None => text.parse().ok(),
    };
    Bytes::new(amount.unwrap_or_default())
}

/// What follows an option, which each program spells in its own way.
fn value<T: FromStr>(words: &[String], option: [&str; 2]) -> Option<T> {
    let at = words.iter().position(|word| option.contains(&word.as_str()))?;
    words.get(at + 1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_says_who_it_is_on_its_command_line() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let line =
            "ferry-guest --qmp unix:qmp.sock --name shop_db.old --uuid u --memory 4096 --cpus 3";
        let qemu = "qemu-system-x86_64 -nodefaults -qmp unix:qmp.sock,server=on -name shop_db.old \
                    -uuid u -m 4k -smp 3";
        for (line, origin, kind) in [
            (line.to_owned(), Origin::Boot, MachineKind::Ferry),
            (format!("{line} --incoming defer"), Origin::Elsewhere, MachineKind::Ferry),
            (qemu.to_owned(), Origin::Boot, MachineKind::Qemu),
            (format!("{qemu} -S -incoming defer"), Origin::Elsewhere, MachineKind::Qemu),
        ] {
            let found = of(&words(&line), "pod".to_owned());
            let spec = &found.spec;
            assert_eq!(spec.machine, Some(kind));
            assert_eq!((spec.namespace.as_str(), spec.name.as_str()), ("shop", "db.old"));
            assert_eq!((spec.pod_uid.as_str(), spec.uuid.as_str()), ("pod", "u"));
            assert_eq!((spec.memory, spec.vcpus, found.origin), (Bytes::new(4096), 3, origin));
        }
        let found = of(&words("other --name"), "pod".to_owned());
        assert_eq!((found.spec.name.as_str(), found.spec.vcpus), ("", 1));
    }
}
