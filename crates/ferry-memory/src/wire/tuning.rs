//! What a migration wants of its TCP connections.
//!
//! It stands beside the sending because it was found out there: a system whose default congestion
//! control is made for the internet costs two thirds of the throughput between two hosts (2.3 to
//! 2.8 GB/s with bbr, 8.2 to 9.0 with cubic or reno).

use std::os::fd::AsFd;
use std::time::Duration;

use ferry_units::Bytes;
use rustix::io::Errno;
use rustix::net::sockopt;

use crate::error::{MemoryError, Task};

/// Tried in this order. `cubic` copes better with distance, but a system may allow it to privileged
/// programs only (`net.ipv4.tcp_allowed_congestion_control`); `reno` is allowed to all.
const CONGESTION: [&str; 2] = ["cubic", "reno"];

/// How a connection of a migration is set up.
///
/// ```
/// # use ferry_memory::SocketTuning;
/// # use std::net::{TcpListener, TcpStream};
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// let tuned = SocketTuning::default().apply(&stream)?;
/// assert!(["cubic", "reno"].contains(&tuned.congestion.as_str()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketTuning {
    /// Size of the kernel's buffer for what is sent, or `None` to let Linux choose, which is best
    /// for bulk. A small one lets what is urgent overtake what is not.
    pub send_buffer: Option<Bytes>,
    /// The same for what is received.
    pub receive_buffer: Option<Bytes>,
    /// How long sent data may stay unacknowledged before the peer counts as gone
    /// (`TCP_USER_TIMEOUT`), up to 24 days.
    pub user_timeout: Duration,
    /// How a peer that says nothing is asked whether it is there.
    pub keepalive: Keepalive,
}

/// How a peer that says nothing is asked whether it is there. Linux counts whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// How long it may say nothing before it is asked.
    pub idle: Duration,
    /// How long to wait for an answer before it is asked again.
    pub interval: Duration,
    /// How often it is asked before it counts as gone.
    pub probes: u32,
}

/// What a connection got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuned {
    /// Its congestion control. Neither `cubic` nor `reno` if the system allows neither.
    pub congestion: String,
    /// Size of the kernel's buffer for what is sent, bookkeeping included: Linux doubles what it is
    /// asked for, and has a limit of its own (`net.core.wmem_max`).
    pub send_buffer: Bytes,
    /// The same for what is received.
    pub receive_buffer: Bytes,
}

impl Default for SocketTuning {
    /// Bulk: a peer that is silent is noticed within ten seconds, which is long for a network
    /// between hosts and short for a person who waits.
    fn default() -> Self {
        Self {
            send_buffer: None,
            receive_buffer: None,
            user_timeout: Duration::from_secs(10),
            keepalive: Keepalive {
                idle: Duration::from_secs(4),
                interval: Duration::from_secs(2),
                probes: 3,
            },
        }
    }
}

impl SocketTuning {
    /// Sets up `socket`, a TCP connection. Nothing that is sent waits for more (`TCP_NODELAY`).
    ///
    /// # Errors
    /// [`MemoryError::Os`], also for a socket that is not TCP. A congestion control that is not
    /// allowed is no error; see [`Tuned::congestion`].
    pub fn apply(&self, socket: impl AsFd) -> Result<Tuned, MemoryError> {
        let socket = socket.as_fd();
        let apply = || {
            sockopt::set_tcp_nodelay(socket, true)?;
            let _found =
                CONGESTION.iter().find(|name| sockopt::set_tcp_congestion(socket, name).is_ok());
            if let Some(size) = self.send_buffer {
                sockopt::set_socket_send_buffer_size(socket, int(size.get()))?;
            }
            if let Some(size) = self.receive_buffer {
                sockopt::set_socket_recv_buffer_size(socket, int(size.get()))?;
            }
            let timeout = i32::try_from(self.user_timeout.as_millis()).unwrap_or(i32::MAX);
            sockopt::set_tcp_user_timeout(socket, timeout.unsigned_abs())?;
            sockopt::set_socket_keepalive(socket, true)?;
            sockopt::set_tcp_keepidle(socket, self.keepalive.idle)?;
            sockopt::set_tcp_keepintvl(socket, self.keepalive.interval)?;
            sockopt::set_tcp_keepcnt(socket, self.keepalive.probes)?;
            Ok(Tuned {
                congestion: sockopt::tcp_congestion(socket)?,
                send_buffer: Bytes::new(sockopt::socket_send_buffer_size(socket)? as u64),
                receive_buffer: Bytes::new(sockopt::socket_recv_buffer_size(socket)? as u64),
            })
        };
        apply().map_err(|errno: Errno| Task::TuneSocket.failed(errno))
    }
}

/// The largest size that Linux's `int` holds, for one that is larger.
fn int(size: u64) -> usize {
    usize::try_from(size.min(i32::MAX as u64)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    fn connected() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap()
    }

    #[test]
    fn a_connection_gets_what_it_was_meant_to() {
        let socket = connected();
        let tuned = SocketTuning::default().apply(&socket).unwrap();
        assert_eq!(tuned.congestion, sockopt::tcp_congestion(&socket).unwrap());
        assert!(CONGESTION.contains(&tuned.congestion.as_str()));
        assert!(sockopt::tcp_nodelay(&socket).unwrap());
        assert!(sockopt::socket_keepalive(&socket).unwrap());
        assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), 10_000);
        assert_eq!(sockopt::tcp_keepidle(&socket).unwrap(), Duration::from_secs(4));
    }

    #[test]
    fn buffers_are_as_small_as_asked_for_and_as_large_as_allowed() {
        let small = SocketTuning { send_buffer: Some(Bytes::from_kib(16)), ..Default::default() };
        assert_eq!(small.apply(connected()).unwrap().send_buffer, Bytes::from_kib(32));
        let large = SocketTuning {
            send_buffer: Some(Bytes::new(u64::MAX)),
            receive_buffer: Some(Bytes::new(u64::MAX)),
            user_timeout: Duration::MAX,
            ..Default::default()
        };
        assert!(large.apply(connected()).unwrap().send_buffer >= Bytes::from_kib(64));
    }

    #[test]
    fn a_socket_that_is_not_tcp_is_refused() {
        let (socket, _peer) = UnixStream::pair().unwrap();
        let refused = SocketTuning::default().apply(&socket);
        assert!(matches!(refused, Err(MemoryError::Os { task: Task::TuneSocket, .. })));
    }
}
