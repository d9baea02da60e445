//! One collection with a thousand watchers: how long an event takes to each of them.

use std::num::NonZero;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::client::TlsStream;

use super::client::{Answer, Connection, Endpoint, Streams, Verb};
use super::files::MoreFiles;
use super::latency::{Latencies, milliseconds};
use super::load::block_on;
use super::objects::{CONFIG_MAPS, ConfigMaps};
use super::scan::{Numbers, text_after};
use super::server::Server;
use super::standin::StandIn;
use crate::results::{Measured, Unit};

/// The JSON of an object.
const SIZE: usize = 1024;

/// Between two creates: a rate at which everybody is at rest in between.
const PAUSE: Duration = Duration::from_millis(50);

/// Events are followed for so many times as long as creates are counted: of the forty of two seconds the
/// slowest one would have all that are slower than 99 of 100.
pub(super) const SPANS: u32 = 5;

/// Handshakes of one thread at the same time; many more would fill the server's queue of connections.
const HANDSHAKES: usize = 16;

/// Watches of one client, which share a connection where it speaks HTTP/2: as many as a controller of
/// KubeVirt has.
const WATCHES_OF_A_CLIENT: u32 = 50;

/// What is read at once: some events.
const PIECE: usize = 4 << 10;

/// The longest beginning of an answer.
const HEAD: usize = 8 << 10;

/// What stands before the number in a name, and how many digits that has.
const PREFIX: &str = "fan-";
const MARKER: &[u8] = b"\"fan-";
const DIGITS: usize = 8;

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fanout {
    pub(super) watchers: u32,
    /// How long objects are created.
    pub(super) span: Duration,
}

impl Fanout {
    /// Ferry.
    pub(super) fn ferry(self) -> Result<Vec<Measured>> {
        let server = Server::start()?;
        let _more = MoreFiles::allow(self.watchers)?;
        self.measure(server.endpoint(), "watch")
    }

    /// Ferry, whose clients watch many things each, as client-go does it.
    pub(super) fn streams(self) -> Result<Vec<Measured>> {
        let server = Server::start()?;
        let _more = MoreFiles::allow(self.watchers)?;
        let times = block_on(self.run(server.endpoint(), Way::Streams))?;
        Ok(times.figures("watch by streams"))
    }

    /// A server that only hands events on: what TLS, HTTP and the watchers take by themselves.
    pub(super) fn yardstick(self) -> Result<Vec<Measured>> {
        // Both ends are ours.
        let _more = MoreFiles::allow(2 * self.watchers)?;
        let stand_in = StandIn::start()?;
        self.measure(stand_in.endpoint(), "yardstick watch")
    }

    fn measure(self, endpoint: &Endpoint, name: &str) -> Result<Vec<Measured>> {
        let times = block_on(self.run(endpoint, Way::Connections))?;
        Ok(times.figures(name))
    }

    /// From just before a create is sent to the moment at which a watcher has read the event.
    ///
    /// Clients are processes of their own, mostly. So whoever creates has a thread here, and whoever
    /// follows has others, as many as there are processors: one for all would be what is measured.
    async fn run(self, endpoint: &Endpoint, way: Way) -> Result<Times> {
        let mut connection = Connection::open(endpoint).await?;
        let list = connection.get(CONFIG_MAPS).await?;
        let version =
            text_after(&list, r#""resourceVersion":""#).context("a list has a version")?;
        let target = format!("{CONFIG_MAPS}?watch=true&resourceVersion={version}");
        let events = usize::try_from(self.span.as_millis() / PAUSE.as_millis())?.max(1);
        let clients = way.clients(self.watchers);
        let shares = clients.chunks(clients.len().div_ceil(threads()));
        let (here, gone) = watch::channel(());
        let (ready, mut all_ready) = mpsc::channel(shares.len());
        let audience =
            Audience { endpoint: endpoint.clone(), target, sent: Sent::new(events), ready, gone };
        let sent = audience.sent.clone();
        let following: Vec<_> = shares
            .map(|share| {
                let (audience, share) = (audience.clone(), share.to_vec());
                thread::spawn(move || block_on(audience.follow(&share, way)))
            })
            .collect();
        drop(audience);
        let mut count = 0;
        while let Some(()) = all_ready.recv().await {
            count += 1;
        }
        let creates = if count == following.len() {
            create(&mut connection, &sent).await
        } else {
            Err(anyhow::anyhow!("not all watches began"))
        };
        if creates.is_err() {
            drop(here);
        }
        let mut times = Vec::with_capacity(events * self.watchers as usize);
        for thread in following {
            let Ok(followed) = thread.join() else { bail!("a thread that follows panicked") };
            times.extend(followed?);
        }
        Ok(Times { events: Latencies::from(times), creates: Latencies::from(creates?) })
    }
}

fn threads() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// When each create was sent.
#[derive(Clone)]
struct Sent(Arc<[OnceLock<Instant>]>);

impl Sent {
    fn new(count: usize) -> Self {
        Self((0..count).map(|_| OnceLock::new()).collect())
    }

