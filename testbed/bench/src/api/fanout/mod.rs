//! One collection with a thousand watchers: how long an event takes to each of them.

mod stage;
mod watcher;

use std::num::NonZero;
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ferry_harness::Program;
use futures::future::try_join_all;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use self::stage::{Author, Stage, Way, objects};
use super::client::Endpoint;
use super::etcd::{Etcd, Transport};
use super::files::MoreFiles;
use super::latency::{Latencies, milliseconds};
use super::load::block_on;
use super::server::Server;
use super::standin::StandIn;
use crate::results::{Measured, Unit};

/// Between two creates: a rate at which everybody is at rest in between.
const PAUSE: Duration = Duration::from_millis(50);

/// Events are followed for so many times as long as creates are counted: of the forty of two seconds the
/// slowest one would have all that are slower than 99 of 100.
pub(super) const SPANS: u32 = 5;

/// What tokio has open to wait for events: two of epoll, and one by which it is woken.
const FILES_OF_A_RUNTIME: u32 = 3;

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
        let _more = self.allow_files(1)?;
        self.measure(&api(server.endpoint(), Way::Connections), "watch")
    }

    /// Ferry, whose clients watch many things each.
    pub(super) fn streams(self) -> Result<Vec<Measured>> {
        let server = Server::start()?;
        let _more = self.allow_files(1)?;
        self.measure(&api(server.endpoint(), Way::Streams), "watch by streams")
    }

    /// etcd, whose clients watch as many things each.
    pub(super) fn etcd(self, program: &Program, transport: Transport) -> Result<Vec<Measured>> {
        let etcd = Etcd::start(program, transport)?;
        let _more = self.allow_files(1)?;
        let name = match transport {
            Transport::Plain => "etcd watch",
            Transport::Tls => "etcd watch by TLS",
        };
        self.measure(&Stage::Etcd(etcd.address()?), name)
    }

    /// A server that only hands events on: what TLS, HTTP and the watchers take by themselves.
    pub(super) fn yardstick(self) -> Result<Vec<Measured>> {
        // Both ends are ours.
        let _more = self.allow_files(2)?;
        let stand_in = StandIn::start()?;
        self.measure(&api(stand_in.endpoint(), Way::Connections), "yardstick watch")
    }

    /// So many ends of each watcher's connection, and what the runtime of each thread has open.
    fn allow_files(self, ends: u32) -> Result<MoreFiles> {
        let threads = u32::try_from(threads())?;
        MoreFiles::allow(ends * self.watchers + FILES_OF_A_RUNTIME * threads)
    }

    fn measure(self, stage: &Stage, name: &str) -> Result<Vec<Measured>> {
        Ok(block_on(self.run(stage))?.figures(name))
    }

    /// Clients are processes of their own, mostly. So whoever creates has a thread here, and whoever
    /// watches has others, at most as many as there are processors: one for all would be what is measured.
    async fn run(self, stage: &Stage) -> Result<Times> {
        let (author, version) = stage.author().await?;
        let events = usize::try_from(self.span.as_millis() / PAUSE.as_millis())?.max(1);
        let clients = stage.clients(self.watchers);
        let shares = clients.chunks(clients.len().div_ceil(threads()));
        let (here, gone) = watch::channel(());
        let (ready, mut all_ready) = mpsc::channel(shares.len());
        let audience = Audience { stage: stage.clone(), version, events, ready, gone };
        let watching: Vec<_> = shares
            .map(|share| {
                let (audience, share) = (audience.clone(), share.to_vec());
                thread::spawn(move || block_on(audience.watch(&share)))
            })
            .collect();
        drop(audience);
        let mut count = 0;
        while let Some(()) = all_ready.recv().await {
            count += 1;
        }
        let creates = if count == watching.len() {
            create(author, events).await
        } else {
            Err(anyhow::anyhow!("not all watches began"))
        };
        if creates.is_err() {
            drop(here);
        }
        let mut seen = Vec::with_capacity(self.watchers as usize);
        for thread in watching {
            let Ok(watched) = thread.join() else { bail!("a thread that watches panicked") };
            seen.extend(watched?);
        }
        Ok(Times { creates: creates?, seen })
    }
}

fn api(endpoint: &Endpoint, way: Way) -> Stage {
    Stage::Api { endpoint: endpoint.clone(), way }
}

fn threads() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// What those who watch have in common.
#[derive(Clone)]
struct Audience {
    stage: Stage,
    version: String,
    events: usize,
    /// Told by each thread whose watches have all begun, and dropped then.
    ready: mpsc::Sender<()>,
    /// Closed when nothing more is created, which is told elsewhere.
    gone: watch::Receiver<()>,
}

