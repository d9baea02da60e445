//! What one side says is what the other side hears.

use std::fmt::Debug;

use ferry_qmp::json::{Json, Limits, Object, Reader};
use ferry_qmp::qapi::{Input, Qapi, Reading, ShapeOf};
use ferry_qmp::{
    Client, Command, EVENTS, Event, Execute, Incoming, Notice, Occurrence, OutOfBand, Received,
    Server, Timestamp, WireError,
};
use proptest::prelude::*;

use crate::every_command::{for_others, for_served};
use crate::machine::server;
use crate::shapes::Choices;

/// Both sides of a session that has been negotiated.
pub(crate) fn sides() -> (Client, Server) {
    let (mut client, mut server) = (Client::new(OutOfBand::On), server());
    let greeting = server.greeting();
    let Some(Ok(Incoming::Greeting { answer, .. })) = client.receive(&mut &greeting[..]) else {
        panic!("it greets")
    };
    let Some(Received::Answered { answer, .. }) = server.receive(&mut &answer[..]) else {
        panic!("it negotiates")
    };
    assert!(matches!(client.receive(&mut &answer[..]), Some(Ok(Incoming::Ready))));
    (client, server)
}

fn read<T: Qapi>(json: &Json) -> T {
    T::read(&Input::root(json, Reading::Strict)).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// A command arrives as it was sent, and its answer as it was given.
fn command_arrives<C>(choices: &mut Choices<'_>)
where
    C: Execute + Qapi + Clone + PartialEq + Debug + Into<Command>,
    C::Return: PartialEq + Debug,
{
    let (mut client, mut server) = sides();
    let arguments = choices.value(ShapeOf::of::<C>(), 0);
    let command: C = read(&arguments);
    let (bytes, pending) = client.send(&command).expect("the session is ready");
    let Some(Received::Request(request)) = server.receive(&mut &bytes[..]) else {
        panic!("{bytes:?} is no command")
    };
    assert_eq!(request.command, command.clone().into());
    assert_eq!(Json::from(request.command.arguments()), arguments);

    let value: C::Return = read(&choices.value(ShapeOf::of::<C::Return>(), 0));
    let answer = request.ticket.answer(&command.reply(&value));
    let Some(Ok(Incoming::Answer(answer))) = client.receive(&mut &answer[..]) else {
        panic!("{answer:?} is no answer")
    };
    assert_eq!(pending.read(&answer), Ok(value));
}

/// A command that only QEMU serves is written as it was read, and so is what it returns.
fn words_keep<C>(choices: &mut Choices<'_>)
where
    C: Execute + Qapi,
{
    let arguments = choices.value(ShapeOf::of::<C>(), 0);
    assert_eq!(read::<C>(&arguments).write(), arguments);
    let value = choices.value(ShapeOf::of::<C::Return>(), 0);
    assert_eq!(read::<C::Return>(&value).write(), value);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_command_arrives_as_it_was_sent(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        macro_rules! arrives {
            ($command:ty) => {
                command_arrives::<$command>(&mut Choices::new(&bytes))
            };
        }
        for_served!(arrives);
    }

    #[test]
    fn every_other_command_is_written_as_it_was_read(
        bytes in prop::collection::vec(any::<u8>(), 0..200)
    ) {
        macro_rules! keep {
            ($command:ty) => {
                words_keep::<$command>(&mut Choices::new(&bytes))
            };
        }
        for_others!(keep);
    }

    #[test]
    fn every_event_arrives_as_it_was_sent(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
        for info in EVENTS {
            let (mut client, server) = sides();
            let data = Choices::new(&bytes).value(info.data, 0);
            let data = data.as_object().expect("what comes with an event is an object");
            let event = Event::read(info.name, data, Reading::Strict).expect("it is in the table");
            let event = event.expect("it is of the shape that the table says");
            let at = Timestamp { seconds: 1_795_480_215, microseconds: 782_795 };
            let line = server.event(&event, at).expect("the session is ready");
            let Some(Ok(Incoming::Event(notice))) = client.receive(&mut &line[..]) else {
                panic!("{line:?} is no event")
            };
            assert_eq!(notice, Notice { at, event: Occurrence::Known(event) });
        }
    }
}

#[test]
fn an_id_comes_back_whatever_it_is() {
    for id in ["null", "0", "-1", "1.5", "\"a\"", "[]", "{}", r#"[1, {"a": [null, true]}]"#] {
        let (_, mut server) = sides();
        let message = format!(r#"{{"execute": "stop", "id": {id}}}"#);
        let Some(Received::Request(request)) = server.receive(&mut message.as_bytes()) else {
            panic!("{message} is no command")
        };
        let Command::Stop(stop) = request.command else { panic!("{message}") };
        let answer = request.ticket.answer(&stop.done());
        assert_eq!(answer, format!("{{\"return\": {{}}, \"id\": {id}}}\r\n"));
    }
}

#[test]
fn parity_events_wait_for_the_negotiation() {
    let at = Timestamp { seconds: 1, microseconds: 2 };
    assert_eq!(server().event(&Event::Stop, at), None);
    let (_, server) = sides();
    assert_eq!(
        server.event(&Event::Stop, at).as_deref(),
        Some(
            &b"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\r\n"[..]
        )
    );
}

#[test]
fn a_refusal_keeps_its_class_and_its_text() {
    let (mut client, mut server) = sides();
    let (bytes, pending) = client.send(&ferry_qmp::Stop).expect("the session is ready");
    let Some(Received::Request(request)) = server.receive(&mut &bytes[..]) else { panic!() };
    let class = ferry_qmp::ErrorClass::DeviceNotFound;
    let error = WireError { class, desc: "no such \"device\"".to_owned() };
    let answer = request.ticket.answer(&error.clone().into());
    let Some(Ok(Incoming::Answer(answer))) = client.receive(&mut &answer[..]) else { panic!() };
    let refused = pending.read(&answer).expect_err("it was refused");
    assert_eq!(refused, ferry_qmp::ClientError::Refused { command: "stop", error });
}

#[test]
fn commands_out_of_band_overtake_others() {
    let (mut client, mut server) = sides();
    let sent = client.send_out_of_band(&ferry_qmp::MigratePause);
    let (bytes, _) = sent.expect("the session has agreed on that");
    assert_eq!(bytes, "{\"exec-oob\": \"migrate-pause\", \"id\": 2}\r\n");
    let Some(Received::Request(request)) = server.receive(&mut &bytes[..]) else { panic!() };
    assert_eq!(request.band, ferry_qmp::Band::OutOfBand);
}

/// The value of a text.
pub(crate) fn json(text: &str) -> Json {
    let text = format!("{text} ");
    let read = Reader::new(Limits::QEMU).next(&mut text.as_bytes());
    read.expect("it is complete").expect("it is JSON")
}

/// The object of a text.
pub(crate) fn object(text: &str) -> Object {
    json(text).as_object().expect("it is an object").clone()
}
