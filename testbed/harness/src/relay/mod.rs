//! A relay on loopback that stands between a source and a destination for a network gone bad.
//!
//! Each connection has two threads in each direction. One reads when the network would carry more,
//! and counts; the other writes when the bytes would arrive. Between them there is at most
//! [`QUEUED`] pieces, and the kernel's buffers are small, so that what a sender believes to have
//! sent is nearly what has arrived.
//!
//! ```text
//!   source ══►  read: flowing? rate?  ─►  queue  ─►  write: due? flowing? cut here?  ══► destination
//! ```

mod control;
mod meter;
mod pump;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ferry_units::{Bytes, BytesPerSecond};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt;
use serde::{Deserialize, Serialize};

use control::{Connection, Control, Flow, Memory};
pub use meter::Meter;

/// The kernel's buffers of each connection. Linux doubles it.
const BUFFER: usize = 128 << 10;

/// Pieces that are on their way in a direction of a connection.
const QUEUED: usize = 64;

/// The same where they take their time: with a delay this is what the network holds. As many as
/// Linux lets a connection have on its way (the last of `tcp_rmem`, 6 MiB).
const QUEUED_LATE: usize = 384;

/// In which direction bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From whoever connects: the source of a migration.
    Forth,
    /// To whoever connects.
    Back,
}

/// A relay. It ends with this value, and so do all its connections.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    control: Arc<Control>,
    listener: Option<JoinHandle<()>>,
}

/// What can be said of a relay at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayState {
    /// Nothing is carried, and nothing closed.
    pub stalled: bool,
    /// New connections are closed at once.
    pub refusing: bool,
    /// The most that it carries in each direction.
    pub limit: Option<BytesPerSecond>,
    /// How much later arrives what is sent, in microseconds.
    pub delay_micros: u64,
    /// How many connections there were so far.
    pub connections: usize,
    /// What went to the destinations so far.
    pub forth: Bytes,
    /// What came back.
    pub back: Bytes,
}

impl Relay {
    /// Relays from a new port to `destination`.
    ///
    /// # Errors
    /// When there is no port.
    pub fn to(destination: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a port for a relay")?;
        Self::start(vec![Door { listener, destination }], Memory::Everything)
    }

    /// Relays from each of these ports of an address to the same port of another, all of them one
    /// link. It remembers sums only, so that it may stand for days.
    ///
    /// # Errors
    /// When a port is taken.
    pub fn between(from: IpAddr, to: IpAddr, ports: RangeInclusive<u16>) -> Result<Self> {
        let doors = ports.map(|port| {
            let listener = TcpListener::bind((from, port)).with_context(|| {
                format!("a relay is to listen at {from}:{port}, which cannot be had")
            })?;
            Ok(Door { listener, destination: SocketAddr::new(to, port) })
        });
        Self::start(doors.collect::<Result<_>>()?, Memory::Sums)
    }

