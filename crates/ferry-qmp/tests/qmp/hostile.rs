//! Whoever sends what no machine and no client should.

use ferry_qmp::json::{Json, Limits, Reader};
use ferry_qmp::qapi::{Input, Qapi, Reading};
use ferry_qmp::schema::{Schema, SchemaInfo};
use ferry_qmp::words::RunState;
use ferry_qmp::{Client, ClientError, Incoming, OutOfBand, Received, Stop};
use proptest::prelude::*;

use crate::machine::{Machine, server};
use crate::round_trip::{json, sides};

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        Machine::new(RunState::Running).answer(&mut server(), &bytes);
        let mut client = Client::new(OutOfBand::On);
        let mut input = &bytes[..];
        while client.receive(&mut input).is_some() {}
        prop_assert!(input.is_empty());
    }

    /// What is nearly JSON goes further than what is not.
    #[test]
    fn what_looks_like_qmp_is_read(
        words in prop::collection::vec(prop::sample::select(&[
            "{", "}", "[", "]", ":", ",", "\"execute\"", "\"exec-oob\"", "'id'", "\"arguments\"",
            "\"migrate\"", "\"migrate-set-capabilities\"", "\"capabilities\"", "\"qmp_capabilities\"",
            "\"return\"", "\"error\"", "\"class\"", "\"desc\"", "\"event\"", "\"timestamp\"",
            "\"QMP\"", "1", "-1", "1e5", "1e999", "18446744073709551615", "true", "null", "\"\\ud83d\"",
            "\"uri\"", "{}", "[]", "\n",
        ][..]), 0..60)
    ) {
        let bytes = words.concat().into_bytes();
        let (mut client, mut session) = sides();
        Machine::new(RunState::Running).answer(&mut session, &bytes);
        let mut input = &bytes[..];
        while client.receive(&mut input).is_some() {}
    }

    /// What is written can be read, and is the same.
    #[test]
    fn what_is_written_is_read_back(json in values()) {
        let text = format!("{json} ");
        prop_assert!(text.is_ascii());
        let read = Reader::new(Limits::QEMU).next(&mut text.as_bytes());
        prop_assert_eq!(read, Some(Ok(json)));
    }
}

/// Values of JSON, without the texts that QEMU does not have.
fn values() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1e300..1e300).prop_map(|number: f64| Json::from(number + 0.5)),
        "[ -~é€😀\\n\\t\\x00]{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec(("[a-z]{0,3}", inner), 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn what_never_ends_is_given_up() {
    let (_, mut server) = sides();
    let piece = vec![b'a'; 64 << 10];
    let mut refusals = 0;
    assert!(server.receive(&mut &b"{\"execute\": \""[..]).is_none());
    for _ in 0..100 {
        let mut input = &piece[..];
        while let Some(Received::Answered { answer, .. }) = server.receive(&mut input) {
            assert!(answer.len() < 100, "{answer:?}");
            refusals += 1;
        }
    }
    // After a megabyte it is given up; the rest is a word that never ends, and given up likewise.
    assert_eq!(refusals, 6);
}

#[test]
fn what_is_nested_as_deeply_as_can_be_comes_back() {
    let (_, mut server) = sides();
    let depth = 1023;
    let id = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let message = format!("{{\"execute\": \"nosuch\", \"id\": {id}}}");
    let Some(Received::Answered { answer, .. }) = server.receive(&mut message.as_bytes()) else {
        panic!("there is no such command")
    };
    assert!(answer.starts_with(format!("{{\"id\": {id}, \"error\"").as_bytes()));
}

#[test]
fn many_members_of_one_name_are_no_work() {
    // All of these share a bucket of QEMU's, which would go through them one by one.
    let names = (0..20_000).map(|index| format!("{index:05}"));
    let members: Vec<_> = names.map(|name| format!("\"{name}\": 0")).collect();
    let text = format!("{{{}}} ", members.join(", "));
    let read = Reader::new(Limits::QEMU).next(&mut text.as_bytes());
    let Some(Ok(Json::Object(object))) = read else { panic!("it is an object") };
    assert_eq!(object.len(), 20_000);
}

