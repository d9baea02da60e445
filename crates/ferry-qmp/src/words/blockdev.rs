//! Attaching and copying disks: what libvirt does to move local ones, and what drives QEMU here.

use super::{BlockdevDetectZeroes, InetSocketAddress, SocketAddress, SocketAddressLegacy};
use crate::json::Json;
use crate::qapi::{
    AlternateShape, ArgumentError, Input, Qapi, Shape, ShapeOf, qapi_enum, qapi_struct, qapi_union,
};

qapi_enum! {
    /// How a disk is read. There are many more; these are the ones that ferry uses.
    pub enum BlockdevDriver: "BlockdevDriver" {
        /// A file of the host.
        File => "file",
        /// A device of the host.
        HostDevice => "host_device",
        /// Another machine's export.
        Nbd => "nbd",
        /// Nothing.
        NullCo => "null-co",
        /// The format qcow2.
        Qcow2 => "qcow2",
        /// No format.
        Raw => "raw",
    }
}

qapi_struct! {
    /// A disk to attach.
    #[derive(Eq)]
    pub struct BlockdevOptions: "BlockdevOptions" {
        /// How it is read.
        pub driver: BlockdevDriverOptions => flat,
        /// What to call it.
        pub node_name: Option<String> => "node-name",
        /// Whether zeros that the guest gives up make holes: `ignore` or `unmap`.
        pub discard: Option<BlockdevDiscard> => "discard",
        /// What to keep in the host's memory.
        pub cache: Option<BlockdevCacheOptions> => "cache",
        /// Whether it is read only.
        pub read_only: Option<bool> => "read-only",
        /// What becomes of zeros that are written.
        pub detect_zeroes: Option<BlockdevDetectZeroes> => "detect-zeroes",
    }
}

qapi_enum! {
    /// What becomes of room that a guest gives up.
    pub enum BlockdevDiscard: "BlockdevDiscardOptions" {
        /// It is kept.
        Ignore => "ignore",
        /// It is given back.
        Unmap => "unmap",
    }
}

qapi_struct! {
    /// What to keep in the host's memory.
    #[derive(Copy, Default, Eq)]
    pub struct BlockdevCacheOptions: "BlockdevCacheOptions" {
        /// Pass the host's cache by.
        pub direct: Option<bool> => "direct",
        /// Ignore the guest's wish to have everything on the medium.
        pub no_flush: Option<bool> => "no-flush",
    }
}

qapi_union! {
    /// How a disk is read.
    #[derive(Eq)]
    pub enum BlockdevDriverOptions: "BlockdevDriverOptions" by "driver": BlockdevDriver {
        /// A file of the host.
        File(BlockdevOptionsFile),
        /// A device of the host.
        HostDevice(BlockdevOptionsFile),
        /// Another machine's export.
        Nbd(BlockdevOptionsNbd),
        /// Nothing.
        NullCo(BlockdevOptionsNull),
        /// The format qcow2.
        Qcow2(BlockdevOptionsGeneric),
        /// No format.
        Raw(BlockdevOptionsGeneric),
    }
}

qapi_struct! {
    /// A file or device of the host.
    #[derive(Eq)]
    pub struct BlockdevOptionsFile: "BlockdevOptionsFile" {
        /// Its path.
        pub filename: String => "filename",
    }
}

qapi_struct! {
    /// Another machine's export.
    #[derive(Eq)]
    pub struct BlockdevOptionsNbd: "BlockdevOptionsNbd" {
        /// Where it is.
        pub server: SocketAddress => "server",
        /// What it is called there.
        pub export: Option<String> => "export",
        /// The credentials for TLS, an object's name.
        pub tls_creds: Option<String> => "tls-creds",
        /// What the server's certificate must name.
        pub tls_hostname: Option<String> => "tls-hostname",
        /// How many seconds to try again after the connection was lost.
        pub reconnect_delay: Option<u32> => "reconnect-delay",
    }
}

qapi_struct! {
    /// Nothing.
    #[derive(Copy, Default, Eq)]
    pub struct BlockdevOptionsNull: "BlockdevOptionsNull" {
        /// How much of it.
        pub size: Option<i64> => "size",
        /// Whether it reads as zeros.
        pub read_zeroes: Option<bool> => "read-zeroes",
    }
}

qapi_struct! {
    /// A format in a file.
    #[derive(Eq)]
    pub struct BlockdevOptionsGeneric: "BlockdevOptionsGenericFormat" {
        /// The file.
        pub file: BlockdevRef => "file",
    }
}

/// A disk that is attached, or one to attach for this purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockdevRef {
    /// One to attach.
    Definition(Box<BlockdevOptions>),
    /// The name of one that is attached.
    Reference(String),
}

impl Qapi for BlockdevRef {
    fn shape() -> Shape {
        Shape::Alternate(AlternateShape {
            name: "BlockdevRef",
            members: vec![ShapeOf::of::<BlockdevOptions>(), ShapeOf::of::<String>()],
        })
    }

    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        match input.json() {
            Json::String(name) => Ok(Self::Reference(name.clone())),
            Json::Object(_) => Qapi::read(input).map(Self::Definition),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => {
                let place = input.name().to_owned();
                Err(ArgumentError::Type { place, expected: "BlockdevRef" })
            }
        }
    }

    fn write(&self) -> Json {
        match self {
            Self::Definition(options) => options.write(),
            Self::Reference(name) => Json::from(name.as_str()),
        }
    }
}

qapi_struct! {
    /// Detaches a disk.
    #[derive(Eq)]
    pub struct BlockdevDel: "q_obj_blockdev-del-arg" {
        /// Its name.
        pub node_name: String => "node-name",
    }
}

