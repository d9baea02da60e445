//! A migration from a real machine to another, with its disk: recorded, and heard again.
//!
//! What was sent to them (`>`) is what the client sends; what they answered (`<`) is what it reads.

use ferry_qmp::qapi::{Input, Qapi, Reading};
use ferry_qmp::words::MigrationStatus::{self, Active, Completed, Device, PreSwitchover, Setup};
use ferry_qmp::{Client, Event, Incoming, Notice, OutOfBand};

use crate::every_command::{for_others, for_served};
use crate::round_trip::{json, object};

const QEMU_10: &str = include_str!("../transcripts/migration-qemu-10.0.2.txt");
const QEMU_7: &str = include_str!("../transcripts/migration-qemu-7.2.22.txt");

/// What was heard from one machine.
#[derive(Default)]
struct Heard {
    events: Vec<Notice>,
    refusals: Vec<String>,
    answers: usize,
}

/// Sends what was sent once, and reads what was answered, as the type that it should be.
fn replay(lines: &[&str]) -> Heard {
    let mut heard = Heard::default();
    let mut client = Client::new(OutOfBand::On);
    let mut lines = lines.iter().peekable();
    while let Some(line) = lines.next() {
        if let Some(said) = line.strip_prefix("< ") {
            match client.receive(&mut said.as_bytes()) {
                Some(Ok(Incoming::Greeting { answer, .. })) => {
                    let sent = lines.next().and_then(|line| line.strip_prefix("> "));
                    let answer = std::str::from_utf8(&answer).expect("it is ASCII");
                    assert_eq!(json(sent.expect("it is answered")), json(answer));
                }
                Some(Ok(Incoming::Ready)) => {}
                Some(Ok(Incoming::Event(notice))) => heard.events.push(notice),
                other => panic!("{said}: {other:?}"),
            }
        } else if let Some(sent) = line.strip_prefix("> ") {
            command(sent, &mut client, &mut lines, &mut heard);
        }
    }
    heard
}

/// Sends one command and reads up to its answer.
fn command<'a>(
    sent: &str,
    client: &mut Client,
    lines: &mut impl Iterator<Item = &'a &'a str>,
    heard: &mut Heard,
) {
    let message = object(sent);
    let name = message.get("execute").and_then(|name| name.as_str()).expect("it is a command");
    macro_rules! try_as {
        ($command:ty) => {
            if name == <$command as Execute>::NAME {
                let arguments = message.get("arguments").cloned();
                let arguments = arguments.unwrap_or_else(|| json("{}"));
                let command = <$command as Qapi>::read(&Input::root(&arguments, Reading::Strict));
                let command = command.unwrap_or_else(|error| panic!("{sent}: {error}"));
                let (bytes, pending) = client.send(&command).expect("the session is ready");
                let bytes = std::str::from_utf8(&bytes).expect("it is ASCII");
                assert_eq!(json(bytes), json(sent));
                let answer = answer(client, lines, heard);
                match (pending.read(&answer), answer.outcome) {
                    (Ok(_), _) => heard.answers += 1,
                    (Err(_), Err(refusal)) => heard.refusals.push(refusal.desc),
                    (Err(error), Ok(value)) => panic!("{value}: {error}"),
                }
                return;
            }
        };
    }
    for_served!(try_as);
    for_others!(try_as);
    panic!("{name} is not known");
}

fn answer<'a>(
    client: &mut Client,
    lines: &mut impl Iterator<Item = &'a &'a str>,
    heard: &mut Heard,
) -> ferry_qmp::Answer {
    loop {
        let line = lines.next().and_then(|line| line.strip_prefix("< ")).expect("it is answered");
        match client.receive(&mut line.as_bytes()) {
            Some(Ok(Incoming::Answer(answer))) => return answer,
            Some(Ok(Incoming::Event(notice))) => heard.events.push(notice),
            other => panic!("{line}: {other:?}"),
        }
    }
}

fn statuses(heard: &Heard) -> Vec<MigrationStatus> {
    let changes = heard.events.iter().filter_map(|notice| match notice.known() {
        Some(Event::Migration(change)) => Some(change.status),
        Some(_) | None => None,
    });
    changes.collect()
}

#[track_caller]
fn check(recorded: &str, unknown_events: &[&str]) {
    let sides: Vec<_> = recorded.split("\n\n").map(|side| side.lines().collect()).collect();
    let [source, destination]: [Vec<_>; 2] = sides.try_into().expect("two sides");
    let (source, destination) = (replay(&source), replay(&destination));
    assert!(source.answers >= 37, "{}", source.answers);
    assert!(source.refusals.is_empty(), "{:?}", source.refusals);
    assert!(destination.answers >= 12, "{}", destination.answers);
    assert_eq!(destination.refusals.len(), 1, "{:?}", destination.refusals);
    assert_eq!(statuses(&source), [Setup, Active, PreSwitchover, Device, Completed]);
    assert_eq!(statuses(&destination), [Setup, Active, Completed]);
    for (side, changes) in [
        (ferry_qmp::rules::Side::Source, statuses(&source)),
        (ferry_qmp::rules::Side::Destination, statuses(&destination)),
    ] {
        let changes = std::iter::once(MigrationStatus::None).chain(changes).collect::<Vec<_>>();
        for change in changes.windows(2) {
            assert!(change[0].successors(side).contains(&change[1]), "{change:?}");
        }
    }
    let events = source.events.iter().chain(&destination.events);
    let unknown: Vec<_> = events.filter(|each| each.known().is_none()).map(Notice::name).collect();
    assert_eq!(unknown, unknown_events);
}

#[test]
fn a_migration_of_qemu_10_is_understood() {
    check(QEMU_10, &["BLOCK_EXPORT_DELETED"]);
}

#[test]
fn a_migration_of_qemu_7_is_understood() {
    check(QEMU_7, &["BLOCK_EXPORT_DELETED"]);
}
