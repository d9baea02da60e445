//! A connection with a peer.

use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ferry_memory::{Piece, Progress, Ram, Slot};
use ferry_units::Bytes;

use super::connect::{CONNECT_LIMIT, connect};
use super::place::{Filling, Place, Scattering};
use super::socket::Socket;
use super::tls::{Session, Tls};
use super::{ClientSecurity, Endpoint, HANDSHAKE_LIMIT, LinkError, ServerSecurity, lock};

/// A connection with a peer, in both directions.
///
/// Any thread may send and any may receive. Of several that send at once each sends all of its own
/// before the next one begins, and the same holds for those that receive; but who sends never waits
/// for who receives, nor the reverse.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    channel: Channel,
    is_over: AtomicBool,
}

#[derive(Debug)]
enum Channel {
    Plain { sending: Mutex<Health>, receiving: Mutex<Health> },
    Tls(Box<Tls>),
}

/// Whether a direction still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    Broken,
}

impl Connection {
    /// Connects to `endpoint`: within [`CONNECT_LIMIT`], and a handshake within
    /// [`HANDSHAKE_LIMIT`].
    ///
    /// With TLS 1.3 a client is done before the server has seen its certificate. If the server does
    /// not like it, that comes to light in the first call that hears from it.
    ///
    /// # Errors
    /// [`LinkError::Resolve`], [`LinkError::Connect`], and [`LinkError::Handshake`] and its kin.
    pub fn connect(endpoint: &Endpoint, security: &ClientSecurity) -> Result<Self, LinkError> {
        let socket = connect(endpoint, CONNECT_LIMIT)?;
        Self::ask(socket, security, HANDSHAKE_LIMIT)
    }

    /// The connection of a client over `socket`.
    pub(super) fn ask(
        socket: Socket,
        security: &ClientSecurity,
        limit: Duration,
    ) -> Result<Self, LinkError> {
        let channel = match security {
            ClientSecurity::Plain => Channel::plain(),
            ClientSecurity::Tls { config, server } => {
                let session = Session::client(config.clone(), server.clone())?;
                Channel::Tls(Box::new(Tls::agree(session, &socket, limit)?))
            }
        };
        Ok(Self { socket, channel, is_over: AtomicBool::new(false) })
    }

    /// The connection of a server over `socket`.
    pub(super) fn serve(
        socket: Socket,
        security: &ServerSecurity,
        limit: Duration,
    ) -> Result<Self, LinkError> {
        let channel = match security {
            ServerSecurity::Plain => Channel::plain(),
            ServerSecurity::Tls(config) => {
                let session = Session::server(config.clone())?;
                Channel::Tls(Box::new(Tls::agree(session, &socket, limit)?))
            }
        };
        Ok(Self { socket, channel, is_over: AtomicBool::new(false) })
    }

    /// Sends `pieces`, one after the other, with the pages as they are in `ram` when they cross.
    ///
    /// # Errors
    /// [`LinkError::Send`], [`LinkError::ShutDown`], [`LinkError::Memory`] for pages that there are
    /// not, and [`LinkError::Broken`] after any of them.
    pub fn send(&self, ram: &Ram, pieces: &[Piece<'_>]) -> Result<(), LinkError> {
        self.judge(match &self.channel {
            Channel::Plain { sending, receiving: _ } => one_at_a_time(sending, || {
                match ram.send(&self.socket, pieces, &mut Bytes::default())? {
                    Progress::Done => Ok(()),
                    Progress::Blocked => Err(stuck()),
                }
            }),
            Channel::Tls(tls) => tls.send(&self.socket, ram, pieces),
        })
    }

    /// Sends `bytes`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn write(&self, bytes: &[u8]) -> Result<(), LinkError> {
        self.judge(match &self.channel {
            Channel::Plain { sending, receiving: _ } => {
                one_at_a_time(sending, || self.socket.write_all(bytes).map_err(LinkError::sending))
            }
            Channel::Tls(tls) => tls.write(&self.socket, bytes),
        })
    }

