//! Addresses of migrations, as one text.

use super::Refusal;
use super::scan::{Scan, flag};
use crate::words::{
    FdSocketAddress, FileMigrationArgs, InetSocketAddress, Migrate, MigrateIncoming,
    MigrationAddress, MigrationChannel, MigrationChannelType, MigrationExecCommand, SocketAddress,
    UnixSocketAddress, VsockSocketAddress,
};

impl MigrationAddress {
    /// Reads an address: `tcp:HOST:PORT`, `unix:PATH`, `vsock:CID:PORT`, `fd:NAME`, `exec:COMMAND`,
    /// `rdma:HOST:PORT` or `file:PATH`.
    // PARITY: migration/migration.c#migrate_uri_parse
    pub fn from_uri(uri: &str) -> Result<Self, Refusal> {
        match uri.split_once(':') {
            Some(("exec", command)) => {
                let args = ["/bin/sh", "-c", command].map(str::to_owned).to_vec();
                Ok(Self::Exec(MigrationExecCommand { args }))
            }
            Some(("rdma", address)) => inet(address).map(Self::Rdma),
            Some(("tcp", address)) => inet(address).map(SocketAddress::Inet).map(Self::Socket),
            Some(("unix", path)) => unix(path).map(SocketAddress::Unix).map(Self::Socket),
            Some(("vsock", address)) => vsock(address).map(SocketAddress::Vsock).map(Self::Socket),
            Some(("fd", name)) => fd(name).map(SocketAddress::Fd).map(Self::Socket),
            Some(("file", path)) => file(path).map(Self::File),
            Some(_) | None => Err(Refusal::UnknownProtocol { uri: uri.to_owned() }),
        }
    }

    /// The address as one text, as far as there is one for it: what QEMU would read back.
    pub fn uri(&self) -> String {
        match self {
            Self::Socket(SocketAddress::Inet(inet)) => format!("tcp:{}", inet_uri(inet)),
            Self::Socket(SocketAddress::Unix(unix)) => format!("unix:{}", unix.path),
            Self::Socket(SocketAddress::Vsock(vsock)) => {
                format!("vsock:{}:{}", vsock.cid, vsock.port)
            }
            Self::Socket(SocketAddress::Fd(fd)) => format!("fd:{}", fd.name),
            Self::Exec(command) => {
                format!("exec:{}", command.args.last().map_or("", String::as_str))
            }
            Self::Rdma(inet) => format!("rdma:{}", inet_uri(inet)),
            Self::File(file) => format!("file:{},offset={}", file.filename, file.offset),
        }
    }

    /// The socket, for a machine that can do nothing else: to it other means are unknown.
    pub fn socket(&self) -> Result<&SocketAddress, Refusal> {
        match self {
            Self::Socket(address) => Ok(address),
            Self::Exec(_) | Self::Rdma(_) | Self::File(_) => {
                Err(Refusal::UnknownProtocol { uri: self.uri() })
            }
        }
    }

    /// Whether it leads to one place as often as one likes, which several connections need.
    // PARITY: migration/migration.c#transport_supports_multi_channels
    pub fn takes_several_connections(&self) -> bool {
        match self {
            Self::Socket(
                SocketAddress::Inet(_) | SocketAddress::Unix(_) | SocketAddress::Vsock(_),
            ) => true,
            Self::Socket(SocketAddress::Fd(_)) | Self::Exec(_) | Self::Rdma(_) | Self::File(_) => {
                false
            }
        }
    }
}

impl Migrate {
    /// Where to, whichever way it was said.
    // PARITY: migration/migration.c#qmp_migrate
    pub fn address(&self) -> Result<MigrationAddress, Refusal> {
        match (&self.uri, given(self.channels.as_ref())) {
            (Some(uri), None) => MigrationAddress::from_uri(uri),
            (None, Some(channels)) => {
                let main = only(channels, MigrationChannelType::Main)?;
                only(channels, MigrationChannelType::Cpr)?;
                main.cloned().ok_or(Refusal::NoMainChannel)
            }
            (None, None) | (Some(_), Some(_)) => Err(Refusal::UriOrChannels),
        }
    }
}

impl MigrateIncoming {
    /// Where to listen, whichever way it was said.
    // PARITY: migration/migration.c#qemu_start_incoming_migration
    pub fn address(&self) -> Result<MigrationAddress, Refusal> {
        match (&self.uri, given(self.channels.as_ref())) {
            (Some(uri), None) => MigrationAddress::from_uri(uri),
            (None, Some([channel])) => Ok(channel.addr.clone()),
            (None, Some(_)) => Err(Refusal::OneChannel),
            (None, None) | (Some(_), Some(_)) => Err(Refusal::UriOrChannels),
        }
    }
}