qapi_enum! {
    /// What a copy begins with.
    pub enum MirrorSyncMode: "MirrorSyncMode" {
        /// The topmost image.
        Top => "top",
        /// Everything.
        Full => "full",
        /// Nothing: only what is written from now on.
        None => "none",
        /// What a bitmap has, which is then cleared.
        Incremental => "incremental",
        /// What a bitmap has.
        Bitmap => "bitmap",
    }
}

qapi_enum! {
    /// When what a guest writes goes to the copy.
    pub enum MirrorCopyMode: "MirrorCopyMode" {
        /// Some time later.
        Background => "background",
        /// Before the guest gets its answer.
        WriteBlocking => "write-blocking",
    }
}

qapi_enum! {
    /// What to do about an error.
    pub enum BlockdevOnError: "BlockdevOnError" {
        /// Fail.
        Report => "report",
        /// Nothing.
        Ignore => "ignore",
        /// Stop when there is no more room, else fail.
        Enospc => "enospc",
        /// Stop.
        Stop => "stop",
        /// What the guest's disk does.
        Auto => "auto",
    }
}

qapi_struct! {
    /// Copies a disk to another, and keeps the copy up to date until it is completed or cancelled.
    #[derive(Eq)]
    pub struct BlockdevMirror: "q_obj_blockdev-mirror-arg" {
        /// What to call the job.
        pub job_id: Option<String> => "job-id",
        /// The disk.
        pub device: String => "device",
        /// Where to.
        pub target: String => "target",
        /// What the copy is to replace when the job completes.
        pub replaces: Option<String> => "replaces",
        /// What to begin with.
        pub sync: MirrorSyncMode => "sync",
        /// How fast it may be, in bytes per second; 0 is without limit.
        pub speed: Option<i64> => "speed",
        /// In what portions to track writes, in bytes.
        pub granularity: Option<u32> => "granularity",
        /// How much may be under way, in bytes.
        pub buf_size: Option<i64> => "buf-size",
        /// What to do when the disk fails.
        pub on_source_error: Option<BlockdevOnError> => "on-source-error",
        /// What to do when the copy fails.
        pub on_target_error: Option<BlockdevOnError> => "on-target-error",
        /// What to call the node that watches for writes.
        pub filter_node_name: Option<String> => "filter-node-name",
        /// When what a guest writes goes to the copy.
        pub copy_mode: Option<MirrorCopyMode> => "copy-mode",
        /// Whether it finalizes itself; it does if it is not said.
        pub auto_finalize: Option<bool> => "auto-finalize",
        /// Whether it dismisses itself; it does if it is not said.
        pub auto_dismiss: Option<bool> => "auto-dismiss",
    }
}

qapi_struct! {
    /// Lets other machines have disks.
    #[derive(Eq)]
    pub struct NbdServerStart: "q_obj_nbd-server-start-arg" {
        /// Where to listen.
        pub addr: SocketAddressLegacy => "addr",
        /// The credentials for TLS, an object's name.
        pub tls_creds: Option<String> => "tls-creds",
        /// Who judges a client's certificate, an object's name.
        pub tls_authz: Option<String> => "tls-authz",
        /// How many clients at most; 0 is without limit.
        pub max_connections: Option<u32> => "max-connections",
    }
}

qapi_struct! {
    /// Lets other machines have a disk: the old way, for machines without `block-export-add`.
    #[derive(Eq)]
    pub struct NbdServerAdd: "q_obj_nbd-server-add-arg" {
        /// What to call it; the disk's name if it is not said.
        pub name: Option<String> => "name",
        /// The disk.
        pub device: String => "device",
        /// Whether they may write.
        pub writable: Option<bool> => "writable",
    }
}

qapi_enum! {
    /// By what means others may have a disk. There are more; ferry uses one.
    pub enum BlockExportType: "BlockExportType" {
        /// Over the network.
        Nbd => "nbd",
    }
}

qapi_struct! {
    /// Lets others have a disk.
    #[derive(Eq)]
    pub struct BlockExportAdd: "q_obj_block-export-add-arg" {
        /// By what means.
        pub means: BlockExportMeans => flat,
        /// What to call the export here.
        pub id: String => "id",
        /// The disk.
        pub node_name: String => "node-name",
        /// Whether they may write.
        pub writable: Option<bool> => "writable",
    }
}

qapi_union! {
    /// By what means others may have a disk.
    #[derive(Eq)]
    pub enum BlockExportMeans: "BlockExportMeans" by "type": BlockExportType {
        /// Over the network.
        Nbd(BlockExportOptionsNbd),
    }
}

qapi_struct! {
    /// An export over the network.
    #[derive(Default, Eq)]
    pub struct BlockExportOptionsNbd: "BlockExportOptionsNbd" {
        /// What to call it there; the disk's name if it is not said.
        pub name: Option<String> => "name",
    }
}

qapi_struct! {
    /// Takes a disk back.
    #[derive(Eq)]
    pub struct BlockExportDel: "q_obj_block-export-del-arg" {
        /// What the export is called here.
        pub id: String => "id",
        /// Whether to wait for its clients.
        pub mode: Option<BlockExportRemoveMode> => "mode",
    }
}

qapi_enum! {
    /// Whether to wait for clients.
    pub enum BlockExportRemoveMode: "BlockExportRemoveMode" {
        /// Refuse while there are some.
        Safe => "safe",
        /// Cut them off.
        Hard => "hard",
    }
}

impl BlockdevOptionsNbd {
    /// An export at a TCP address.
    pub fn inet(address: InetSocketAddress, export: &str) -> Self {
        Self {
            server: SocketAddress::Inet(address),
            export: Some(export.to_owned()),
            tls_creds: None,
            tls_hostname: None,
            reconnect_delay: None,
        }
    }
}
