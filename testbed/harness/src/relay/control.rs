//! What a test has said about the network, and whoever waits for it to say something else.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferry_units::{Bytes, BytesPerSecond};

use super::{Direction, Meter};

/// Settings that threads wait on.
#[derive(Debug)]
pub(super) struct Control {
    settings: Mutex<Settings>,
    changed: Condvar,
}

/// Whether anything is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Flowing,
    Stalled,
}

/// What is remembered of what was carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// Each connection, and when how much passed: for a test, which ends.
    Everything,
    /// How much there was in all: for a relay that stands for days.
    Sums,
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) flow: Flow,
    pub(super) is_refusing: bool,
    pub(super) has_ended: bool,
    /// Those that are carried, and where everything is remembered those that were.
    pub(super) connections: Vec<Arc<Connection>>,
    memory: Memory,
    /// What connections have carried that are forgotten, and how many they were.
    past: [u64; 2],
    forgotten: usize,
    directions: [Way; 2],
}

/// A direction, over all connections.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) delay: Duration,
    /// How much may still be carried before everything is cut.
    pub(super) left: Option<u64>,
    /// When how much was read, where that is remembered.
    pub(super) meter: Option<Meter>,
    rate: Option<BytesPerSecond>,
    /// When the next byte may be read, if there is a rate.
    free_at: Instant,
}

/// How much of a piece may be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// All of it.
    All,
    /// So many bytes, the last of which is the last of all.
    Last(usize),
    /// None: the last byte is on its way.
    Nothing,
}

/// A connection that is or was carried.
#[derive(Debug)]
pub(super) struct Connection {
    ends: [TcpStream; 2],
    carried: [AtomicU64; 2],
}

impl Control {
    pub(super) fn new(memory: Memory) -> Self {
        let now = Instant::now();
        let settings = Settings {
            flow: Flow::Flowing,
            is_refusing: false,
            has_ended: false,
            connections: Vec::new(),
            memory,
            past: [0; 2],
            forgotten: 0,
            directions: [Way::new(now, memory), Way::new(now, memory)],
        };
        Self { settings: Mutex::new(settings), changed: Condvar::new() }
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Settings) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&Settings) -> T) -> T {
        look(&self.lock())
    }

    /// Waits until `when`, asked for anew after every change, has come, and nothing is stalled.
    /// False when the relay is at its end.
    pub(super) fn wait(&self, mut when: impl FnMut(&mut Settings) -> Instant) -> bool {
        let mut settings = self.lock();
        loop {
            if settings.has_ended {
                return false;
            }
            let left = match settings.flow {
                Flow::Stalled => None,
                Flow::Flowing => {
                    Some(when(&mut settings).saturating_duration_since(Instant::now()))
                }
            };
            settings = match left {
                Some(Duration::ZERO) => return true,
                Some(left) => {
                    self.changed
                        .wait_timeout(settings, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self.changed.wait(settings).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settings {
    pub(super) fn direction(&mut self, direction: Direction) -> &mut Way {
        &mut self.directions[direction as usize]
    }

    pub(super) fn direction_of(&self, direction: Direction) -> &Way {
        &self.directions[direction as usize]
    }

    /// One more connection.
    pub(super) fn add(&mut self, connection: Connection) -> Arc<Connection> {
        self.forget();
        let connection = Arc::new(connection);
        self.connections.push(Arc::clone(&connection));
        connection
    }

    /// Lets go of connections that have ended, unless everything is remembered.
    fn forget(&mut self) {
        if self.memory == Memory::Everything {
            return;
        }
        let (past, forgotten) = (&mut self.past, &mut self.forgotten);
        self.connections.retain(|connection| {
            // Those that carry it hold it as well.
            let is_carried = Arc::strong_count(connection) > 1;
            if !is_carried {
                *forgotten += 1;
                for direction in [Direction::Forth, Direction::Back] {
                    past[direction as usize] += connection.carried(direction).get();
                }
            }
            is_carried
        });
    }

    /// How many connections there were so far.
    pub(super) fn count(&self) -> usize {
        self.forgotten + self.connections.len()
    }

    /// What all connections have carried so far.
    pub(super) fn carried(&self, direction: Direction) -> Bytes {
        let now = self.connections.iter().map(|each| each.carried(direction).get());
        Bytes::new(self.past[direction as usize] + now.sum::<u64>())
    }

    /// Closes every connection.
    pub(super) fn cut(&mut self) {
        for connection in &self.connections {
            connection.close();
        }
    }

    /// Closes every connection and takes no new ones.
    pub(super) fn cut_and_refuse(&mut self) {
        self.is_refusing = true;
        self.cut();
    }

    pub(super) fn end(&mut self) {
        self.has_ended = true;
        self.cut();
    }
}

impl Way {
    fn new(now: Instant, memory: Memory) -> Self {
        let meter = (memory == Memory::Everything).then(|| Meter::new(now));
        Self { delay: Duration::ZERO, left: None, meter, rate: None, free_at: now }
    }

    /// The most that is carried.
    pub(super) fn rate(&self) -> Option<BytesPerSecond> {
        self.rate
    }

    pub(super) fn limit(&mut self, rate: Option<BytesPerSecond>) {
        self.rate = rate;
        self.free_at = Instant::now();
    }

    /// When the next bytes may be read.
    pub(super) fn free_at(&self) -> Instant {
        self.free_at
    }

    /// Counts bytes that were read. What they cost at the rate is paid before the next are.
    pub(super) fn read(&mut self, bytes: u64, now: Instant) {
        if let Some(meter) = &mut self.meter {
            meter.add(now, bytes);
        }
        let cost = self.rate.and_then(|rate| Bytes::new(bytes).transfer_time(rate));
        self.free_at = self.free_at.max(now) + cost.unwrap_or_default();
    }

    /// How much of `bytes` may be carried. To one only it is told that it has the last.
    pub(super) fn allow(&mut self, bytes: &[u8]) -> Allowed {
        let count = bytes.len();
        let Some(left) = &mut self.left else { return Allowed::All };
        let allowed = usize::try_from(*left).map_or(count, |left| left.min(count));
        *left -= allowed as u64;
        match (allowed, *left) {
            (0, _) => Allowed::Nothing,
            (allowed, 0) => Allowed::Last(allowed),
            (_, _) => Allowed::All,
        }
    }
}

impl Connection {
    pub(super) fn new(source: TcpStream, target: TcpStream) -> Self {
        Self { ends: [source, target], carried: [AtomicU64::new(0), AtomicU64::new(0)] }
    }

    /// The ends, once more: the source's, and the destination's.
    pub(super) fn ends(&self) -> io::Result<[TcpStream; 2]> {
        let [source, target] = &self.ends;
        Ok([source.try_clone()?, target.try_clone()?])
    }

    pub(super) fn carry(&self, direction: Direction, bytes: u64) {
        self.carried[direction as usize].fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn carried(&self, direction: Direction) -> Bytes {
        Bytes::new(self.carried[direction as usize].load(Ordering::Relaxed))
    }

    pub(super) fn close(&self) {
        for end in &self.ends {
            // It may be closed already.
            let _shut = end.shutdown(Shutdown::Both);
        }
    }
}
