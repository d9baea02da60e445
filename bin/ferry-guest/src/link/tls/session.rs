//! rustls's two sessions as one, and its many states as a few.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{ClientConfig, Error, ServerConfig};

use super::buffer::Buffer;
use super::record::{OVERHEAD, PLAINTEXT};
use crate::link::LinkError;

/// rustls's side of a connection.
pub(in crate::link) enum Session {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// What is wanted of a session that has agreed with its peer.
#[derive(Clone, Copy)]
pub(super) enum Wish<'a> {
    /// To go on as far as it can.
    GoOn,
    /// To seal this, if anything is in it.
    Seal(&'a [u8]),
    /// To say that nothing more is coming.
    Goodbye,
}

/// How far a session went in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It handed over what it opened.
    Opened,
    /// It put something of its own into the buffer for the peer.
    Encoded,
    /// What is in that buffer has to be sent before it goes on.
    Transmit,
    /// It has to hear from the peer first.
    Waits,
    /// It agrees with the peer, and the wish is fulfilled.
    Ready,
    /// The peer says that nothing more is coming from it.
    PeerClosed,
    /// Both said that.
    Closed,
    /// It is in a state that a session like ours has not.
    Lost,
}

impl Session {
    pub(in crate::link) fn client(
        config: Arc<ClientConfig>,
        server: ServerName<'static>,
    ) -> Result<Self, LinkError> {
        let session = UnbufferedClientConnection::new(config, server);
        session.map(Self::Client).map_err(|source| LinkError::Handshake { source })
    }

    pub(in crate::link) fn server(config: Arc<ServerConfig>) -> Result<Self, LinkError> {
        let session = UnbufferedServerConnection::new(config);
        session.map(Self::Server).map_err(|source| LinkError::Handshake { source })
    }

    /// Whether the two do not agree yet.
    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            Self::Client(session) => session.is_handshaking(),
            Self::Server(session) => session.is_handshaking(),
        }
    }

    /// Goes one step, with what came from the peer; what is for the peer goes into `outgoing`, and
    /// what is opened goes to `opened`. Returns how many of the first bytes of `incoming` are done
    /// with, whether or not it failed.
    pub(super) fn step(
        &mut self,
        incoming: &mut [u8],
        outgoing: &mut Buffer,
        wish: Wish<'_>,
        opened: &mut dyn FnMut(&[u8]),
    ) -> (usize, Result<Step, Error>) {
        match self {
            Self::Client(session) => {
                step(session.process_tls_records(incoming), outgoing, wish, opened)
            }
            Self::Server(session) => {
                step(session.process_tls_records(incoming), outgoing, wish, opened)
            }
        }
    }
}

fn step<Side>(
    status: UnbufferedStatus<'_, '_, Side>,
    outgoing: &mut Buffer,
    wish: Wish<'_>,
    opened: &mut dyn FnMut(&[u8]),
) -> (usize, Result<Step, Error>) {
    let mut discard = status.discard;
    let state = match status.state {
        Ok(state) => state,
        Err(error) => return (discard, Err(error)),
    };
    let step = match state {
        ConnectionState::ReadTraffic(mut traffic) => loop {
            match traffic.next_record() {
                Some(Ok(record)) => {
                    discard += record.discard;
                    opened(record.payload);
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(Step::Opened),
            }
        },
        ConnectionState::EncodeTlsData(mut data) => encode(&mut data, outgoing),
        ConnectionState::TransmitTlsData(data) => {
            // Whoever is told so transmits it before it goes on.
            data.done();
            Ok(Step::Transmit)
        }
        ConnectionState::BlockedHandshake => Ok(Step::Waits),
        ConnectionState::WriteTraffic(mut traffic) => fulfil(&mut traffic, outgoing, wish),
        ConnectionState::PeerClosed => Ok(Step::PeerClosed),
        ConnectionState::Closed => Ok(Step::Closed),
        // Data before the handshake's end, which our servers do not take, and states that rustls
        // may have one day.
        _ => Ok(Step::Lost),
    };
    (discard, step)
}

/// Room for the messages of a session that are not ours, to begin with.
const MESSAGE: usize = 1 << 10;

fn encode<Side>(data: &mut EncodeTlsData<'_, Side>, outgoing: &mut Buffer) -> Result<Step, Error> {
    let mut room = MESSAGE;
    loop {
        match data.encode(outgoing.spare(room)) {
            Ok(count) => {
                outgoing.add(count);
                return Ok(Step::Encoded);
            }
            Err(EncodeError::InsufficientSize(size)) => room = size.required_size,
            Err(EncodeError::AlreadyEncoded) => return Ok(Step::Lost),
        }
    }
}

fn fulfil<Side>(
    traffic: &mut WriteTraffic<'_, Side>,
    outgoing: &mut Buffer,
    wish: Wish<'_>,
) -> Result<Step, Error> {
    let mut room = match wish {
        Wish::GoOn => return Ok(Step::Ready),
        // And perhaps a change of keys before it.
        Wish::Seal(bytes) => {
            bytes.len() + bytes.len().div_ceil(PLAINTEXT) * OVERHEAD + 2 * OVERHEAD
        }
        Wish::Goodbye => MESSAGE,
    };
    loop {
        let spare = outgoing.spare(room);
        let sealed = match wish {
            Wish::GoOn => Ok(0),
            Wish::Seal(bytes) => traffic.encrypt(bytes, spare),
            Wish::Goodbye => traffic.queue_close_notify(spare),
        };
        match sealed {
            Ok(count) => {
                outgoing.add(count);
                return Ok(Step::Ready);
            }
            Err(EncryptError::InsufficientSize(size)) => room = size.required_size,
            Err(EncryptError::EncryptExhausted) => return Err(Error::EncryptError),
        }
    }
}
