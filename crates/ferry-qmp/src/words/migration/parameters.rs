//! How a migration does what it does.
//!
//! QEMU has three forms of the same parameters, and keeps them alike by hand: one to set them, in
//! which all are optional; one to ask for them; and the complete set that is in force. Here a table
//! makes all three.

use ferry_units::{Bytes, BytesPerSecond};

use crate::qapi::{StrOrNull, qapi_enum, qapi_struct};
use crate::words::Milliseconds;

qapi_enum! {
    /// How pages are compressed on the connections of `multifd`.
    pub enum MultiFdCompression: "MultiFDCompression" {
        /// Not at all.
        None => "none",
        /// By zlib.
        Zlib => "zlib",
        /// By zstd.
        Zstd => "zstd",
    }
}

qapi_enum! {
    /// Where pages of zeros are found.
    pub enum ZeroPageDetection: "ZeroPageDetection" {
        /// Nowhere.
        None => "none",
        /// In the thread of the migration.
        Legacy => "legacy",
        /// In the threads that send.
        Multifd => "multifd",
    }
}

qapi_enum! {
    /// Which kind of migration it is.
    pub enum MigMode: "MigMode" {
        /// To another machine, while the guest runs.
        Normal => "normal",
        /// To a file, over a restart of the host.
        CprReboot => "cpr-reboot",
        /// To another program on the same host, which takes the memory over.
        CprTransfer => "cpr-transfer",
    }
}

qapi_struct! {
    /// How the dirty bitmaps of a disk are called on the way.
    #[derive(Eq)]
    pub struct BitmapMigrationNodeAlias: "BitmapMigrationNodeAlias" {
        /// The disk here.
        pub node_name: String => "node-name",
        /// What it is called on the way.
        pub alias: String => "alias",
        /// Its bitmaps.
        pub bitmaps: Vec<BitmapMigrationBitmapAlias> => "bitmaps",
    }
}

qapi_struct! {
    /// How a dirty bitmap is called on the way.
    #[derive(Eq)]
    pub struct BitmapMigrationBitmapAlias: "BitmapMigrationBitmapAlias" {
        /// The bitmap here.
        pub name: String => "name",
        /// What it is called on the way.
        pub alias: String => "alias",
        /// What becomes of it on the way.
        pub transform: Option<BitmapMigrationBitmapAliasTransform> => "transform",
    }
}

qapi_struct! {
    /// What becomes of a dirty bitmap on the way.
    #[derive(Copy, Default, Eq)]
    pub struct BitmapMigrationBitmapAliasTransform: "BitmapMigrationBitmapAliasTransform" {
        /// Whether it is kept on disk.
        pub persistent: Option<bool> => "persistent",
    }
}

