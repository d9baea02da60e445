//! How fast a guest writes.

use crate::qapi::{qapi_enum, qapi_struct};

qapi_enum! {
    /// In what a span is counted.
    pub enum TimeUnit: "TimeUnit" {
        /// Seconds.
        Second => "second",
        /// Milliseconds.
        Millisecond => "millisecond",
    }
}

qapi_enum! {
    /// How a dirty rate is found.
    pub enum DirtyRateMeasureMode: "DirtyRateMeasureMode" {
        /// By comparing samples of pages.
        PageSampling => "page-sampling",
        /// By the kernel's ring of dirty pages, for each vCPU.
        DirtyRing => "dirty-ring",
        /// By the log of dirty pages.
        DirtyBitmap => "dirty-bitmap",
    }
}

qapi_enum! {
    /// How far a measurement is.
    pub enum DirtyRateStatus: "DirtyRateStatus" {
        /// There was none.
        Unstarted => "unstarted",
        /// It is under way.
        Measuring => "measuring",
        /// It is done.
        Measured => "measured",
    }
}

qapi_struct! {
    /// Begins to measure how fast the guest writes.
    #[derive(Eq)]
    pub struct CalcDirtyRate: "q_obj_calc-dirty-rate-arg" {
        /// For how long, in `calc_time_unit`.
        pub calc_time: i64 => "calc-time",
        /// In what `calc_time` is counted; seconds if it is not said.
        pub calc_time_unit: Option<TimeUnit> => "calc-time-unit",
        /// How many pages of a GiB to sample; 512 if it is not said.
        pub sample_pages: Option<i64> => "sample-pages",
        /// How; by samples if it is not said.
        pub mode: Option<DirtyRateMeasureMode> => "mode",
    }
}

qapi_struct! {
    /// Asks how fast the guest was found to write.
    #[derive(Default, Eq)]
    pub struct QueryDirtyRate: "q_obj_query-dirty-rate-arg" {
        /// In what to count the time; seconds if it is not said.
        pub calc_time_unit: Option<TimeUnit> => "calc-time-unit",
    }
}

qapi_struct! {
    /// How fast a guest was found to write.
    #[derive(Eq)]
    pub struct DirtyRateInfo: "DirtyRateInfo" {
        /// MiB in each second; absent until it is measured.
        pub dirty_rate: Option<i64> => "dirty-rate",
        /// How far the measurement is.
        pub status: DirtyRateStatus => "status",
        /// When it began, in seconds on a clock of the host.
        pub start_time: i64 => "start-time",
        /// How long it takes, in `calc_time_unit`.
        pub calc_time: i64 => "calc-time",
        /// In what that is counted. Since 8.2; until then it was seconds.
        pub calc_time_unit: TimeUnit => "calc-time-unit" else TimeUnit::Second,
        /// How many pages of a GiB are sampled; 0 where it is done another way.
        pub sample_pages: u64 => "sample-pages",
        /// How it is done.
        pub mode: DirtyRateMeasureMode => "mode",
        /// The rate of each vCPU, where that is known.
        pub vcpu_dirty_rate: Option<Vec<DirtyRateVcpu>> => "vcpu-dirty-rate",
    }
}

qapi_struct! {
    /// How fast a vCPU writes.
    #[derive(Copy, Eq)]
    pub struct DirtyRateVcpu: "DirtyRateVcpu" {
        /// Which vCPU.
        pub id: i64 => "id",
        /// MiB in each second.
        pub dirty_rate: i64 => "dirty-rate",
    }
}