    /// Receives until all `slots` are full; their pages go to `place`.
    ///
    /// # Errors
    /// [`LinkError::Closed`] if the peer ends the connection, [`LinkError::Cut`] if it ends without
    /// a word where there should be one, [`LinkError::Silent`], [`LinkError::ShutDown`],
    /// [`LinkError::Receive`], [`LinkError::Tls`], [`LinkError::Memory`] for pages that may not be
    /// written, and [`LinkError::Broken`] after any of them.
    pub fn receive(&self, place: &mut impl Place, slots: &mut [Slot<'_>]) -> Result<(), LinkError> {
        self.judge(match &self.channel {
            Channel::Plain { sending: _, receiving } => one_at_a_time(receiving, || {
                match place.receive(self.socket.as_fd(), slots, &mut Bytes::default())? {
                    Progress::Done => Ok(()),
                    Progress::Blocked => Err(LinkError::Silent),
                }
            }),
            Channel::Tls(tls) => tls.receive(&self.socket, &mut Scattering::new(place, slots)),
        })
    }

    /// Receives as many bytes as there is room for in `into`.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn read(&self, into: &mut [u8]) -> Result<(), LinkError> {
        self.judge(match &self.channel {
            Channel::Plain { sending: _, receiving } => {
                one_at_a_time(receiving, || read_exactly(&self.socket, into))
            }
            Channel::Tls(tls) => tls.receive(&self.socket, &mut Filling::new(into)),
        })
    }

    /// Ends the connection, from any thread: whoever is blocked in it wakes with
    /// [`LinkError::ShutDown`], and so does whoever comes later. The peer receives what was sent
    /// before, and learns that this is the end.
    pub fn shut_down(&self) {
        if self.is_over.swap(true, Ordering::AcqRel) {
            return;
        }
        match &self.channel {
            Channel::Plain { .. } => {}
            Channel::Tls(tls) => tls.say_goodbye(&self.socket),
        }
        self.socket.shut_down(Shutdown::Both);
    }

    /// Sizes of the kernel's buffers, where they are given. Linux takes them as a wish: it doubles
    /// them for its own needs and has a limit of its own.
    pub fn set_buffers(&self, send: Option<Bytes>, receive: Option<Bytes>) {
        if let Err(error) = self.socket.set_buffers(send, receive) {
            tracing::warn!(%error, "the buffers of a socket stay as they are");
        }
    }

    /// How much is taken beyond what is on its way to the peer; as much as there is room for if this is
    /// not said. What is taken looks as if it were sent, also where the link stands still.
    pub fn limit_unsent(&self, limit: Option<Bytes>) {
        if let Err(error) = self.socket.limit_unsent(limit) {
            tracing::warn!(%error, "what waits to be sent is not limited");
        }
    }

    /// How long each read from now on may wait for the peer to say something. It does not hold for
    /// a read that waits already.
    pub fn set_read_limit(&self, limit: Option<Duration>) {
        if let Err(error) = self.socket.limit_reads(limit) {
            tracing::warn!(%error, "the limit for reads of a socket stays as it is");
        }
    }

    /// What failed because it was shut down here did not fail for what Linux or the peer said.
    fn judge(&self, result: Result<(), LinkError>) -> Result<(), LinkError> {
        match result {
            Err(_) if self.is_over.load(Ordering::Acquire) => Err(LinkError::ShutDown),
            result => result,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Channel {
    fn plain() -> Self {
        Self::Plain { sending: Mutex::new(Health::Good), receiving: Mutex::new(Health::Good) }
    }
}

/// Does one thing in a direction that nothing has gone wrong in.
fn one_at_a_time(
    direction: &Mutex<Health>,
    act: impl FnOnce() -> Result<(), LinkError>,
) -> Result<(), LinkError> {
    let mut health = lock(direction);
    match *health {
        Health::Broken => Err(LinkError::Broken),
        Health::Good => act().inspect_err(|_| *health = Health::Broken),
    }
}

fn read_exactly(socket: &Socket, mut into: &mut [u8]) -> Result<(), LinkError> {
    while !into.is_empty() {
        match socket.read(into).map_err(LinkError::receiving)? {
            0 => return Err(LinkError::Closed),
            count => into = &mut into[count..],
        }
    }
    Ok(())
}

/// A socket that blocks does not say that it would.
fn stuck() -> LinkError {
    LinkError::sending(std::io::ErrorKind::WouldBlock.into())
}