    fn at(&self, number: usize) -> Option<Instant> {
        self.0.get(number).and_then(OnceLock::get).copied()
    }
}

/// What those who follow have in common.
#[derive(Clone)]
struct Audience {
    endpoint: Endpoint,
    target: String,
    sent: Sent,
    /// Told by each thread whose watches have all begun, and dropped then.
    ready: mpsc::Sender<()>,
    /// Closed when nothing more is created, which is told elsewhere.
    gone: watch::Receiver<()>,
}

impl Audience {
    /// Follows all events with clients of so many watches each, on this thread.
    async fn follow(self, share: &[u32], way: Way) -> Result<Vec<Duration>> {
        let Self { endpoint, target, sent, ready, mut gone } = self;
        let clients = match way {
            Way::Connections => open(&endpoint, &target, share.len()).await?,
            Way::Streams => open_streams(&endpoint, &target, share).await?,
        };
        let mut following = JoinSet::new();
        for client in clients {
            let sent = sent.clone();
            following.spawn_local(async move {
                let all = client.into_iter().map(|it| it.follow(sent.clone()));
                try_join_all(all).await
            });
        }
        ready.send(()).await?;
        drop(ready);
        let mut times = Vec::new();
        loop {
            tokio::select! {
                outcome = following.join_next() => match outcome {
                    Some(outcome) => times.extend(outcome.context("a client")??.into_iter().flatten()),
                    None => return Ok(times),
                },
                Err(_) = gone.changed() => return Ok(Vec::new()),
            }
        }
    }
}

/// What was measured.
struct Times {
    /// From just before a create is sent to each watcher.
    events: Latencies,
    /// Of the creates themselves: a watcher has to wait for the disk as well.
    creates: Latencies,
}

impl Times {
    fn figures(&self, name: &str) -> Vec<Measured> {
        let mut figures = self.events.figures(name).to_vec();
        let most = milliseconds(self.events.most());
        figures.push(Measured::new(format!("{name}, most"), Unit::Milliseconds, most));
        figures.extend(self.creates.figures(&format!("{name}, the creates")));
        figures
    }
}

/// How a watcher is reached.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// By a connection of its own.
    Connections,
    /// By a connection that it shares with others.
    Streams,
}

impl Way {
    /// The clients of so many watchers: how many watches each has.
    fn clients(self, watchers: u32) -> Vec<u32> {
        let each = match self {
            Self::Connections => 1,
            Self::Streams => WATCHES_OF_A_CLIENT,
        };
        let starts = (0..watchers).step_by(each as usize);
        starts.map(|start| each.min(watchers - start)).collect()
    }
}

async fn create(connection: &mut Connection, sent: &Sent) -> Result<Vec<Duration>> {
    let objects = ConfigMaps::new(PREFIX, SIZE);
    let collection = Uri::from_static(CONFIG_MAPS);
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut times = Vec::with_capacity(sent.0.len());
    for (number, sent) in (0..).zip(sent.0.iter()) {
        ticks.tick().await;
        let body = objects.json(number);
        let begin = *sent.get_or_init(Instant::now);
        connection.send(Verb::Create, &collection, body).await?;
        times.push(begin.elapsed());
    }
    Ok(times)
}