/// The channels, if there are any: QEMU takes an empty list for none.
fn given(channels: Option<&Vec<MigrationChannel>>) -> Option<&[MigrationChannel]> {
    channels.map(Vec::as_slice).filter(|channels| !channels.is_empty())
}

/// The address of the one channel of that type, if there is one.
fn only(
    channels: &[MigrationChannel],
    channel: MigrationChannelType,
) -> Result<Option<&MigrationAddress>, Refusal> {
    let mut matching = channels.iter().filter(|each| each.channel_type == channel);
    let first = matching.next();
    match matching.next() {
        Some(_) => Err(Refusal::ChannelTwice { channel }),
        None => Ok(first.map(|channel| &channel.addr)),
    }
}

fn complaint(complaint: impl Into<String>) -> Refusal {
    Refusal::Address { complaint: complaint.into() }
}

// PARITY: util/qemu-sockets.c#inet_parse
fn inet(address: &str) -> Result<InetSocketAddress, Refusal> {
    const HOST: usize = 64;
    const PORT: usize = 32;
    let mut scan = Scan::new(address);
    let (host, wrong) = if address.starts_with(':') {
        (Some(""), "error parsing port in address")
    } else if scan.skip("[") {
        let host = scan.until(']', HOST).filter(|_| scan.skip("]"));
        (host, "error parsing IPv6 address")
    } else {
        (scan.until(':', HOST), "error parsing address")
    };
    let port = host.filter(|_| scan.skip(":")).and_then(|_| scan.until(',', PORT));
    let (Some(host), Some(port)) = (host, port) else {
        return Err(complaint(format!("{wrong} '{address}'")));
    };
    let options = scan.rest();
    let to = options.split_once(",to=").map(|(_, to)| to.split(',').next().unwrap_or_default());
    let to = to.map(str::parse).transpose();
    Ok(InetSocketAddress {
        host: host.to_owned(),
        port: port.to_owned(),
        numeric: None,
        to: to.map_err(|_| complaint("error parsing to= argument"))?,
        ipv4: flag(options, "ipv4").map_err(complaint)?,
        ipv6: flag(options, "ipv6").map_err(complaint)?,
        keep_alive: flag(options, "keep-alive").map_err(complaint)?,
        mptcp: flag(options, "mptcp").map_err(complaint)?,
    })
}

fn inet_uri(inet: &InetSocketAddress) -> String {
    let host = &inet.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let to = inet.to.map(|to| format!(",to={to}"));
    let flags = [
        ("ipv4", inet.ipv4),
        ("ipv6", inet.ipv6),
        ("keep-alive", inet.keep_alive),
        ("mptcp", inet.mptcp),
    ];
    let flags = flags.into_iter().filter_map(|(name, value)| {
        value.map(|value| format!(",{name}={}", if value { "on" } else { "off" }))
    });
    let options: String = to.into_iter().chain(flags).collect();
    format!("{host}:{}{options}", inet.port)
}

fn unix(path: &str) -> Result<UnixSocketAddress, Refusal> {
    match path {
        "" => Err(complaint("invalid Unix socket address")),
        path => Ok(UnixSocketAddress { path: path.to_owned(), is_abstract: None, tight: None }),
    }
}

fn fd(name: &str) -> Result<FdSocketAddress, Refusal> {
    match name {
        "" => Err(complaint("invalid file descriptor address")),
        name => Ok(FdSocketAddress { name: name.to_owned() }),
    }
}

// PARITY: util/qemu-sockets.c#vsock_parse
fn vsock(address: &str) -> Result<VsockSocketAddress, Refusal> {
    const PART: usize = 32;
    let mut scan = Scan::new(address);
    let cid = scan.until(':', PART);
    let port = cid.filter(|_| scan.skip(":")).and_then(|_| scan.until(',', PART));
    match (cid, port, scan.rest()) {
        (Some(cid), Some(port), "") => {
            Ok(VsockSocketAddress { cid: cid.to_owned(), port: port.to_owned() })
        }
        (Some(_), Some(_), _) => {
            Err(complaint(format!("trailing characters in address '{address}'")))
        }
        (_, _, _) => Err(complaint(format!("error parsing address '{address}'"))),
    }
}

