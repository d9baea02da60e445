//! What only ferry's guest can do. The names begin as QMP asks of downstream extensions: two
//! underscores, a domain turned around, one underscore.

use ferry_units::{Bytes, BytesPerSecond, PageCount};

use super::Milliseconds;
use crate::qapi::{qapi_enum, qapi_struct, qapi_union};

qapi_enum! {
    /// What of a guest is to be checked.
    pub enum VerifyScope: "__dev.ferry_VerifyScope" {
        /// Memory and disks.
        All => "all",
        /// Memory.
        Memory => "memory",
        /// Disks.
        Disks => "disks",
    }
}

qapi_struct! {
    /// Checks that every page and block has the content that it was last given.
    #[derive(Copy, Default, Eq)]
    pub struct FerryVerify: "q_obj___dev.ferry_verify-arg" {
        /// What to check; all if it is not said.
        pub scope: Option<VerifyScope> => "scope",
    }
}

qapi_struct! {
    /// What a check has found.
    #[derive(Eq)]
    pub struct VerifyReport: "__dev.ferry_VerifyReport" {
        /// Pages that were checked.
        pub pages: PageCount => "pages",
        /// Blocks of disks that were checked.
        pub blocks: u64 => "blocks",
        /// How many of either were wrong.
        pub wrong: u64 => "wrong",
        /// Some of these, the first first.
        pub faults: Vec<Fault> => "faults",
        /// How long it took.
        pub duration: Milliseconds => "duration",
    }
}

qapi_enum! {
    /// What is wrong with a content.
    pub enum FaultKind: "__dev.ferry_FaultKind" {
        /// It is not there.
        Lost => "lost",
        /// It is older than it should be.
        Stale => "stale",
        /// It is partly of one age and partly of another.
        Torn => "torn",
        /// It belongs elsewhere, or to another guest.
        Foreign => "foreign",
    }
}

qapi_struct! {
    /// A page or block that is wrong.
    #[derive(Eq)]
    pub struct Fault: "__dev.ferry_Fault" {
        /// The disk, if it is a block.
        pub disk: Option<String> => "disk",
        /// Which page or block.
        pub index: u64 => "index",
        /// What is wrong with it.
        pub kind: FaultKind => "kind",
        /// How many times it was written.
        pub generation: u64 => "generation",
    }
}

qapi_struct! {
    /// Tells what the guest works on, after giving it something else if that is said.
    #[derive(Default)]
    pub struct FerryWorkload: "q_obj___dev.ferry_workload-arg" {
        /// What it is to work on from now on.
        pub workload: Option<Workload> => "workload",
    }
}

qapi_struct! {
    /// What a guest works on, and how that goes.
    pub struct WorkloadInfo: "__dev.ferry_WorkloadInfo" {
        /// What it works on.
        pub workload: Workload => "workload",
        /// How fast it really writes to memory, lately.
        pub memory_rate: BytesPerSecond => "memory-rate",
        /// How fast it really writes to disks, lately.
        pub disk_rate: BytesPerSecond => "disk-rate",
        /// How much it has written to memory so far.
        pub written: Bytes => "written",
    }
}

qapi_struct! {
    /// What a guest works on.
    pub struct Workload: "__dev.ferry_Workload" {
        /// Which pages it writes to.
        pub pattern: WorkloadPattern => flat,
        /// How fast; as fast as it can if it is not said.
        pub rate: Option<BytesPerSecond> => "rate",
        /// How much of its memory it uses, from the start; all if it is not said.
        pub working_set: Option<Bytes> => "working-set",
        /// Which share of its accesses only reads, in percent; none if it is not said.
        pub read_share: Option<u8> => "read-share",
        /// What it writes; random bytes if it is not said.
        pub contents: Option<WorkloadContents> => "contents",
    }
}

qapi_enum! {
    /// What a guest writes.
    pub enum WorkloadContents: "__dev.ferry_WorkloadContents" {
        /// Bytes that do not compress.
        Random => "random",
        /// Something like text.
        Text => "text",
        /// Zeros.
        Zero => "zero",
        /// Some of each.
        Mixed => "mixed",
    }
}

