//! A guest whose journal is lost, as its process tells it.
//!
//! The process says on its command line who it is, and Linux keeps that for as long as it lives. What
//! is only needed to start another one is not recovered: there must be none.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use ferry_reconcile::guest::GuestSpec;
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
    Some(Record { process: Some(process), answered: true, ..of(&words, pod_uid) })
}

fn of(words: &[String], pod_uid: String) -> Record {
    let name: String = value(words, "--name").unwrap_or_default();
    let (namespace, name) = name.split_once('_').unwrap_or_default();
    let uuid: String = value(words, "--uuid").unwrap_or_default();
    let spec = GuestSpec {
        pod_uid,
        pod_name: String::new(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        instance_uid: uuid.clone(),
        uuid,
        memory: Bytes::new(value(words, "--memory").unwrap_or_default()),
        vcpus: value(words, "--cpus").unwrap_or(1),
        starts_paused: false,
        disks: Vec::new(),
        workload: BTreeMap::new(),
    };
    let comes = words.iter().any(|word| word == "--incoming");
    Record::new(spec, if comes { Origin::Elsewhere } else { Origin::Boot })
}

/// What follows an option.
fn value<T: FromStr>(words: &[String], option: &str) -> Option<T> {
    let at = words.iter().position(|word| word == option)?;
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
        for (line, origin) in [
            (line.to_owned(), Origin::Boot),
            (format!("{line} --incoming defer"), Origin::Elsewhere),
        ] {
            let found = of(&words(&line), "pod".to_owned());
            let spec = &found.spec;
            assert_eq!((spec.namespace.as_str(), spec.name.as_str()), ("shop", "db.old"));
            assert_eq!((spec.pod_uid.as_str(), spec.uuid.as_str()), ("pod", "u"));
            assert_eq!((spec.memory, spec.vcpus, found.origin), (Bytes::new(4096), 3, origin));
        }
        let found = of(&words("other --name"), "pod".to_owned());
        assert_eq!((found.spec.name.as_str(), found.spec.vcpus), ("", 1));
    }
}