/// QEMU takes a size with a unit for the offset; here it is a number of bytes.
// PARITY: migration/file.c#file_parse_offset
fn file(path: &str) -> Result<FileMigrationArgs, Refusal> {
    let Some((filename, offset)) = path.split_once(",offset=") else {
        return Ok(FileMigrationArgs { filename: path.to_owned(), offset: 0 });
    };
    let wrong = || complaint(format!("file URI has bad offset {offset}: Invalid argument"));
    let offset = offset.parse().map_err(|_| wrong())?;
    Ok(FileMigrationArgs { filename: filename.to_owned(), offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, expected: &str) {
        let said = match MigrationAddress::from_uri(uri) {
            Ok(address) => crate::qapi::Qapi::write(&address).to_string(),
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(said, expected, "{uri}");
    }

    #[test]
    fn parity_addresses_are_read_as_qemu_does() {
        let socket = r#""transport": "socket""#;
        for (uri, members) in [
            ("tcp:127.0.0.1:4444", r#""type": "inet", "host": "127.0.0.1", "port": "4444""#),
            ("tcp::0", r#""type": "inet", "host": "", "port": "0""#),
            ("tcp:[::1]:4444", r#""type": "inet", "host": "::1", "port": "4444""#),
            ("unix:/run/a,b:c", r#""type": "unix", "path": "/run/a,b:c""#),
            ("vsock:2:1024", r#""type": "vsock", "cid": "2", "port": "1024""#),
            ("fd:pass", r#""type": "fd", "str": "pass""#),
        ] {
            let address = MigrationAddress::from_uri(uri).unwrap();
            let text = format!("{{{members}, {socket}}}").replace('\'', "\"");
            let expected = crate::json::Reader::new(crate::json::Limits::QEMU)
                .next(&mut text.as_bytes())
                .unwrap()
                .unwrap();
            assert_eq!(crate::qapi::Qapi::write(&address), expected, "{uri}");
            assert_eq!(address.uri(), uri);
            assert!(address.socket().is_ok());
        }
    }

    #[test]
    fn options_of_a_tcp_address_are_read() {
        let address = MigrationAddress::from_uri("tcp:h:1,to=9,ipv4,ipv6=off,keep-alive=on");
        let Ok(MigrationAddress::Socket(SocketAddress::Inet(inet))) = address else {
            panic!("{address:?}")
        };
        assert_eq!((inet.to, inet.ipv4, inet.ipv6), (Some(9), Some(true), Some(false)));
        assert_eq!((inet.keep_alive, inet.mptcp), (Some(true), None));
    }

    #[test]
    fn parity_what_is_no_address_is_refused_in_qemus_words() {
        for (uri, refusal) in [
            ("bogus:1", "unknown migration protocol: bogus:1"),
            ("defer", "unknown migration protocol: defer"),
            ("tcp:host", "error parsing address 'host'"),
            ("tcp:", "error parsing address ''"),
            ("tcp::", "error parsing port in address ':'"),
            ("tcp:[::1", "error parsing IPv6 address '[::1'"),
            ("tcp:h:1,ipv4=maybe", "error parsing 'ipv4' flag '=maybe'"),
            ("tcp:h:1,to=x", "error parsing to= argument"),
            ("unix:", "invalid Unix socket address"),
            ("fd:", "invalid file descriptor address"),
            ("vsock:2", "error parsing address '2'"),
            ("vsock:2:3,x", "trailing characters in address '2:3,x'"),
            ("file:a,offset=x", "file URI has bad offset x: Invalid argument"),
        ] {
            check(uri, refusal);
        }
    }

    #[test]
    fn what_is_no_socket_is_an_unknown_protocol_to_a_machine_that_has_no_other() {
        for uri in ["exec:cat", "rdma:h:1", "file:a,offset=0"] {
            let address = MigrationAddress::from_uri(uri).unwrap();
            let refusal = address.socket().unwrap_err();
            assert_eq!(refusal.to_string(), format!("unknown migration protocol: {uri}"));
            assert!(!address.takes_several_connections());
        }
    }

    #[test]
    fn parity_an_address_is_said_in_one_way() {
        let channel = |channel_type| MigrationChannel {
            channel_type,
            addr: MigrationAddress::from_uri("fd:a").unwrap(),
        };
        let main = channel(MigrationChannelType::Main);
        let cpr = channel(MigrationChannelType::Cpr);
        for (uri, channels, refusal) in [
            (None, None, "need either 'uri' or 'channels' argument"),
            (Some("fd:a"), Some(vec![main.clone()]), "need either 'uri' or 'channels' argument"),
            (
                None,
                Some(vec![main.clone(), main.clone()]),
                "Channel list has more than one main entry",
            ),
            (
                None,
                Some(vec![main.clone(), cpr.clone(), cpr.clone()]),
                "Channel list has more than one cpr entry",
            ),
            (None, Some(vec![cpr.clone()]), "Channel list has no main entry"),
        ] {
            let migrate = Migrate { uri: uri.map(str::to_owned), channels, ..Migrate::default() };
            assert_eq!(migrate.address().unwrap_err().to_string(), refusal);
        }
        let two = MigrateIncoming {
            channels: Some(vec![main.clone(), cpr]),
            ..MigrateIncoming::default()
        };
        assert_eq!(
            two.address().unwrap_err().to_string(),
            "Channel list must have only one entry, for type 'main'"
        );
        let one = Migrate { channels: Some(vec![main.clone()]), ..Migrate::default() };
        assert_eq!(one.address(), Ok(main.addr));
    }
}
