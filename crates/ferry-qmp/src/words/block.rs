//! Disks and what happens on them, as far as ferry has a use for it. QEMU says more; a client
//! passes over what is not here.

use ferry_units::Bytes;

use super::BlockDeviceIoStatus;
use crate::qapi::{qapi_enum, qapi_struct};

qapi_struct! {
    /// A disk drive.
    #[derive(Eq)]
    pub struct BlockInfo: "BlockInfo" {
        /// Its old name; empty where it has none.
        pub device: String => "device",
        /// Its device, by name or place.
        pub qdev: Option<String> => "qdev",
        /// `unknown`. Means nothing.
        pub unknown: String => "type",
        /// Whether the medium can be taken out.
        pub removable: bool => "removable",
        /// Whether the guest has locked it in.
        pub locked: bool => "locked",
        /// The medium, if there is one.
        pub inserted: Option<BlockDeviceInfo> => "inserted",
        /// What the drive has come to.
        pub io_status: Option<BlockDeviceIoStatus> => "io-status",
    }
}

qapi_struct! {
    /// A medium.
    #[derive(Eq)]
    pub struct BlockDeviceInfo: "BlockDeviceInfo" {
        /// Its file.
        pub file: String => "file",
        /// Its node.
        pub node_name: Option<String> => "node-name",
        /// Whether it is read only.
        pub ro: bool => "ro",
        /// How it is read.
        pub drv: String => "drv",
        /// The file of the image under it.
        pub backing_file: Option<String> => "backing_file",
        /// How many images are under it.
        pub backing_file_depth: i64 => "backing_file_depth",
        /// Whether it is in use here, as it may be by one of two machines only. Since 10.0; until
        /// then nobody said.
        pub active: bool => "active" else true,
        /// Whether it is encrypted.
        pub encrypted: bool => "encrypted",
        /// What becomes of zeros that are written.
        pub detect_zeroes: BlockdevDetectZeroes => "detect_zeroes",
        /// At most so many bytes per second; 0 is without limit.
        pub bps: i64 => "bps",
        /// The same for reads.
        pub bps_rd: i64 => "bps_rd",
        /// The same for writes.
        pub bps_wr: i64 => "bps_wr",
        /// At most so many operations per second; 0 is without limit.
        pub iops: i64 => "iops",
        /// The same for reads.
        pub iops_rd: i64 => "iops_rd",
        /// The same for writes.
        pub iops_wr: i64 => "iops_wr",
        /// The image.
        pub image: ImageInfo => "image",
        /// What is kept in the host's memory.
        pub cache: BlockdevCacheInfo => "cache",
        /// Tell when it grows beyond this; 0 is never.
        pub write_threshold: u64 => "write_threshold",
    }
}

qapi_enum! {
    /// What becomes of zeros that are written.
    pub enum BlockdevDetectZeroes: "BlockdevDetectZeroesOptions" {
        /// They are written.
        Off => "off",
        /// They are written as zeros that take no room.
        On => "on",
        /// They make a hole.
        Unmap => "unmap",
    }
}

qapi_struct! {
    /// An image.
    #[derive(Eq)]
    pub struct ImageInfo: "ImageInfo" {
        /// Its file.
        pub filename: String => "filename",
        /// Its format.
        pub format: String => "format",
        /// What it takes on the host.
        pub actual_size: Option<Bytes> => "actual-size",
        /// What the guest sees.
        pub virtual_size: Bytes => "virtual-size",
    }
}

qapi_struct! {
    /// What is kept in the host's memory.
    #[derive(Copy, Eq)]
    pub struct BlockdevCacheInfo: "BlockdevCacheInfo" {
        /// Writes are answered before they are on the medium.
        pub writeback: bool => "writeback",
        /// The host's cache is passed by.
        pub direct: bool => "direct",
        /// The guest's wish to have everything on the medium is ignored.
        pub no_flush: bool => "no-flush",
    }
}

qapi_struct! {
    /// Asks what happened on disks.
    #[derive(Copy, Default, Eq)]
    pub struct QueryBlockstats: "q_obj_query-blockstats-arg" {
        /// Of all nodes instead of all drives.
        pub query_nodes: Option<bool> => "query-nodes",
    }
}

qapi_struct! {
    /// What happened on a disk.
    #[derive(Eq)]
    pub struct BlockStats: "BlockStats" {
        /// Its old name.
        pub device: Option<String> => "device",
        /// Its device.
        pub qdev: Option<String> => "qdev",
        /// Its node.
        pub node_name: Option<String> => "node-name",
        /// What happened.
        pub stats: BlockDeviceStats => "stats",
        /// What happened on the node under it.
        pub parent: Option<Box<BlockStats>> => "parent",
        /// What happened on the image under it.
        pub backing: Option<Box<BlockStats>> => "backing",
    }
}

qapi_struct! {
    /// What happened on a disk.
    #[derive(Copy, Default, Eq)]
    pub struct BlockDeviceStats: "BlockDeviceStats" {
        /// What was read.
        pub rd_bytes: Bytes => "rd_bytes",
        /// What was written.
        pub wr_bytes: Bytes => "wr_bytes",
        /// How many reads.
        pub rd_operations: u64 => "rd_operations",
        /// How many writes.
        pub wr_operations: u64 => "wr_operations",
        /// How many times everything was to be on the medium.
        pub flush_operations: u64 => "flush_operations",
        /// Nanoseconds spent on reads.
        pub rd_total_time_ns: u64 => "rd_total_time_ns",
        /// Nanoseconds spent on writes.
        pub wr_total_time_ns: u64 => "wr_total_time_ns",
        /// Nanoseconds spent until everything was on the medium.
        pub flush_total_time_ns: u64 => "flush_total_time_ns",
        /// Where the last byte lies that was written.
        pub wr_highest_offset: Bytes => "wr_highest_offset",
        /// Nanoseconds since anything happened.
        pub idle_time_ns: Option<u64> => "idle_time_ns",
        /// Reads that failed.
        pub failed_rd_operations: u64 => "failed_rd_operations",
        /// Writes that failed.
        pub failed_wr_operations: u64 => "failed_wr_operations",
        /// Flushes that failed.
        pub failed_flush_operations: u64 => "failed_flush_operations",
    }
}