/// The parameters: name, type and default, name on the wire. In brackets, where they differ, the
/// types in which it is asked for and set.
macro_rules! parameters {
    ($(
        $(#[$doc:meta])*
        $field:ident: $type:ty $([$asked:ty, $set:ty])? = $default:expr
            => $wire:literal $(<$feature:ident>)?;
    )*) => {
        qapi_struct! {
            /// Changes to parameters: what is absent stays as it is.
            #[derive(Default, Eq)]
            pub struct MigrateSetParameters: "MigrateSetParameters" {
                $($(#[$doc])* pub $field: Option<parameters!(@set $type $(, $set)?)>
                    => $wire $([$feature])?,)*
            }
        }

        qapi_struct! {
            /// The parameters, as far as a machine has them.
            #[derive(Default, Eq)]
            pub struct MigrationParameters: "MigrationParameters" {
                $($(#[$doc])* pub $field: Option<parameters!(@asked $type $(, $asked)?)>
                    => $wire $([$feature])?,)*
            }
        }

        /// All parameters, as they are in force.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Parameters {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Parameters {
            /// These parameters with changes, of which nothing is checked.
            // PARITY: migration/options.c#migrate_params_test_apply
            #[must_use]
            pub(crate) fn changed(&self, changes: &MigrateSetParameters) -> Self {
                let mut changed = self.clone();
                $(if let Some(value) = &changes.$field {
                    changed.$field = value.clone().into();
                })*
                changed
            }
        }

        // PARITY: migration/options.c#migrate_params_init
        impl Default for Parameters {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        // PARITY: migration/options.c#qmp_query_migrate_parameters
        impl From<&Parameters> for MigrationParameters {
            fn from(parameters: &Parameters) -> Self {
                Self { $($field: parameters.$field.clone().into(),)* }
            }
        }
    };
    (@asked $type:ty) => { $type };
    (@asked $type:ty, $asked:ty) => { $asked };
    (@set $type:ty) => { $type };
    (@set $type:ty, $set:ty) => { $set };
}

parameters! {
    /// How long after the move to announce the guest in the network for the first time.
    announce_initial: Milliseconds = Milliseconds(50) => "announce-initial";
    /// How long to wait between announcements, at most.
    announce_max: Milliseconds = Milliseconds(550) => "announce-max";
    /// How many announcements.
    announce_rounds: u64 = 5 => "announce-rounds";
    /// How much longer to wait each time.
    announce_step: Milliseconds = Milliseconds(100) => "announce-step";
    /// Slow vCPUs down once they have written this share of what was sent, in percent.
    throttle_trigger_threshold: u8 = 50 => "throttle-trigger-threshold";
    /// By how much at first, in percent of their time.
    cpu_throttle_initial: u8 = 20 => "cpu-throttle-initial";
    /// By how much more each time.
    cpu_throttle_increment: u8 = 10 => "cpu-throttle-increment";
    /// Take smaller steps in the end.
    cpu_throttle_tailslow: bool = false => "cpu-throttle-tailslow";
    /// The credentials for TLS, an object's name; empty for no TLS.
    tls_creds: String [String, StrOrNull] = String::new() => "tls-creds";
    /// What the destination's certificate must name; empty for the host in the address.
    tls_hostname: String [String, StrOrNull] = String::new() => "tls-hostname";
    /// Who judges the source's certificate, an object's name; empty for nobody.
    tls_authz: String [String, StrOrNull] = String::new() => "tls-authz";
    /// How much may be sent in pre-copy; 0 is without limit. Mind the default, 128 MiB/s.
    max_bandwidth: BytesPerSecond = BytesPerSecond::from_mib(128) => "max-bandwidth";
    /// How much to expect of the network when the guest stands still; 0 is to measure it.
    avail_switchover_bandwidth: BytesPerSecond = BytesPerSecond::new(0)
        => "avail-switchover-bandwidth";
    /// How long the guest may stand still.
    downtime_limit: Milliseconds = Milliseconds(300) => "downtime-limit";
    /// How often to bring the other half of a pair up to date.
    x_checkpoint_delay: u32 = 20_000 => "x-checkpoint-delay" <Unstable>;
    /// How many connections `multifd` uses.
    multifd_channels: u8 = 2 => "multifd-channels";
    /// How much memory to spend on finding changes in pages.
    xbzrle_cache_size: Bytes = Bytes::from_mib(64) => "xbzrle-cache-size";
    /// How much may be sent in post-copy in the background; 0 is without limit.
    max_postcopy_bandwidth: BytesPerSecond = BytesPerSecond::new(0) => "max-postcopy-bandwidth";
    /// By how much to slow vCPUs down at most, in percent.
    max_cpu_throttle: u8 = 99 => "max-cpu-throttle";
    /// How pages are compressed on the connections of `multifd`.
    multifd_compression: MultiFdCompression = MultiFdCompression::None => "multifd-compression";
    /// How hard zlib tries, 0 to 9.
    multifd_zlib_level: u8 = 1 => "multifd-zlib-level";
    /// How hard QATzip tries, 1 to 9.
    multifd_qatzip_level: u8 = 1 => "multifd-qatzip-level";
    /// How hard zstd tries, 0 to 20.
    multifd_zstd_level: u8 = 1 => "multifd-zstd-level";
    /// How dirty bitmaps of disks are called on the way.
    block_bitmap_mapping: Option<Vec<BitmapMigrationNodeAlias>>
        [Vec<BitmapMigrationNodeAlias>, Vec<BitmapMigrationNodeAlias>] = None
        => "block-bitmap-mapping";
    /// How often to look how much each vCPU writes.
    x_vcpu_dirty_limit_period: Milliseconds = Milliseconds(1000)
        => "x-vcpu-dirty-limit-period" <Unstable>;
    /// How much each vCPU may write, in MB/s.
    vcpu_dirty_limit: u64 = 1 => "vcpu-dirty-limit";
    /// Which kind of migration it is.
    mode: MigMode = MigMode::Normal => "mode";
    /// Where pages of zeros are found.
    zero_page_detection: ZeroPageDetection = ZeroPageDetection::Multifd => "zero-page-detection";
    /// Write to a file past the host's cache.
    direct_io: bool = false => "direct-io";
}

impl Parameters {
    /// Whether the migration is to be encrypted.
    pub fn uses_tls(&self) -> bool {
        !self.tls_creds.is_empty()
    }
}
