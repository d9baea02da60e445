//! The end that connects.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ferry_runtime::Clock;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::endpoint::{Purpose, addresses};
use super::socket::Socket;
use super::{Endpoint, LinkError};

/// How long it may take to reach a peer, over all its addresses.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Connects to `endpoint`, trying all its addresses within `limit`.
// PARITY: util/qemu-sockets.c#inet_connect_saddr
pub(super) fn connect(endpoint: &Endpoint, limit: Duration) -> Result<Socket, LinkError> {
    let socket = match endpoint {
        Endpoint::Tcp { host, port } => tcp(host, *port, limit)?.map(Socket::Tcp),
        Endpoint::Unix(path) => unix(path, limit).map(Socket::Unix),
    };
    let socket =
        socket.map_err(|source| LinkError::Connect { to: endpoint.to_string(), source })?;
    socket.tune()?;
    Ok(socket)
}

/// Each address has its share of the time that is left, so that one behind which everything is
/// swallowed does not take that of the others.
fn tcp(host: &str, port: u16, limit: Duration) -> Result<io::Result<TcpStream>, LinkError> {
    let clock = Clock::system();
    let end = clock.now() + limit;
    let addresses = addresses(host, port, Purpose::Connect, limit)?;
    let mut last = Err(io::ErrorKind::TimedOut.into());
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let share = end.since(clock.now()) / u32::try_from(left).unwrap_or(u32::MAX);
        last = TcpStream::connect_timeout(address, share.max(Duration::from_millis(1)));
        if last.is_ok() {
            break;
        }
    }
    Ok(last)
}

/// A UNIX socket has no network to wait for, but its listener may have no room.
fn unix(path: &Path, limit: Duration) -> io::Result<UnixStream> {
    let kind = (AddressFamily::UNIX, SocketType::STREAM);
    let socket: OwnedFd = rustix::net::socket_with(kind.0, kind.1, SocketFlags::CLOEXEC, None)?;
    // It bounds `connect` too.
    sockopt::set_socket_timeout(&socket, Timeout::Send, Some(limit))?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    sockopt::set_socket_timeout(&socket, Timeout::Send, None)?;
    Ok(UnixStream::from(socket))
}