/// So many clients of one watch each, all of which have been told that it begins.
async fn open(endpoint: &Endpoint, target: &str, count: usize) -> Result<Vec<Vec<Watcher>>> {
    let request: Rc<str> = format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n\r\n",
        endpoint.host()?.to_str()?
    )
    .into();
    let (mut opening, mut watchers) = (JoinSet::new(), Vec::new());
    for _ in 0..count {
        if opening.len() == HANDSHAKES
            && let Some(outcome) = opening.join_next().await
        {
            watchers.push(outcome??);
        }
        opening.spawn_local(Watcher::open(endpoint.clone(), Rc::clone(&request)));
    }
    while let Some(outcome) = opening.join_next().await {
        watchers.push(outcome??);
    }
    Ok(watchers.into_iter().map(|watcher| vec![watcher]).collect())
}

/// The same with clients of so many watches each.
async fn open_streams(
    endpoint: &Endpoint,
    target: &str,
    counts: &[u32],
) -> Result<Vec<Vec<Watcher>>> {
    let mut clients = Vec::new();
    for &count in counts {
        let mut streams = Streams::open(endpoint).await?;
        let mut watchers = Vec::new();
        for _ in 0..count {
            watchers.push(Watcher::of(Source::Stream(streams.follow(target).await?)));
        }
        clients.push(watchers);
    }
    Ok(clients)
}

/// One that only looks for names: a thousand that parsed would measure themselves.
struct Watcher {
    source: Source,
    numbers: Numbers,
}

/// Where events come from.
enum Source {
    Connection { stream: Box<TlsStream<TcpStream>>, piece: Vec<u8> },
    Stream(Answer),
}

impl Source {
    /// Hands on what comes next. Says how much that was; nothing at the end.
    async fn read(&mut self, take: impl FnOnce(&[u8])) -> Result<usize> {
        match self {
            Self::Connection { stream, piece } => {
                let count = stream.read(piece).await.context("reading events")?;
                take(&piece[..count]);
                Ok(count)
            }
            Self::Stream(answer) => {
                let Some(piece) = answer.piece().await? else { return Ok(0) };
                take(&piece);
                Ok(piece.len())
            }
        }
    }
}

impl Watcher {
    async fn open(endpoint: Endpoint, request: Rc<str>) -> Result<Self> {
        let mut stream = endpoint.connect().await?;
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut head = Vec::new();
        // No event is on its way before all watch, so that nothing follows the head.
        while !head.ends_with(b"\r\n\r\n") {
            ensure!(head.len() < HEAD, "the beginning of an answer has no end");
            head.push(stream.read_u8().await.context("the beginning of an answer")?);
        }
        let head = String::from_utf8_lossy(&head);
        ensure!(head.starts_with("HTTP/1.1 200 "), "a watch is answered with {head}");
        Ok(Self::of(Source::Connection { stream: Box::new(stream), piece: vec![0; PIECE] }))
    }

    fn of(source: Source) -> Self {
        Self { source, numbers: Numbers::new(MARKER, DIGITS) }
    }

    /// How long each event took, which must come once and in order.
    async fn follow(mut self, sent: Sent) -> Result<Vec<Duration>> {
        let events = sent.0.len();
        let mut times = Vec::with_capacity(events);
        while times.len() < events {
            let mut stray = None;
            let numbers = &mut self.numbers;
            let read = self.source.read(|piece| {
                let now = Instant::now();
                numbers.push(piece, |number| {
                    let is_next = number as usize == times.len();
                    match sent.at(number as usize) {
                        Some(sent) if is_next => times.push(now - sent),
                        Some(_) | None => stray = Some(number),
                    }
                });
            });
            let count = read.await?;
            ensure!(count > 0, "a watch ended after {} of {events} events", times.len());
            if let Some(stray) = stray {
                bail!("event {stray} came where {} was due", times.len());
            }
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_reaches_every_watcher_once() {
        let stand_in = StandIn::start().unwrap();
        let fanout = Fanout { watchers: 20, span: 4 * PAUSE };
        let times = block_on(fanout.run(stand_in.endpoint(), Way::Connections)).unwrap();
        assert_eq!((times.events.count(), times.creates.count()), (20 * 4, 4));
        assert!(times.events.percentile(50) > Duration::ZERO);
    }

    #[test]
    fn a_watch_that_is_refused_is_told() {
        let stand_in = StandIn::start().unwrap();
        let refused = block_on(open(stand_in.endpoint(), "/elsewhere", 1));
        let error = format!("{:#}", refused.err().unwrap());
        assert!(error.contains("404 Not Found"), "{error}");
    }
}
