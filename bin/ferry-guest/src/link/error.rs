//! Why there is no connection, or no longer one.

use std::io;
use std::time::Duration;

use ferry_memory::{MemoryError, Task};
use thiserror::Error;

/// Why there is no connection, or no longer one. The sentences that QEMU has a word for are QEMU's.
#[derive(Debug, Error)]
pub enum LinkError {
    /// An address of a kind that this program has no sockets for.
    #[error("{what} are not supported by this machine: use tcp:HOST:PORT or unix:PATH")]
    Unsupported {
        /// What kind of addresses.
        what: &'static str,
    },
    /// A port that is none.
    #[error("port '{given}' is no number from 0 to 65535")]
    Port {
        /// What was given.
        given: String,
    },
    /// A name that no certificate can have.
    #[error("'{given}' is neither a host's name nor its number, so no certificate is for it")]
    ServerName {
        /// What was given.
        given: String,
    },
    /// A host that nobody knows.
    #[error("address resolution failed for {host}:{port}: {reason}")]
    Resolve {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system said.
        reason: String,
    },
    /// Nobody answered there.
    #[error("Failed to connect to '{to}': {}", said(.source))]
    Connect {
        /// The address.
        to: String,
        /// What Linux said.
        source: io::Error,
    },
    /// One cannot listen there.
    #[error("{task}: {}", said(.source))]
    Listen {
        /// What did not work.
        task: String,
        /// What Linux said.
        source: io::Error,
    },
    /// No connection can be accepted.
    #[error("Unable to accept connection: {}", said(.source))]
    Accept {
        /// What Linux said.
        source: io::Error,
    },
    /// The listener was closed here.
    #[error("nobody listens here any more")]
    ListenerClosed,
    /// The peer did not agree with us about TLS.
    #[error("TLS handshake failed: {source}")]
    Handshake {
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The peer went away during the handshake.
    #[error("TLS handshake failed: the peer closed the connection")]
    HandshakeCut,
    /// The peer took too long over the handshake.
    #[error("TLS handshake failed: not finished within {limit:?}")]
    HandshakeSlow {
        /// How long it had.
        limit: Duration,
    },
    /// The peer broke the rules of TLS, or reported that we did.
    #[error("TLS failed: {source}")]
    Tls {
        /// Which rule.
        source: rustls::Error,
    },
    /// A message of TLS that is in no rule: this library's or our bug.
    #[error("TLS is in a state that it cannot be in")]
    TlsState,
    /// The peer ended the connection, in good form.
    #[error("Unexpected end-of-file while reading data")]
    Closed,
    /// The connection ended without the peer's word for it: somebody may have cut it.
    #[error("the TLS connection was not properly terminated")]
    Cut,
    /// The peer said nothing for too long.
    #[error("the other side has said nothing for too long")]
    Silent,
    /// It was shut down here.
    #[error("the connection was shut down")]
    ShutDown,
    /// It failed before, in this direction.
    #[error("the connection failed before")]
    Broken,
    /// Linux could not send.
    #[error("Unable to write to socket: {}", said(.source))]
    Send {
        /// What Linux said.
        source: io::Error,
    },
    /// Linux could not receive.
    #[error("Unable to read from socket: {}", said(.source))]
    Receive {
        /// What Linux said.
        source: io::Error,
    },
    /// Guest memory refused.
    #[error("guest memory refused")]
    Memory(#[source] MemoryError),
}

impl LinkError {
    pub(super) fn tls(source: rustls::Error) -> Self {
        Self::Tls { source }
    }

    /// `EAGAIN` of a socket that blocks says that its limit is over; `ETIMEDOUT` that TCP has given
    /// the peer up.
    pub(super) fn receiving(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::WouldBlock => Self::Silent,
            _ => Self::Receive { source },
        }
    }

    pub(super) fn sending(source: io::Error) -> Self {
        Self::Send { source }
    }
}

impl From<MemoryError> for LinkError {
    /// What guest memory says of the socket is said as if it had not been in between.
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Closed { missing: _ } => Self::Closed,
            MemoryError::Os { task: Task::Send, source } => Self::sending(source),
            MemoryError::Os { task: Task::Receive, source } => Self::receiving(source),
            error => Self::Memory(error),
        }
    }
}

/// What Linux says of an error, in the words of `strerror(3)` alone.
pub(super) fn said(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_errors_of_sockets_read_as_those_of_qemu() {
        let refused = || io::Error::from(rustix::io::Errno::CONNREFUSED);
        for (error, text) in [
            (
                LinkError::Connect { to: "127.0.0.1:1".to_owned(), source: refused() },
                "Failed to connect to '127.0.0.1:1': Connection refused",
            ),
            (
                LinkError::receiving(rustix::io::Errno::CONNRESET.into()),
                "Unable to read from socket: Connection reset by peer",
            ),
            (
                LinkError::sending(rustix::io::Errno::PIPE.into()),
                "Unable to write to socket: Broken pipe",
            ),
            (
                LinkError::receiving(rustix::io::Errno::TIMEDOUT.into()),
                "Unable to read from socket: Connection timed out",
            ),
            (
                LinkError::receiving(rustix::io::Errno::AGAIN.into()),
                "the other side has said nothing for too long",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
