//! Where a connection leads to, and which addresses that has.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ferry_qmp::words::SocketAddress;

use super::LinkError;

/// One end of connections that can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// TCP.
    Tcp {
        /// A name or a number. Empty for a listener: every address of this host; to connect: this
        /// host.
        host: String,
        /// The port; 0 for a listener that takes any.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What the addresses of a name are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Connect,
    Listen,
}

impl Endpoint {
    /// What QEMU's words mean here.
    ///
    /// # Errors
    /// [`LinkError::Unsupported`] for what would not be done as it says, such as `vsock` or
    /// multipath TCP, and [`LinkError::Port`].
    pub fn of(address: &SocketAddress) -> Result<Self, LinkError> {
        let unsupported = |what| Err(LinkError::Unsupported { what });
        match address {
            SocketAddress::Inet(inet) => {
                let takes_both = inet.ipv4.unwrap_or(true) && inet.ipv6.unwrap_or(true);
                if !takes_both || inet.ipv4.is_some() != inet.ipv6.is_some() {
                    return unsupported("addresses that choose between IPv4 and IPv6");
                }
                if inet.mptcp == Some(true) {
                    return unsupported("multipath TCP addresses");
                }
                if inet.to.is_some() {
                    return unsupported("ranges of ports");
                }
                match inet.port.parse() {
                    Ok(port) => Ok(Self::Tcp { host: inet.host.clone(), port }),
                    Err(_) => Err(LinkError::Port { given: inet.port.clone() }),
                }
            }
            SocketAddress::Unix(unix) => match unix.is_abstract {
                Some(true) => unsupported("abstract UNIX addresses"),
                Some(false) | None => Ok(Self::Unix(PathBuf::from(&unix.path))),
            },
            SocketAddress::Vsock(_) => unsupported("vsock addresses"),
            SocketAddress::Fd(_) => unsupported("descriptors in place of addresses"),
        }
    }
}

/// As QEMU names it in errors.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// The addresses of `host`, in the order in which the system would try them; at least one.
///
/// The system's resolver may wait for servers that do not answer, and cannot be interrupted; it is
/// left alone with that after `limit`.
pub(super) fn addresses(
    host: &str,
    port: u16,
    purpose: Purpose,
    limit: Duration,
) -> Result<Vec<SocketAddr>, LinkError> {
    if host.is_empty() {
        let hosts: [IpAddr; 2] = match purpose {
            Purpose::Connect => [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
            // One socket takes both kinds where there is IPv6.
            Purpose::Listen => [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()],
        };
        return Ok(hosts.map(|host| SocketAddr::new(host, port)).to_vec());
    }
    if let Ok(number) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(number, port)]);
    }
    let failed = |reason: &str| LinkError::Resolve {
        host: host.to_owned(),
        port,
        reason: reason.to_owned(),
    };
    let (sender, answer) = mpsc::channel();
    let name = host.to_owned();
    let resolve = move || {
        let found = (name.as_str(), port).to_socket_addrs();
        // Nobody may be waiting any more.
        let _ = sender.send(found.map(Vec::from_iter));
    };
    let thread = thread::Builder::new().name("resolve".to_owned()).spawn(resolve);
    thread.map_err(|error| failed(&super::error::said(&error)))?;
    match answer.recv_timeout(limit) {
        Ok(Ok(found)) if found.is_empty() => Err(failed("it has no address")),
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            let said = error.to_string();
            let said = said.strip_prefix("failed to lookup address information: ");
            Err(failed(said.unwrap_or(&error.to_string())))
        }
        Err(_) => Err(failed("no answer in time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_qmp::words::{
        InetSocketAddress, MigrationAddress, UnixSocketAddress, VsockSocketAddress,
    };

    const LIMIT: Duration = Duration::from_secs(20);

    fn of(uri: &str) -> Result<Endpoint, LinkError> {
        Endpoint::of(MigrationAddress::from_uri(uri).unwrap().socket().unwrap())
    }

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn addresses_of_qemu_lead_to_endpoints() {
        for (uri, endpoint) in [
            ("tcp:node2:4444", tcp("node2", 4444)),
            ("tcp:[::1]:0", tcp("::1", 0)),
            ("tcp::4444,ipv4=on,ipv6=on", tcp("", 4444)),
            ("unix:/run/x", Endpoint::Unix("/run/x".into())),
        ] {
            assert_eq!(of(uri).unwrap(), endpoint, "{uri}");
        }
    }

    #[test]
    fn what_would_not_be_done_as_said_is_refused() {
        for uri in [
            "tcp:h:1,ipv4=off",
            "tcp:h:1,ipv6=on",
            "tcp:h:1,mptcp=on",
            "tcp:h:1,to=9",
            "fd:5",
            "vsock:3:1",
        ] {
            assert!(matches!(of(uri), Err(LinkError::Unsupported { .. })), "{uri}");
        }
        assert!(matches!(of("tcp:h:http"), Err(LinkError::Port { .. })));
        assert!(matches!(of("tcp:h:65536"), Err(LinkError::Port { .. })));
        let unix = UnixSocketAddress { is_abstract: Some(true), ..Default::default() };
        assert!(Endpoint::of(&SocketAddress::Unix(unix)).is_err());
        let vsock = VsockSocketAddress { cid: "3".to_owned(), port: "1".to_owned() };
        assert!(Endpoint::of(&SocketAddress::Vsock(vsock)).is_err());
        let inet = InetSocketAddress { port: String::new(), ..Default::default() };
        assert!(Endpoint::of(&SocketAddress::Inet(inet)).is_err());
    }

    #[test]
    fn names_and_numbers_resolve() {
        let all = |host, purpose| addresses(host, 7, purpose, LIMIT).unwrap();
        assert_eq!(all("::1", Purpose::Connect), ["[::1]:7".parse().unwrap()]);
        assert_eq!(all("10.1.2.3", Purpose::Listen), ["10.1.2.3:7".parse().unwrap()]);
        assert!(all("localhost", Purpose::Connect).iter().all(|each| each.ip().is_loopback()));
        assert!(all("", Purpose::Connect).iter().all(|each| each.ip().is_loopback()));
        assert!(all("", Purpose::Listen).iter().all(|each| each.ip().is_unspecified()));
    }

    #[test]
    fn a_name_that_is_none_is_no_address() {
        let error = addresses("not a name", 7, Purpose::Connect, LIMIT).unwrap_err().to_string();
        assert!(error.starts_with("address resolution failed for not a name:7: "), "{error}");
        assert!(!error.contains("lookup"), "{error}");
    }
}
