//! The threads beside the leader's.

use std::sync::Arc;
use std::thread::JoinHandle;

use ferry_transfer::wire::{Frame, SourceMessage};
use ferry_transfer::{Channel, Ending, Source, Step};
use ferry_units::{BytesPerSecond, PageIndex};

use super::Outgoing;
use super::connect::Links;
use super::sender::{SendError, Sender};
use super::talk;
use super::volumes::Volumes;
use crate::link::Connection;
use crate::migration::desk::Job;
use crate::migration::threads::spawn;

/// Starts all threads of a migration whose connections are made.
pub(super) fn start(
    outgoing: &Arc<Outgoing>,
    links: &Links,
    volumes: &Arc<Volumes>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::new();
    let mut add = |name: String, run: Box<dyn FnOnce() + Send>| -> std::io::Result<()> {
        threads.push(spawn(name, run)?);
        Ok(())
    };
    for (channel, connection) in &links.data {
        let sender = sender(outgoing, volumes, connection);
        let (outgoing, channel) = (Arc::clone(outgoing), *channel);
        add(
            format!("mig/src/send_{}", channel.0),
            Box::new(move || send(&outgoing, channel, sender)),
        )?;
    }
    if let Some(urgent) = &links.urgent {
        let sender = sender(outgoing, volumes, urgent);
        let (outgoing, urgent) = (Arc::clone(outgoing), Arc::clone(urgent));
        add("mig/src/urgent".to_owned(), Box::new(move || answer(&outgoing, &urgent, sender)))?;
    }
    let (hearing, control) = (Arc::clone(outgoing), Arc::clone(&links.control));
    add("mig/src/return".to_owned(), Box::new(move || talk::hear(&hearing, &control)))?;
    let (asking, control) = (Arc::clone(outgoing), Arc::clone(&links.control));
    add("mig/src/pulse".to_owned(), Box::new(move || talk::ask(&asking, &control)))?;
    Ok(threads)
}

fn sender(outgoing: &Outgoing, volumes: &Arc<Volumes>, connection: &Arc<Connection>) -> Sender {
    Sender::new(Arc::clone(volumes), Arc::clone(connection), outgoing.zero_pages)
}

/// Sends what one channel is granted, until there is no more.
fn send(outgoing: &Outgoing, channel: Channel, mut sender: Sender) {
    let mut done = None;
    while let Some(job) = outgoing.desk.work(channel, done.take()) {
        sender.pace(share(outgoing.desk.look(Source::pace), outgoing.channels));
        let result = match job {
            Job::Send(grant) => sender.send(&grant).map(|sent| done = Some((grant, sent))),
            Job::Fence { number, pages } => sender.say(&Frame::Fence { number, pages }),
            Job::Probe { number, pages } => sender.say(&Frame::Probe { number, pages }),
        };
        if let Err(error) = result {
            return outgoing.lost(&error);
        }
    }
}

/// What of a pace is one channel's.
fn share(pace: Option<BytesPerSecond>, channels: u8) -> Option<BytesPerSecond> {
    pace.map(|pace| BytesPerSecond::new(pace.get() / u64::from(channels.max(1))))
}

/// Sends the pages that vCPUs of the destination wait for.
fn answer(outgoing: &Outgoing, urgent: &Connection, mut sender: Sender) {
    let mut answer = || -> Result<(), SendError> {
        let mut page = [0; 8];
        urgent.read(&mut page)?;
        let page = PageIndex(u64::from_le_bytes(page));
        if let Some(grant) = outgoing.desk.change(|source, _| source.request(page)) {
            let sent = sender.send(&grant)?;
            outgoing.desk.change(|source, now| source.sent_urgent(&grant, &sent, now));
        }
        Ok(())
    };
    loop {
        if let Err(error) = answer() {
            return outgoing.lost(&error);
        }
    }
}

/// Tells the destination why it is over, if it still listens, and cuts all connections.
pub(super) fn hang_up(outgoing: &Outgoing, links: &Links, ending: &Ending) {
    let why = match ending {
        Ending::Completed | Ending::InDoubt(_) | Ending::Paused(_) => None,
        Ending::Cancelled => Some("the source has cancelled the migration".to_owned()),
        Ending::Failed(why) => Some(format!("the source has given up: {why}")),
    };
    if let Some(why) = why {
        for (_, connection) in &links.data {
            connection.shut_down();
        }
        // It may be the reason that this cannot be said.
        let _perhaps = links.control.write(&SourceMessage::Abort(why).encode());
    }
    outgoing.made.cut();
}

/// Follows the steps of the source to the end, and says how it ended.
pub(super) fn follow(mut carry_out: impl FnMut(Step), next: impl Fn() -> Step) -> Ending {
    loop {
        match next() {
            Step::End(ending) => return ending,
            step => carry_out(step),
        }
    }
}