impl Audience {
    /// When each event came to each watcher of clients of so many watches each, on this thread.
    async fn watch(self, share: &[u32]) -> Result<Vec<Vec<Instant>>> {
        let Self { stage, version, events, ready, mut gone } = self;
        let mut following = JoinSet::new();
        for client in stage.watch(&version, share).await? {
            let all = client.into_iter().map(move |watcher| watcher.follow(events));
            following.spawn_local(try_join_all(all));
        }
        ready.send(()).await?;
        drop(ready);
        let mut seen = Vec::new();
        loop {
            tokio::select! {
                outcome = following.join_next() => match outcome {
                    Some(outcome) => seen.extend(outcome??),
                    None => return Ok(seen),
                },
                Err(_) = gone.changed() => return Ok(Vec::new()),
            }
        }
    }
}

/// Creates so many objects, one after the other.
async fn create(mut author: Author, events: usize) -> Result<Vec<Create>> {
    let objects = objects();
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut creates = Vec::with_capacity(events);
    for number in 0..events {
        ticks.tick().await;
        let (name, body) = (objects.name(number as u64), objects.json(number as u64));
        let sent = Instant::now();
        author.create(&name, body).await?;
        creates.push(Create { sent, answered: Instant::now() });
    }
    Ok(creates)
}

/// One create.
#[derive(Clone, Copy, Debug)]
struct Create {
    /// Just before it was sent.
    sent: Instant,
    answered: Instant,
}

/// What was measured.
struct Times {
    creates: Vec<Create>,
    /// When each watcher saw each of them.
    seen: Vec<Vec<Instant>>,
}

impl Times {
    fn figures(&self, name: &str) -> Vec<Measured> {
        let whole = self.since(&self.creates.iter().map(|it| it.sent).collect::<Vec<_>>());
        let delivery = self.since(&self.first_word());
        let took = self.creates.iter().map(|it| it.answered - it.sent).collect::<Vec<_>>();
        let mut figures = whole.figures(name).to_vec();
        let most = milliseconds(whole.most());
        figures.push(Measured::new(format!("{name}, most"), Unit::Milliseconds, most));
        figures.extend(delivery.figures(&format!("{name}, delivery")));
        figures.extend(Latencies::from(took).figures(&format!("{name}, the creates")));
        figures
    }

    /// How long each event took to each watcher since these moments, one for each create.
    fn since(&self, begins: &[Instant]) -> Latencies {
        let of = |seen: &Vec<Instant>| {
            let times = seen.iter().zip(begins).map(|(seen, begin)| *seen - *begin);
            times.collect::<Vec<_>>()
        };
        Latencies::from(self.seen.iter().flat_map(of).collect::<Vec<_>>())
    }

    /// When anybody first knew of each create: whoever asked for it, or one who watches. From there on
    /// it is on its way to the others, and the disk has nothing more to do with it.
    fn first_word(&self) -> Vec<Instant> {
        let first = |(number, create): (usize, &Create)| {
            let seen = self.seen.iter().filter_map(|watcher| watcher.get(number).copied());
            seen.fold(create.answered, Instant::min)
        };
        self.creates.iter().enumerate().map(first).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_reaches_every_watcher_once() {
        let stand_in = StandIn::start().unwrap();
        let fanout = Fanout { watchers: 20, span: 4 * PAUSE };
        let stage = api(stand_in.endpoint(), Way::Connections);
        let times = block_on(fanout.run(&stage)).unwrap();
        assert_eq!(times.creates.len(), 4);
        assert_eq!(times.seen.iter().map(Vec::len).collect::<Vec<_>>(), [4; 20]);
    }

    #[test]
    fn delivery_begins_when_anybody_knows() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let times = Times {
            creates: vec![
                Create { sent: at(0), answered: at(5) },
                Create { sent: at(50), answered: at(58) },
            ],
            seen: vec![vec![at(7), at(57)], vec![at(9), at(60)]],
        };
        let figures = times.figures("x");
        let shown: Vec<_> =
            figures.iter().map(|it| (it.figure.as_str(), it.value.round())).collect();
        let expected = [
            ("x, p50", 7.0),
            ("x, p99", 10.0),
            ("x, most", 10.0),
            ("x, delivery, p50", 2.0),
            ("x, delivery, p99", 4.0),
            ("x, the creates, p50", 5.0),
            ("x, the creates, p99", 8.0),
        ];
        assert_eq!(shown, expected);
    }
}