qapi_enum! {
    /// The patterns.
    pub enum WorkloadKind: "__dev.ferry_WorkloadKind" {
        /// Nothing.
        Idle => "idle",
        /// One page after the other.
        Sequential => "sequential",
        /// Any page.
        Random => "random",
        /// Some pages much more than others.
        Hotspot => "hotspot",
        /// Each page a little less than the one before.
        Zipf => "zipf",
        /// One workload after the other.
        Phased => "phased",
        /// Disks, and memory as a cache would.
        Disk => "disk",
    }
}

qapi_union! {
    /// Which pages a guest writes to.
    pub enum WorkloadPattern: "__dev.ferry_WorkloadPattern" by "kind": WorkloadKind {
        /// None.
        Idle(super::Empty),
        /// One after the other.
        Sequential(super::Empty),
        /// Any.
        Random(super::Empty),
        /// Some much more than others.
        Hotspot(HotspotOptions),
        /// Each a little less than the one before.
        Zipf(ZipfOptions),
        /// As one workload after the other says.
        Phased(PhasedOptions),
        /// As a cache of disks would.
        Disk(DiskOptions),
    }
}

qapi_struct! {
    /// Some pages much more than others.
    #[derive(Copy, Eq)]
    pub struct HotspotOptions: "__dev.ferry_HotspotOptions" {
        /// Which share of the writes, in percent.
        pub hot_writes: u8 => "hot-writes",
        /// Goes to which share of the pages, in percent.
        pub hot_pages: u8 => "hot-pages",
    }
}

qapi_struct! {
    /// Each page a little less than the one before.
    #[derive(Copy)]
    pub struct ZipfOptions: "__dev.ferry_ZipfOptions" {
        /// The n-th page gets a share of 1/n to this power.
        pub exponent: f64 => "exponent",
    }
}

qapi_struct! {
    /// One workload after the other, and again from the start.
    pub struct PhasedOptions: "__dev.ferry_PhasedOptions" {
        /// The workloads.
        pub phases: Vec<Phase> => "phases",
    }
}

qapi_struct! {
    /// A workload for some time.
    pub struct Phase: "__dev.ferry_Phase" {
        /// For how long.
        pub duration: Milliseconds => "duration",
        /// The workload.
        pub workload: Box<Workload> => "workload",
    }
}

qapi_struct! {
    /// Disks.
    #[derive(Copy, Eq)]
    pub struct DiskOptions: "__dev.ferry_DiskOptions" {
        /// How fast to write to them.
        pub disk_rate: BytesPerSecond => "disk-rate",
    }
}

qapi_struct! {
    /// What happened in the present migration, or in the last one.
    #[derive(Default, Eq)]
    pub struct TransferStats: "__dev.ferry_TransferStats" {
        /// The passes, the first first.
        pub passes: Vec<PassStats> => "passes",
        /// When the last instruction was executed here, in nanoseconds since 1970.
        pub stopped_at: Option<u64> => "stopped-at",
        /// When the first instruction was executed here, in nanoseconds since 1970.
        pub resumed_at: Option<u64> => "resumed-at",
        /// Nanoseconds from the one at the source to the other at the destination, where both are
        /// known.
        pub blackout: Option<u64> => "blackout",
        /// How long it took to populate the destination's memory.
        pub populate: Option<Milliseconds> => "populate",
        /// Nanoseconds that page faults took in post-copy, half of them at most.
        pub fault_p50: Option<u64> => "fault-p50",
        /// Nanoseconds that page faults took in post-copy, 99 of 100 at most.
        pub fault_p99: Option<u64> => "fault-p99",
    }
}

qapi_struct! {
    /// A pass over the guest's memory.
    #[derive(Copy, Eq)]
    pub struct PassStats: "__dev.ferry_PassStats" {
        /// Which one, from 1.
        pub pass: u64 => "pass",
        /// Pages that were sent.
        pub pages: PageCount => "pages",
        /// Pages of zeros that were not.
        pub zero_pages: PageCount => "zero-pages",
        /// What was sent.
        pub bytes: Bytes => "bytes",
        /// How fast the guest wrote meanwhile.
        pub dirty_rate: BytesPerSecond => "dirty-rate",
        /// How fast was sent.
        pub bandwidth: BytesPerSecond => "bandwidth",
        /// What remained at its end.
        pub remaining: Bytes => "remaining",
        /// How long it took.
        pub duration: Milliseconds => "duration",
    }
}
