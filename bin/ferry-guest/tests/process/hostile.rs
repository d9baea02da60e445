//! Clients that send what they should not, or do not read.

use std::io::Write;
use std::time::Duration;

use crate::common::Guest;

#[test]
fn garbage_is_refused_and_the_session_goes_on() {
    let guest = Guest::start(&[]);
    let mut wire = guest.client();
    for (garbage, text) in [
        (&b"{bad}"[..], "JSON parse error, invalid keyword 'bad'"),
        (b"[1,2]", "QMP input must be a JSON object"),
        (b"{'execute': 5}", "QMP input member 'execute' must be a string"),
        (b"{'execute': 'nosuch'}", "The command nosuch has not been found"),
    ] {
        wire.send(garbage);
        let line = wire.line();
        assert!(line.contains(text), "{line}");
    }
    // 0xFF sets a session back to the start of a message.
    wire.send(b"{'execute': \xff");
    assert!(wire.line().contains("JSON parse error"));
    assert!(wire.execute("query-status").contains("running"));
}

#[test]
fn a_message_without_end_takes_no_memory_and_no_session() {
    let guest = Guest::start(&[]);
    let mut wire = guest.client();
    wire.send("{'id': '");
    let text = vec![b'x'; 1 << 16];
    for _ in 0..64 {
        wire.send(&text);
    }
    wire.send("'}\n");
    let line = wire.line();
    assert!(line.contains("\"class\": \"GenericError\""), "{line}");
    wire.send([0xff]);
    let answer = wire.ask("{'execute': 'query-status', 'id': 'after'}");
    let mut line = answer;
    while !line.contains("after") {
        assert!(line.contains("error"), "{line}");
        line = wire.line();
    }
    assert!(line.contains("running"), "{line}");
}

#[test]
fn the_deepest_message_is_echoed() {
    let guest = Guest::start(&[]);
    let mut wire = guest.client();
    let id = "[".repeat(1000) + &"]".repeat(1000);
    wire.send(format!("{{'execute': 'query-kvm', 'id': {id}}}"));
    assert!(wire.line().contains(&id));
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_holds_nobody_up() {
    let guest = Guest::start(&[]);
    let deaf = guest.client();
    let mut wire = guest.client();
    let commands = "{'execute': 'stop'}{'execute': 'cont'}".repeat(50);
    // Its room and the kernel's are full after a few thousand of these at the latest.
    for _ in 0..400 {
        wire.send(&commands);
        let lines = wire.lines(200);
        assert_eq!(lines[199], "{\"return\": {}}");
    }
    guest.wait_for_log("it is cut off");
    let mut deaf = deaf;
    let heard = deaf.rest();
    assert!(heard.len() < 40_000, "{} events were kept for it", heard.len());
    assert!(wire.execute("query-status").contains("running"));
}

#[test]
fn a_client_that_only_asks_is_not_read_any_more() {
    let guest = Guest::start(&[]);
    let wire = guest.client();
    let socket = wire.socket();
    socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let commands = "{'execute': 'query-qmp-schema'}".repeat(100);
    let mut sent = 0;
    let stuck = loop {
        match (&*socket).write(commands.as_bytes()) {
            Ok(length) => sent += length,
            Err(error) => break error,
        }
        assert!(sent < 64 << 20, "everything is read and nothing is answered");
    };
    assert_eq!(stuck.kind(), std::io::ErrorKind::WouldBlock);
    let mut other = guest.client();
    assert!(other.execute("query-status").contains("running"));
    other.send("{'execute': 'quit'}");
    assert_eq!(guest.end().code(), Some(0), "its end waits for nobody");
}

#[test]
fn too_many_clients_are_turned_away_and_room_is_made_again() {
    let guest = Guest::start(&[]);
    let mut clients: Vec<_> = (0..64).map(|_| guest.client()).collect();
    assert_eq!(guest.connect().line(), "", "one too many");
    drop(clients.pop());
    // The guest sees that it has gone a moment later.
    while guest.connect().line().is_empty() {}
    clients[0].send("{'execute': 'quit'}");
    assert_eq!(guest.end().code(), Some(0));
}
