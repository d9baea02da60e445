//! The end that listens.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ferry_qmp::words::{InetSocketAddress, SocketAddress, UnixSocketAddress};
use rustix::net::Shutdown;

use super::connect::CONNECT_LIMIT;
use super::endpoint::{Purpose, addresses};
use super::socket::Socket;
use super::{Connection, Endpoint, HANDSHAKE_LIMIT, LinkError, ServerSecurity};

/// A socket that peers connect to.
#[derive(Debug)]
pub struct Listener {
    socket: Listening,
    is_closed: AtomicBool,
}

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

/// A peer that has connected, and proved nothing yet.
#[derive(Debug)]
#[must_use = "the peer is turned away when this is dropped"]
pub struct Pending {
    socket: Socket,
}

impl Listener {
    /// Begins to listen. A socket that somebody left behind at the path of a UNIX one is replaced.
    ///
    /// # Errors
    /// [`LinkError::Resolve`], and [`LinkError::Listen`] when Linux refuses.
    pub fn bind(endpoint: &Endpoint) -> Result<Self, LinkError> {
        let socket = match endpoint {
            Endpoint::Tcp { host, port } => tcp(host, *port)?,
            Endpoint::Unix(path) => unix(path)?,
        };
        Ok(Self { socket, is_closed: AtomicBool::new(false) })
    }

    /// Where it listens, with the port that it really has.
    pub fn address(&self) -> SocketAddress {
        match &self.socket {
            Listening::Tcp(_, address) => SocketAddress::Inet(InetSocketAddress {
                host: address.ip().to_string(),
                port: address.port().to_string(),
                ..InetSocketAddress::default()
            }),
            Listening::Unix(_, path) => SocketAddress::Unix(UnixSocketAddress {
                path: path.to_string_lossy().into_owned(),
                ..UnixSocketAddress::default()
            }),
        }
    }

    /// Waits for a peer. Says nothing to it and hears nothing from it, so a peer that is slow or
    /// bad holds up nobody else.
    ///
    /// # Errors
    /// [`LinkError::ListenerClosed`] once it is closed, and [`LinkError::Accept`].
    pub fn accept(&self) -> Result<Pending, LinkError> {
        loop {
            let accepted = match &self.socket {
                Listening::Tcp(socket, _) => socket.accept().map(|(peer, _)| Socket::Tcp(peer)),
                Listening::Unix(socket, _) => socket.accept().map(|(peer, _)| Socket::Unix(peer)),
            };
            match accepted {
                Ok(socket) => return Ok(Pending { socket }),
                Err(_) if self.is_closed.load(Ordering::Acquire) => {
                    return Err(LinkError::ListenerClosed);
                }
                // A peer that had gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(LinkError::Accept { source }),
            }
        }
    }

    /// Stops listening, for good: whoever waits in [`accept`](Self::accept) wakes, and peers that
    /// were not accepted are turned away.
    pub fn close(&self) {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return;
        }
        // Linux wakes who accepts, with EINVAL.
        let _ = rustix::net::shutdown(self, Shutdown::Both);
        if let Listening::Unix(_, path) = &self.socket {
            // Somebody may have taken it away.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Listening::Tcp(socket, _) => socket.as_fd(),
            Listening::Unix(socket, _) => socket.as_fd(),
        }
    }
}

impl AsFd for Pending {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

impl Pending {
    /// Makes a connection of it, within [`HANDSHAKE_LIMIT`].
    ///
    /// # Errors
    /// [`LinkError::Handshake`] and its kin if the peer does not agree about TLS; it is told why.
    pub fn establish(self, security: &ServerSecurity) -> Result<Connection, LinkError> {
        self.establish_within(security, HANDSHAKE_LIMIT)
    }

    pub(super) fn establish_within(
        self,
        security: &ServerSecurity,
        limit: Duration,
    ) -> Result<Connection, LinkError> {
        self.socket.tune()?;
        Connection::serve(self.socket, security, limit)
    }
}

// PARITY: util/qemu-sockets.c#inet_listen_saddr
fn tcp(host: &str, port: u16) -> Result<Listening, LinkError> {
    let failed = |task: &str| {
        let task = task.to_owned();
        move |source| LinkError::Listen { task, source }
    };
    let addresses = addresses(host, port, Purpose::Listen, CONNECT_LIMIT)?;
    // It tries one after the other.
    let socket = TcpListener::bind(&addresses[..]).map_err(|source| {
        let task = match source.kind() {
            io::ErrorKind::AddrInUse => "Failed to find an available port",
            _ => "Failed to bind socket",
        };
        failed(task)(source)
    })?;
    let address = socket.local_addr().map_err(failed("Failed to bind socket"))?;
    Ok(Listening::Tcp(socket, address))
}

// PARITY: util/qemu-sockets.c#unix_listen_saddr
fn unix(path: &Path) -> Result<Listening, LinkError> {
    let failed = |task: &str| {
        let task = format!("Failed to {task} socket {}", path.display());
        move |source| LinkError::Listen { task, source }
    };
    // QEMU takes away whatever is there; anything but a socket is too good for that.
    let is_socket = path.symlink_metadata().is_ok_and(|found| found.file_type().is_socket());
    if is_socket {
        std::fs::remove_file(path).map_err(failed("unlink"))?;
    }
    let socket = UnixListener::bind(path).map_err(failed("bind"))?;
    Ok(Listening::Unix(socket, path.to_owned()))
}
