//! What there is to know about a migration.

use ferry_units::{Bytes, PageCount};

use super::MigrationStatus;
use crate::qapi::qapi_struct;
use crate::words::{Milliseconds, SocketAddress};

qapi_struct! {
    /// What there is to know about a migration. Which members are there depends on its status; a
    /// machine that never migrated has none.
    #[derive(Default)]
    pub struct MigrationInfo: "MigrationInfo" {
        /// How far it is.
        pub status: Option<MigrationStatus> => "status",
        /// What was sent and what remains.
        pub ram: Option<MigrationStats> => "ram",
        /// The same for devices that are passed through.
        pub vfio: Option<VfioStats> => "vfio",
        /// How well sending changes instead of pages works.
        pub xbzrle_cache: Option<XbzrleCacheStats> => "xbzrle-cache",
        /// How long it has taken, or took.
        pub total_time: Option<Milliseconds> => "total-time",
        /// How long the guest would stand still if what remained now were sent at once.
        pub expected_downtime: Option<Milliseconds> => "expected-downtime",
        /// How long the guest stood still, as far as this side knows.
        pub downtime: Option<Milliseconds> => "downtime",
        /// How long it took until the first page could be sent.
        pub setup_time: Option<Milliseconds> => "setup-time",
        /// By how much vCPUs are slowed down, in percent; absent while they are not.
        pub cpu_throttle_percentage: Option<i64> => "cpu-throttle-percentage",
        /// What went wrong, for people.
        pub error_desc: Option<String> => "error-desc",
        /// Why it could not even begin.
        pub blocked_reasons: Option<Vec<String>> => "blocked-reasons",
        /// How long all vCPUs together waited in post-copy.
        pub postcopy_blocktime: Option<Milliseconds> => "postcopy-blocktime",
        /// How long each vCPU waited in post-copy.
        pub postcopy_vcpu_blocktime: Option<Vec<Milliseconds>> => "postcopy-vcpu-blocktime",
        /// Where the destination listens, with the port that it really got.
        pub socket_address: Option<Vec<SocketAddress>> => "socket-address",
        /// Microseconds by which a vCPU is slowed down in a round, at most.
        pub dirty_limit_throttle_time_per_round: Option<u64>
            => "dirty-limit-throttle-time-per-round",
        /// Microseconds that a vCPU takes to fill its ring of dirty pages, on average.
        pub dirty_limit_ring_full_time: Option<u64> => "dirty-limit-ring-full-time",
    }
}

qapi_struct! {
    /// What was sent and what remains.
    #[derive(Default)]
    pub struct MigrationStats: "MigrationStats" {
        /// What was sent.
        pub transferred: Bytes => "transferred",
        /// What remains to be sent.
        pub remaining: Bytes => "remaining",
        /// The memory of the guest.
        pub total: Bytes => "total",
        /// Pages of zeros.
        pub duplicate: PageCount => "duplicate",
        /// Other pages that were sent.
        pub normal: PageCount => "normal",
        /// Their size.
        pub normal_bytes: Bytes => "normal-bytes",
        /// How many pages the guest writes to in a second.
        pub dirty_pages_rate: PageCount => "dirty-pages-rate",
        /// Megabits (10^6) in each second.
        pub mbps: f64 => "mbps",
        /// How many passes there were.
        pub dirty_sync_count: u64 => "dirty-sync-count",
        /// How many pages the destination has asked for.
        pub postcopy_requests: u64 => "postcopy-requests",
        /// The size of a page.
        pub page_size: Bytes => "page-size",
        /// What went through the connections of `multifd`.
        pub multifd_bytes: Bytes => "multifd-bytes",
        /// Pages sent in a second.
        pub pages_per_second: PageCount => "pages-per-second",
        /// What was sent while the guest ran at the source.
        pub precopy_bytes: Bytes => "precopy-bytes",
        /// What was sent while it stood still.
        pub downtime_bytes: Bytes => "downtime-bytes",
        /// What was sent while it ran at the destination.
        pub postcopy_bytes: Bytes => "postcopy-bytes",
        /// Passes in which the kernel had to copy what it sent.
        pub dirty_sync_missed_zero_copy: u64 => "dirty-sync-missed-zero-copy",
    }
}

qapi_struct! {
    /// What devices that are passed through have sent.
    #[derive(Copy, Eq)]
    pub struct VfioStats: "VfioStats" {
        /// How much.
        pub transferred: Bytes => "transferred",
    }
}

qapi_struct! {
    /// How well sending changes instead of pages works.
    pub struct XbzrleCacheStats: "XBZRLECacheStats" {
        /// The size of the cache.
        pub cache_size: Bytes => "cache-size",
        /// What was sent as changes.
        pub bytes: Bytes => "bytes",
        /// How many pages that was.
        pub pages: PageCount => "pages",
        /// How many pages were not in the cache.
        pub cache_miss: u64 => "cache-miss",
        /// Their share.
        pub cache_miss_rate: f64 => "cache-miss-rate",
        /// How much smaller the changes were.
        pub encoding_rate: f64 => "encoding-rate",
        /// How many pages had changed too much.
        pub overflow: u64 => "overflow",
    }
}
