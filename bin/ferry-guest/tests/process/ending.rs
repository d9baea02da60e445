//! How a guest ends, and what it leaves behind: nothing.

use crate::common::Guest;

const DONE: &str = "{\"return\": {}}";

#[test]
fn parity_quit_is_told_then_answered_then_the_socket_closes() {
    let guest = Guest::start(&[]);
    let mut other = guest.client();
    let mut wire = guest.client();
    wire.send("{'execute': 'quit'}");
    let told = "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": \
                \"host-qmp-quit\"}}";
    assert_eq!(wire.rest(), [told, DONE]);
    assert_eq!(other.rest(), [told]);
    assert_eq!(guest.end().code(), Some(0));
}

#[test]
fn a_guest_that_is_powered_down_shuts_down_by_itself() {
    let guest = Guest::start(&[]);
    let mut wire = guest.client();
    wire.send("{'execute': 'system_powerdown'}");
    assert_eq!(
        wire.rest(),
        [
            "{\"event\": \"POWERDOWN\"}",
            DONE,
            "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \
             \"guest-shutdown\"}}",
        ]
    );
    assert_eq!(guest.end().code(), Some(0));
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["TERM", "INT", "HUP"] {
        let guest = Guest::start(&[]);
        let mut wire = guest.client();
        guest.signal(signal);
        let told = "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": \
                    \"host-signal\"}}";
        assert_eq!(wire.rest(), [told], "{signal}");
        assert_eq!(guest.end().code(), Some(0), "{signal}");
    }
}

#[test]
fn a_guest_that_stands_still_ends_as_well() {
    for arguments in [&["--paused"][..], &["--incoming", "defer"]] {
        let guest = Guest::start(arguments);
        guest.client().send("{'execute': 'quit'}");
        assert_eq!(guest.end().code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn the_socket_of_a_killed_guest_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let mut child = crate::common::command(folder.path())
        .args(["--qmp", "unix:qmp", "--log", "off"])
        .spawn()
        .unwrap();
    while std::os::unix::net::UnixStream::connect(&path).is_err() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(path.exists(), "it had no time to remove it");
    let guest = Guest::start_in(folder, &[]);
    guest.client().send("{'execute': 'quit'}");
    assert_eq!(guest.end().code(), Some(0));
}

#[test]
fn a_signal_that_comes_while_a_guest_starts_ends_it_in_order_too() {
    let arguments = ["--memory", "512Mi", "--prealloc", "--incoming", "defer"];
    let guest = Guest::begin(tempfile::tempdir().unwrap(), &arguments);
    while !guest.path().exists() {
        std::thread::yield_now();
    }
    guest.signal("TERM");
    assert_eq!(guest.end().code(), Some(0));
}