#[test]
fn a_schema_that_goes_in_circles_is_asked_in_vain() {
    let entries = json(
        r#"[{"name": "migrate", "meta-type": "command", "arg-type": "0", "ret-type": "0"},
            {"name": "0", "meta-type": "object", "members": [{"name": "a", "type": "[1]"}],
             "tag": "a", "variants": [{"case": "x", "type": "0"}]},
            {"name": "[1]", "meta-type": "array", "element-type": "1"},
            {"name": "1", "meta-type": "alternate", "members": [{"type": "[1]"}, {"type": "0"}]}]"#,
    );
    let entries = Vec::<SchemaInfo>::read(&Input::root(&entries, Reading::Tolerant));
    let schema = Schema::new(entries.expect("it is a schema")).expect("nothing is missing in it");
    assert!(schema.has_argument::<ferry_qmp::words::Migrate>(&["a", "a", "a"]));
    assert!(!schema.has_argument::<ferry_qmp::words::Migrate>(&["a", "b"]));
    assert!(!schema.has_argument_value::<ferry_qmp::words::Migrate>(&["a"], "x"));
}

/// What a client says to a line, after a greeting and a negotiation.
#[track_caller]
fn check(line: &str, expected: &str) {
    let (mut client, _) = sides();
    let said = match client.receive(&mut format!("{line}\r\n").as_bytes()) {
        Some(Err(error)) => error.to_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(said, expected);
}

#[test]
fn a_client_says_what_is_wrong_with_a_machine() {
    check("5", "the machine sent what is neither answer nor event: 5");
    check("{\"a\": 1}", "the machine sent what is neither answer nor event: {\"a\": 1}");
    check(
        "{\"return\": {}, \"error\": {}, \"id\": 1}",
        "the machine sent what is neither answer nor event: {\"return\": {}, \"id\": 1, \
         \"error\": {}}",
    );
    check("{\"return\": {}, \"id\": 9}", "the machine answered a command that was not sent: 9");
    check("{\"return\": {}}", "the machine answered a command that was not sent: null");
    check(
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}",
        "the machine could not read what it was sent: JSON parse error (GenericError)",
    );
    check("{bad}", "the machine sent what is no message: JSON parse error, invalid keyword 'bad'");
    let long = format!("[{}]", "1, ".repeat(1000));
    let mut client = Client::new(OutOfBand::Off);
    let Some(Err(ClientError::Json(_))) = client.receive(&mut long.as_bytes()) else { panic!() };
    let ssh = "\"SSH-2.0-OpenSSH_9.2\" ";
    let Some(Err(error)) = client.receive(&mut ssh.as_bytes()) else { panic!() };
    assert_eq!(
        error.to_string(),
        "the machine did not greet as QMP does, but sent \"SSH-2.0-OpenSSH_9.2\""
    );
}

#[test]
fn a_client_waits_for_its_turn() {
    let mut client = Client::new(OutOfBand::Off);
    assert_eq!(
        client.send(&Stop).expect_err("there was no greeting").to_string(),
        "the session has not begun: wait until it is ready before sending 'stop'"
    );
    let (mut client, _) = sides();
    for _ in 0..Client::MAX_OUTSTANDING {
        let (_, _pending) = client.send(&Stop).expect("so many may wait");
    }
    assert_eq!(
        client.send(&Stop).expect_err("this is one too many").to_string(),
        "64 commands are not answered yet: wait before sending 'stop'"
    );
}

#[test]
fn a_client_puts_up_with_what_is_newer() {
    let (mut client, _) = sides();
    let mut heard = |line: &str| client.receive(&mut line.as_bytes());
    let unknown = heard(
        r#"{"event": "SUPERNOVA", "data": {"m": 1}, "timestamp": {"seconds": 1, "microseconds": 2}}"#,
    );
    let Some(Ok(Incoming::Event(notice))) = unknown else { panic!("{unknown:?}") };
    assert_eq!((notice.name(), notice.known()), ("SUPERNOVA", None));
    // A word that is new, and a member that is.
    for (data, is_known) in [
        (r#"{"guest": true, "reason": "boredom"}"#, false),
        (r#"{"guest": true, "reason": "guest-reset", "mood": "good"}"#, true),
    ] {
        let line = format!(
            r#"{{"event": "SHUTDOWN", "data": {data}, "timestamp": {{"seconds": 1, "microseconds": 2}}}}"#
        );
        let Some(Ok(Incoming::Event(notice))) = heard(&line) else { panic!("{line}") };
        assert_eq!(notice.known().is_some(), is_known, "{line}");
        assert_eq!(notice.name(), "SHUTDOWN");
    }
}