    fn start(doors: Vec<Door>, memory: Memory) -> Result<Self> {
        let first = doors.first().context("a relay listens somewhere")?;
        let address = first.listener.local_addr()?;
        for door in &doors {
            // Accepted connections inherit it.
            small_buffers(&door.listener)?;
            door.listener.set_nonblocking(true)?;
        }
        let control = Arc::new(Control::new(memory));
        let accepting = Arc::clone(&control);
        let listener = thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || accept(&doors, &accepting))?;
        Ok(Self { address, control, listener: Some(listener) })
    }

    /// What can be said of it now.
    pub fn state(&self) -> RelayState {
        self.control.look(|settings| {
            let way = settings.direction_of(Direction::Forth);
            RelayState {
                stalled: settings.flow == Flow::Stalled,
                refusing: settings.is_refusing,
                limit: way.rate(),
                delay_micros: u64::try_from(way.delay.as_micros()).unwrap_or(u64::MAX),
                connections: settings.count(),
                forth: settings.carried(Direction::Forth),
                back: settings.carried(Direction::Back),
            }
        })
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where to connect to, as QEMU writes it.
    pub fn uri(&self) -> String {
        format!("tcp:{}", self.address)
    }

    /// Carries at most so much in a direction, over all connections together; `None` is no limit.
    pub fn limit(&self, direction: Direction, rate: Option<BytesPerSecond>) {
        self.control.change(|settings| settings.direction(direction).limit(rate));
    }

    /// What is read from now on arrives so much later.
    pub fn delay(&self, direction: Direction, delay: Duration) {
        self.control.change(|settings| settings.direction(direction).delay = delay);
    }

    /// Carries nothing any more, and closes nothing: as a cable that was pulled.
    pub fn stall(&self) {
        self.control.change(|settings| settings.flow = Flow::Stalled);
    }

    /// Ends a [`stall`](Self::stall).
    pub fn resume(&self) {
        self.control.change(|settings| settings.flow = Flow::Flowing);
    }

    /// Closes every connection. New ones are carried.
    pub fn cut(&self) {
        self.control.change(control::Settings::cut);
    }

    /// Carries so much more in a direction, to the byte and over all connections together; then
    /// closes every connection and takes no new ones until [`accept`](Self::accept). After no byte
    /// at all that is at once.
    pub fn cut_after(&self, direction: Direction, bytes: Bytes) {
        self.control.change(|settings| {
            settings.direction(direction).left = Some(bytes.get());
            if bytes.is_zero() {
                settings.cut_and_refuse();
            }
        });
    }

    /// Closes every new connection at once.
    pub fn refuse(&self) {
        self.control.change(|settings| settings.is_refusing = true);
    }

    /// Takes new connections again.
    pub fn accept(&self) {
        self.control.change(|settings| {
            settings.is_refusing = false;
            settings.direction(Direction::Forth).left = None;
            settings.direction(Direction::Back).left = None;
        });
    }

    /// How many connections there were so far, those that were closed at once aside.
    pub fn connections(&self) -> usize {
        self.control.look(control::Settings::count)
    }

    /// What each connection has carried so far in a direction, the first first.
    pub fn carried_by_each(&self, direction: Direction) -> Vec<Bytes> {
        self.control.look(|settings| {
            settings.connections.iter().map(|each| each.carried(direction)).collect()
        })
    }

    /// What was carried so far in a direction.
    pub fn carried(&self, direction: Direction) -> Bytes {
        self.control.look(|settings| settings.carried(direction))
    }

    /// When how much was read from the sender in a direction: nothing where only sums are remembered.
    pub fn meter(&self, direction: Direction) -> Meter {
        let found = self.control.look(|settings| settings.direction_of(direction).meter.clone());
        found.unwrap_or_else(|| Meter::new(Instant::now()))
    }

    /// Waits until so much was carried in a direction.
    ///
    /// # Errors
    /// When it is not.
    pub fn wait_carried(&self, direction: Direction, bytes: Bytes) -> Result<()> {
        crate::wait_until(&format!("{bytes} over a relay"), || {
            Ok((self.carried(direction) >= bytes).then_some(()))
        })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.control.change(control::Settings::end);
        // Wakes the thread that accepts.
        let woken = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take().filter(|_| woken.is_ok()) {
            // A panic of its own was printed there.
            let _joined = listener.join();
        }
    }
}

/// A port that a relay listens at, and where what comes in goes.
struct Door {
    listener: TcpListener,
    destination: SocketAddr,
}

fn accept(doors: &[Door], control: &Arc<Control>) {
    loop {
        let mut asked: Vec<_> =
            doors.iter().map(|door| PollFd::new(&door.listener, PollFlags::IN)).collect();
        // Interrupted at most: the descriptors are ours and few.
        let _polled = poll(&mut asked, None);
        let open: Vec<bool> = asked.iter().map(|door| !door.revents().is_empty()).collect();
        for (door, _) in doors.iter().zip(open).filter(|(_, is_open)| *is_open) {
            // None if whoever knocked has gone again.
            let Ok((source, _)) = door.listener.accept() else { continue };
            if control.look(|settings| settings.has_ended) {
                return;
            }
            if source.set_nonblocking(false).is_ok() {
                let_in(source, door.destination, control);
            }
        }
    }
}

fn let_in(source: TcpStream, destination: SocketAddr, control: &Arc<Control>) {
    // Under the lock: whoever cuts after the destination has seen the connection cuts it too.
    // Without a destination the source sees its connection closed, as through any proxy.
    let opened = control.change(|settings| {
        if settings.is_refusing {
            return None;
        }
        let target = connect(destination).ok()?;
        Some(settings.add(Connection::new(source, target)))
    });
    if let Some(connection) = opened
        && pump::start(control, &connection).is_err()
    {
        connection.close();
    }
}

fn connect(destination: SocketAddr) -> io::Result<TcpStream> {
    let target = TcpStream::connect(destination)?;
    small_buffers(&target)?;
    Ok(target)
}

fn small_buffers(socket: &impl std::os::fd::AsFd) -> io::Result<()> {
    sockopt::set_socket_recv_buffer_size(socket, BUFFER)?;
    sockopt::set_socket_send_buffer_size(socket, BUFFER)?;
    Ok(())
}

#[cfg(test)]
mod tests;
