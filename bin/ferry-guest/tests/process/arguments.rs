//! Command lines that are wrong: one message, an exit code, and nothing left behind.

use crate::common::{Guest, command};

/// What the program says, and its exit code.
fn run(arguments: &[&str]) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path()).args(arguments).output().unwrap();
    assert!(output.stdout.is_empty(), "{arguments:?}: it printed results");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "{arguments:?}: something was left behind");
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[test]
fn each_bad_flag_is_named_with_its_value_and_what_is_accepted() {
    let uuid = "123e4567-e89b-42d3-a456-426614174000";
    for (flag, value, accepted) in [
        ("--memory", "5000", "a multiple of 4Ki"),
        ("--memory", "1G", "Ki, Mi, Gi or Ti"),
        ("--memory", "0", "a multiple of 4Ki"),
        ("--cpus", "0", "1..=256"),
        ("--cpus", "many", "invalid digit"),
        ("--uuid", &uuid[1..], uuid),
        ("--qmp", "tcp:localhost:4444", "unix:/run/guest.qmp"),
        ("--disk", "d,size=7", "a multiple of 4Ki"),
        ("--disk", "d,shred", "PATH[,size=SIZE][,shared]"),
        ("--workload", "juggle", "idle"),
        ("--seed", "-", "a number from 0 to"),
        ("--incoming", "exec:cat", "tcp:HOST:PORT"),
        ("--incoming", "tcp:nowhere", "tcp:HOST:PORT"),
        ("--fill", "1G", "Ki, Mi, Gi or Ti"),
        ("--fill", "512Mi", "at most that"),
        ("--log", "a=b=c", "ferry_guest=debug"),
        ("--log-format", "yaml", "text, json"),
        ("--name", "", "1 to 200 bytes"),
    ] {
        let flags = [flag, value, "--qmp", "unix:qmp"];
        let (said, code) = run(&flags);
        assert_eq!(code, Some(2), "{flags:?}: {said}");
        assert!(said.contains(flag), "{flags:?}: the flag is missing: {said}");
        assert!(
            said.contains(value) || flag == "--fill",
            "{flags:?}: the value is missing: {said}"
        );
        assert!(said.contains(accepted), "{flags:?}: no {accepted:?}: {said}");
        assert_eq!(said.matches("error:").count(), 1, "{flags:?}: {said}");
    }
    let (said, code) = run(&[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("--qmp <unix:PATH>"), "{said}");
}

#[test]
fn what_cannot_start_leaves_nothing_behind() {
    for (arguments, text) in [
        (&["--memory", "16777215Ti"][..], "--memory"),
        (&["--disk", "missing.img"], "missing.img"),
        (&["--serial", "no/such/folder"], "no/such/folder"),
        (&["--qmp", "unix:no/such/folder"], "no/such/folder: cannot listen there"),
        (&["--qmp", "unix:qmp"], "qmp: a running process listens there"),
    ] {
        let (said, code) = run(&[&["--qmp", "unix:qmp", "--log", "off"], arguments].concat());
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: no {text:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    }
}

#[test]
fn the_socket_of_a_running_guest_is_refused() {
    let guest = Guest::start(&[]);
    let path = format!("unix:{}", guest.path().display());
    let (said, code) = run(&["--qmp", &path, "--log", "off"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("a running process listens there"), "{said}");
    assert!(guest.client().execute("query-status").contains("running"));
}

#[test]
fn help_version_and_completion_are_results() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, text) in [
        (&["--help"][..], "Examples:"),
        (&["-h"], "--incoming"),
        (&["--version"], concat!("ferry-guest ", env!("CARGO_PKG_VERSION"))),
        (&["completion", "bash"], "--workload"),
    ] {
        let output = command(folder.path()).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(text), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn the_log_can_be_read_by_programs() {
    let guest = Guest::start(&["--log-format", "json", "--log", "warn,ferry_guest=info"]);
    guest.client().execute("stop");
    guest.wait_for_log("\"name\":\"STOP\"");
}
