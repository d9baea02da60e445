//! Where a migration goes.

use crate::qapi::{qapi_enum, qapi_struct, qapi_union};
use crate::words::{InetSocketAddress, SocketAddress};

qapi_enum! {
    /// By what means a migration is carried.
    pub enum MigrationAddressType: "MigrationAddressType" {
        /// A socket.
        Socket => "socket",
        /// A program.
        Exec => "exec",
        /// RDMA.
        Rdma => "rdma",
        /// A file.
        File => "file",
    }
}

qapi_union! {
    /// Where a migration goes.
    #[derive(Eq)]
    pub enum MigrationAddress: "MigrationAddress" by "transport": MigrationAddressType {
        /// A socket.
        Socket(SocketAddress),
        /// A program.
        Exec(MigrationExecCommand),
        /// RDMA.
        Rdma(InetSocketAddress),
        /// A file.
        File(FileMigrationArgs),
    }
}

qapi_struct! {
    /// A program that takes a migration on its standard input.
    #[derive(Eq)]
    pub struct MigrationExecCommand: "MigrationExecCommand" {
        /// The program and its arguments.
        pub args: Vec<String> => "args",
    }
}

qapi_struct! {
    /// A file that takes a migration.
    #[derive(Eq)]
    pub struct FileMigrationArgs: "FileMigrationArgs" {
        /// Its path.
        pub filename: String => "filename",
        /// Where in it to begin.
        pub offset: u64 => "offset",
    }
}

qapi_enum! {
    /// What a channel is for.
    pub enum MigrationChannelType: "MigrationChannelType" {
        /// Everything.
        Main => "main",
        /// Descriptors, for a destination on the same host.
        Cpr => "cpr",
    }
}

qapi_struct! {
    /// A connection of a migration.
    #[derive(Eq)]
    pub struct MigrationChannel: "MigrationChannel" {
        /// What it is for.
        pub channel_type: MigrationChannelType => "channel-type",
        /// Where it goes.
        pub addr: MigrationAddress => "addr",
    }
}
