//! What commands do to the guest, and what it says about itself.

use crate::common::{Guest, Wire};

fn status(wire: &mut Wire) -> String {
    let answer = wire.execute("query-status");
    let (_, rest) = answer.split_once("\"status\": \"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn a_guest_says_what_it_is() {
    let guest = Guest::start(&[
        "--name",
        "web",
        "--cpus",
        "2",
        "--uuid",
        "123E4567-E89B-42D3-A456-426614174000",
        "--disk",
        "d.img,size=1Mi",
    ]);
    let mut wire = guest.client();
    for (command, answer) in [
        ("query-name", "{\"return\": {\"name\": \"web\"}}"),
        ("query-uuid", "{\"return\": {\"UUID\": \"123e4567-e89b-42d3-a456-426614174000\"}}"),
        ("query-kvm", "{\"return\": {\"enabled\": false, \"present\": false}}"),
        (
            "query-memory-size-summary",
            "{\"return\": {\"base-memory\": 8388608, \"plugged-memory\": 0}}",
        ),
        ("query-status", "{\"return\": {\"status\": \"running\", \"running\": true}}"),
        ("query-yank", "{\"return\": []}"),
        ("query-migrate", "{\"return\": {}}"),
    ] {
        assert_eq!(wire.execute(command), answer);
    }
    let cpus = wire.execute("query-cpus-fast");
    assert_eq!(cpus.matches("\"target\": \"x86_64\"").count(), 2, "{cpus}");
    let block = wire.execute("query-block");
    for part in ["\"device\": \"disk0\"", "\"file\": \"d.img\"", "\"virtual-size\": 1048576"] {
        assert!(block.contains(part), "no {part} in {block}");
    }
    let stats = wire.execute("query-blockstats");
    assert!(stats.contains("\"node-name\": \"disk0\""), "{stats}");
    let rate = wire.execute("query-dirty-rate");
    assert!(rate.contains("\"status\": \"unstarted\""), "{rate}");
    let workload = wire.execute("__dev.ferry_workload");
    assert!(workload.contains("\"kind\": \"idle\""), "{workload}");
    let report = wire.execute("__dev.ferry_verify");
    assert!(report.contains("\"wrong\": 0") && report.contains("\"pages\": 2048"), "{report}");
}

#[test]
fn a_guest_waits_for_cont_if_it_was_started_paused() {
    let guest = Guest::start(&["--paused"]);
    let mut wire = guest.client();
    assert_eq!(status(&mut wire), "prelaunch");
    wire.execute("cont");
    assert_eq!(status(&mut wire), "running");
    wire.execute("stop");
    assert_eq!(status(&mut wire), "paused");
    wire.execute("system_reset");
    assert_eq!(status(&mut wire), "prelaunch");
}

#[test]
fn a_guest_that_is_to_arrive_is_in_migration_and_refuses_what_needs_it() {
    let guest = Guest::start(&["--incoming", "defer", "--cpus", "3"]);
    let mut wire = guest.client();
    assert_eq!(status(&mut wire), "inmigrate");
    let refused = wire.ask("{'execute': 'migrate', 'arguments': {'uri': 'tcp:h:1'}}");
    assert!(refused.contains("Guest is waiting for an incoming migration"), "{refused}");
    let refused = wire.execute("__dev.ferry_verify");
    assert!(refused.contains("The guest has not arrived yet"), "{refused}");
    let cpus = wire.execute("query-cpus-fast");
    assert_eq!(cpus.matches(&format!("\"thread-id\": {}", guest.pid())).count(), 3, "{cpus}");
}

#[test]
fn parity_commands_are_refused_in_qemus_words() {
    let guest = Guest::start(&[]);
    let mut wire = guest.client();
    for (command, text) in [
        (
            "{'execute': 'migrate-incoming', 'arguments': {'uri': 'tcp:0:0'}}",
            "'-incoming' was not specified on the command line",
        ),
        ("{'execute': 'migrate'}", "need either 'uri' or 'channels' argument"),
        (
            "{'execute': 'migrate', 'arguments': {'uri': 'bogus:1'}}",
            "unknown migration protocol: bogus:1",
        ),
        (
            "{'execute': 'migrate-recover', 'arguments': {'uri': 'tcp:h:1'}}",
            "Migrate recover can only be run when postcopy is paused.",
        ),
        ("{'execute': 'object-del', 'arguments': {'id': 'x'}}", "object 'x' not found"),
        (
            "{'execute': 'object-add', 'arguments': {'qom-type': 'tls-creds-x509', 'id': 'x'}}",
            "Missing 'dir' property value",
        ),
        (
            "{'execute': 'calc-dirty-rate', 'arguments': {'calc-time': 61}}",
            "Calculation time is out of range [50ms, 60000ms].",
        ),
    ] {
        let refused = wire.ask(command);
        assert!(refused.contains(text), "{command}: {refused}");
    }
    assert_eq!(wire.execute("migrate_cancel"), "{\"return\": {}}");
}
