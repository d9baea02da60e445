//! Addresses of sockets.

use crate::qapi::{qapi_enum, qapi_struct, qapi_union};

qapi_enum! {
    /// Of which family a socket is.
    pub enum SocketAddressType: "SocketAddressType" {
        /// TCP.
        Inet => "inet",
        /// UNIX.
        Unix => "unix",
        /// Between a host and its guests.
        Vsock => "vsock",
        /// A descriptor that is open.
        Fd => "fd",
    }
}

qapi_union! {
    /// The address of a socket.
    #[derive(Eq)]
    pub enum SocketAddress: "SocketAddress" by "type": SocketAddressType {
        /// TCP.
        Inet(InetSocketAddress),
        /// UNIX.
        Unix(UnixSocketAddress),
        /// Between a host and its guests.
        Vsock(VsockSocketAddress),
        /// A descriptor that is open.
        Fd(FdSocketAddress),
    }
}

qapi_struct! {
    /// A TCP address.
    #[derive(Default, Eq)]
    pub struct InetSocketAddress: "InetSocketAddress" {
        /// A name or a number.
        pub host: String => "host",
        /// A number or a service, as text.
        pub port: String => "port",
        /// The host and the port are numbers.
        pub numeric: Option<bool> => "numeric",
        /// For a listener: try the ports from `port` to this.
        pub to: Option<u16> => "to",
        /// Whether IPv4 will do.
        pub ipv4: Option<bool> => "ipv4",
        /// Whether IPv6 will do.
        pub ipv6: Option<bool> => "ipv6",
        /// Whether to look after a connection that is silent.
        pub keep_alive: Option<bool> => "keep-alive",
        /// Whether to use several paths.
        pub mptcp: Option<bool> => "mptcp",
    }
}

qapi_struct! {
    /// A UNIX address.
    #[derive(Default, Eq)]
    pub struct UnixSocketAddress: "UnixSocketAddress" {
        /// The path.
        pub path: String => "path",
        /// It is a name outside the file system.
        pub is_abstract: Option<bool> => "abstract",
        /// Such a name is not padded with zeros.
        pub tight: Option<bool> => "tight",
    }
}

qapi_struct! {
    /// A vsock address.
    #[derive(Eq)]
    pub struct VsockSocketAddress: "VsockSocketAddress" {
        /// The guest or host.
        pub cid: String => "cid",
        /// The port.
        pub port: String => "port",
    }
}

qapi_struct! {
    /// A descriptor that is open.
    #[derive(Eq)]
    pub struct FdSocketAddress: "FdSocketAddress" {
        /// Its number, or the name it was handed over under.
        pub name: String => "str",
    }
}

/// A `type` and its members apart, under `data`: the form of old commands.
macro_rules! wrapped {
    ($($(#[$doc:meta])* $wrapper:ident: $name:literal of $type:ty;)*) => {$(
        qapi_struct! {
            $(#[$doc])*
            #[derive(Eq)]
            pub struct $wrapper: $name {
                /// The address.
                pub data: $type => "data",
            }
        }
    )*};
}

wrapped! {
    /// A TCP address apart from its type.
    InetWrapper: "InetSocketAddressWrapper" of InetSocketAddress;
    /// A UNIX address apart from its type.
    UnixWrapper: "UnixSocketAddressWrapper" of UnixSocketAddress;
    /// A vsock address apart from its type.
    VsockWrapper: "VsockSocketAddressWrapper" of VsockSocketAddress;
    /// A descriptor apart from its type.
    FdWrapper: "FdSocketAddressWrapper" of FdSocketAddress;
}

qapi_union! {
    /// The address of a socket in the form of old commands.
    #[derive(Eq)]
    pub enum SocketAddressLegacy: "SocketAddressLegacy" by "type": SocketAddressType {
        /// TCP.
        Inet(InetWrapper),
        /// UNIX.
        Unix(UnixWrapper),
        /// Between a host and its guests.
        Vsock(VsockWrapper),
        /// A descriptor that is open.
        Fd(FdWrapper),
    }
}

impl From<SocketAddress> for SocketAddressLegacy {
    fn from(address: SocketAddress) -> Self {
        match address {
            SocketAddress::Inet(data) => Self::Inet(InetWrapper { data }),
            SocketAddress::Unix(data) => Self::Unix(UnixWrapper { data }),
            SocketAddress::Vsock(data) => Self::Vsock(VsockWrapper { data }),
            SocketAddress::Fd(data) => Self::Fd(FdWrapper { data }),
        }
    }
}
