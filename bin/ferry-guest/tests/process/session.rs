//! Sessions: greeting, negotiation, order, several clients.

use crate::common::{GREETING, Guest};
use ferry_qmp::words::RunState;
use ferry_qmp::{Client, Incoming, OutOfBand, QueryStatus, QueryYank, Stop};
use std::io::{Read, Write};

const DONE: &str = "{\"return\": {}}";

#[test]
fn a_client_is_greeted_and_negotiates_once() {
    let guest = Guest::start(&[]);
    let mut wire = guest.connect();
    assert_eq!(wire.line(), GREETING);
    wire.send("{'execute': 'query-status', 'id': 1}");
    wire.send("{'execute': 'qmp_capabilities', 'id': {'a': [1]}}");
    wire.send("{'execute': 'qmp_capabilities'}");
    assert_eq!(
        wire.lines(3),
        [
            "{\"id\": 1, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Expecting \
             capabilities negotiation with 'qmp_capabilities'\"}}",
            "{\"return\": {}, \"id\": {\"a\": [1]}}",
            "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Capabilities negotiation is \
             already complete, command ignored\"}}",
        ]
    );
}

#[test]
fn ten_commands_in_one_write_are_answered_in_order() {
    let guest = Guest::start(&[]);
    let mut wire = guest.client();
    let commands = (0..10).map(|id| format!("{{\"execute\": \"query-name\", \"id\": {id}}}"));
    wire.send(commands.collect::<Vec<_>>().concat());
    let expected: Vec<_> = (0..10)
        .map(|id| format!("{{\"return\": {{\"name\": \"guest\"}}, \"id\": {id}}}"))
        .collect();
    assert_eq!(wire.lines(10), expected);
}

#[test]
fn a_command_may_come_byte_by_byte_and_the_last_one_is_answered() {
    let guest = Guest::start(&[]);
    let mut wire = guest.client();
    for byte in b"{'execute':\n'query-uuid', 'id': 0}" {
        wire.send([*byte]);
    }
    wire.send("{'execute': 'query-kvm'}");
    wire.socket().shutdown(std::net::Shutdown::Write).unwrap();
    let rest = wire.rest();
    assert!(rest[0].starts_with("{\"return\": {\"UUID\": \""), "{rest:?}");
    assert_eq!(rest[1..], ["{\"return\": {\"enabled\": false, \"present\": false}}"]);
}

#[test]
fn events_come_to_all_who_have_negotiated_and_before_the_answer() {
    let guest = Guest::start(&[]);
    let mut silent = guest.connect();
    let mut other = guest.client();
    let mut wire = guest.client();
    wire.send("{'execute': 'stop'}{'execute': 'stop'}{'execute': 'cont'}");
    let told = ["{\"event\": \"STOP\"}", "{\"event\": \"RESUME\"}"];
    assert_eq!(wire.lines(5), [told[0], DONE, DONE, told[1], DONE]);
    assert_eq!(other.lines(2), told);
    assert_eq!(silent.line(), GREETING);
    silent.send("{'execute': 'qmp_capabilities'}");
    assert_eq!(silent.lines(1), [DONE]);
}

#[test]
fn out_of_band_is_for_those_who_have_agreed_on_it() {
    let guest = Guest::start(&[]);
    let mut wire = guest.connect();
    wire.line();
    assert_eq!(wire.execute("qmp_capabilities"), DONE);
    let refused = wire.ask("{'exec-oob': 'query-yank'}");
    assert!(refused.contains("QMP input member 'exec-oob' is unexpected"), "{refused}");
    let mut wire = guest.client();
    let refused = wire.ask("{'exec-oob': 'query-status'}");
    assert!(refused.contains("The command query-status does not support OOB"), "{refused}");
}

#[test]
fn the_client_of_ferry_qmp_drives_it() {
    let guest = Guest::start(&["--paused"]);
    let mut wire = guest.connect();
    let mut client = Client::new(OutOfBand::On);
    let mut socket = wire.socket().try_clone().unwrap();
    let mut next = |client: &mut Client| {
        let mut byte = [0];
        loop {
            socket.read_exact(&mut byte).unwrap();
            if let Some(incoming) = client.receive(&mut &byte[..]) {
                return incoming.unwrap();
            }
        }
    };
    let Incoming::Greeting { answer, .. } = next(&mut client) else { panic!("no greeting") };
    wire.send(&answer);
    assert!(matches!(next(&mut client), Incoming::Ready));

    let (bytes, pending) = client.send(&QueryStatus).unwrap();
    wire.send(&bytes);
    let Incoming::Answer(answer) = next(&mut client) else { panic!("no answer") };
    assert_eq!(pending.read(&answer).unwrap().status, RunState::Prelaunch);

    let (bytes, pending) = client.send_out_of_band(&QueryYank).unwrap();
    wire.socket().write_all(&bytes).unwrap();
    let Incoming::Answer(answer) = next(&mut client) else { panic!("no answer") };
    assert_eq!(pending.read(&answer).unwrap(), []);

    let (bytes, pending) = client.send(&Stop).unwrap();
    wire.send(&bytes);
    let Incoming::Answer(answer) = next(&mut client) else { panic!("no answer") };
    pending.read(&answer).unwrap();
}

#[test]
fn a_guest_can_have_several_sockets() {
    let guest = Guest::start(&["--qmp", "unix:second,server=on,wait=off"]);
    let second = guest.path().with_file_name("second");
    let mut first = guest.client();
    let mut wire = crate::common::Wire::connect(&second);
    assert_eq!(wire.line(), GREETING);
    assert_eq!(wire.execute("qmp_capabilities"), DONE);
    assert_eq!(first.execute("stop"), DONE);
    assert_eq!(wire.lines(1), ["{\"event\": \"STOP\"}"]);
    first.execute("quit");
    assert!(guest.end().success());
    assert!(!second.exists());
}
