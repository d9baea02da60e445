//! How fast a guest writes, measured for a while: `calc-dirty-rate` and `query-dirty-rate`.
//!
//! Whatever way is asked for, what is counted is the log of written pages: it is exact, so pages need
//! not be sampled.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ferry_memory::{CardLog, DirtyLog};
use ferry_qmp::words::{
    CalcDirtyRate, DirtyRateInfo, DirtyRateMeasureMode, DirtyRateStatus, TimeUnit,
};
use ferry_runtime::Clock;
use ferry_units::{Bytes, Instant, PageSize};
use thiserror::Error;

use super::Machine;
use super::error::MachineError;

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(60);
const SAMPLE_PAGES: std::ops::RangeInclusive<i64> = 128..=16_384;
const DEFAULT_SAMPLE_PAGES: u64 = 512;

/// Why a measurement does not begin, in QEMU's words.
// PARITY: migration/dirtyrate.c#qmp_calc_dirty_rate
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DirtyRateError {
    /// There is one already.
    #[error("the dirty rate is already being measured.")]
    Measuring,
    /// Too long or too short.
    #[error(
        "Calculation time is out of range [{}ms, {}ms].",
        SHORTEST.as_millis(),
        LONGEST.as_millis()
    )]
    CalcTime,
    /// Samples, for a way that takes none.
    #[error("sample-pages is used only in page-sampling mode")]
    NoSamples,
    /// Too many or too few.
    #[error("sample-pages is out of range[{}, {}].", SAMPLE_PAGES.start(), SAMPLE_PAGES.end())]
    SamplePages,
    /// A way that only KVM has.
    #[error("mode {mode} is not enabled, use other method instead.")]
    Mode {
        /// The way.
        mode: &'static str,
    },
}

/// The measurement of a guest: the present one, or the last.
#[derive(Clone)]
pub struct DirtyRate {
    clock: Clock,
    info: Arc<Mutex<Measurement>>,
}

#[derive(Clone, Copy, Debug)]
struct Measurement {
    status: DirtyRateStatus,
    mebibytes: Option<i64>,
    /// Since 1970.
    start: Duration,
    span: Duration,
    sample_pages: u64,
    mode: DirtyRateMeasureMode,
}

impl DirtyRate {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        let none = Measurement {
            status: DirtyRateStatus::Unstarted,
            mebibytes: None,
            start: Duration::ZERO,
            span: Duration::ZERO,
            sample_pages: 0,
            mode: DirtyRateMeasureMode::PageSampling,
        };
        Self { clock, info: Arc::new(Mutex::new(none)) }
    }

    /// How far it is.
    pub fn status(&self) -> DirtyRateStatus {
        self.lock().status
    }

    /// Begins, in a thread of its own.
    ///
    /// # Errors
    /// [`DirtyRateError`] for what was asked for, [`MachineError::Memory`] in post-copy or when too
    /// many follow the guest's writes, and [`MachineError::Measure`].
    pub fn start(&self, machine: &Machine, asked: &CalcDirtyRate) -> Result<(), MachineError> {
        // Held until it is under way, so that of two that begin at once one is refused.
        let mut info = self.lock();
        if info.status == DirtyRateStatus::Measuring {
            return Err(DirtyRateError::Measuring.into());
        }
        let (span, sample_pages, mode) = checked(asked)?;
        let log = machine.memory().log()?;
        let begin = self.clock.now();
        let start = self.clock.wall();
        let (this, memory) = (self.clone(), machine.memory().clone());
        let measure = move || this.measure(&log, memory.ram(), begin, span);
        thread::Builder::new()
            .name("dirty rate".to_owned())
            .stack_size(128 << 10)
            .spawn(measure)
            .map_err(|source| MachineError::Measure { source })?;
        let status = DirtyRateStatus::Measuring;
        *info = Measurement { status, mebibytes: None, start, span, sample_pages, mode };
        Ok(())
    }

    /// What is known, with times in `unit`.
    pub fn info(&self, unit: TimeUnit) -> DirtyRateInfo {
        let info = *self.lock();
        let calc_time = match unit {
            TimeUnit::Second => info.span.as_secs().into(),
            TimeUnit::Millisecond => info.span.as_millis(),
        };
        let is_bitmap = info.mode == DirtyRateMeasureMode::DirtyBitmap;
        let is_measured = info.status == DirtyRateStatus::Measured;
        DirtyRateInfo {
            dirty_rate: info.mebibytes,
            status: info.status,
            start_time: i64::try_from(info.start.as_secs()).unwrap_or(i64::MAX),
            calc_time: i64::try_from(calc_time).unwrap_or(i64::MAX),
            calc_time_unit: unit,
            sample_pages: if is_bitmap && is_measured { 0 } else { info.sample_pages },
            mode: info.mode,
            vcpu_dirty_rate: None,
        }
    }

    fn measure(&self, log: &CardLog, ram: &ferry_memory::Ram, begin: Instant, span: Duration) {
        self.clock.wait_until(begin + span);
        let mut dirty = ram.no_pages();
        let harvested = log.harvest(ram.whole(), &mut dirty);
        let took = self.clock.now().since(begin);
        let mut info = self.lock();
        match harvested {
            Ok(pages) => {
                let rate = pages.bytes(PageSize::KIB_4).per(took).unwrap_or_default();
                let mebibytes = rate.get() / Bytes::from_mib(1).get();
                info.mebibytes = Some(i64::try_from(mebibytes).unwrap_or(i64::MAX));
                info.status = DirtyRateStatus::Measured;
            }
            Err(error) => {
                tracing::warn!(%error, "the dirty rate was not measured");
                info.status = DirtyRateStatus::Unstarted;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Measurement> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DirtyRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirtyRate").field(&*self.lock()).finish()
    }
}

/// The span, the samples and the way that are asked for.
fn checked(asked: &CalcDirtyRate) -> Result<(Duration, u64, DirtyRateMeasureMode), DirtyRateError> {
    let time = u64::try_from(asked.calc_time).map_err(|_| DirtyRateError::CalcTime)?;
    let span = match asked.calc_time_unit.unwrap_or(TimeUnit::Second) {
        TimeUnit::Second => Duration::from_secs(time),
        TimeUnit::Millisecond => Duration::from_millis(time),
    };
    if span < SHORTEST || span > LONGEST {
        return Err(DirtyRateError::CalcTime);
    }
    let mode = asked.mode.unwrap_or(DirtyRateMeasureMode::PageSampling);
    let samples = match (asked.sample_pages, mode) {
        (None, _) => DEFAULT_SAMPLE_PAGES,
        (Some(_), DirtyRateMeasureMode::DirtyRing | DirtyRateMeasureMode::DirtyBitmap) => {
            return Err(DirtyRateError::NoSamples);
        }
        (Some(pages), DirtyRateMeasureMode::PageSampling) => u64::try_from(pages)
            .ok()
            .filter(|_| SAMPLE_PAGES.contains(&pages))
            .ok_or(DirtyRateError::SamplePages)?,
    };
    match mode {
        DirtyRateMeasureMode::DirtyRing => Err(DirtyRateError::Mode { mode: "dirty-ring" }),
        DirtyRateMeasureMode::PageSampling | DirtyRateMeasureMode::DirtyBitmap => {
            Ok((span, samples, mode))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_what_cannot_be_measured_is_refused_in_qemus_words() {
        let ask = |calc_time, sample_pages, mode| {
            let calc_time_unit = Some(TimeUnit::Millisecond);
            checked(&CalcDirtyRate { calc_time, calc_time_unit, sample_pages, mode })
                .map_err(|error| error.to_string())
        };
        let sampling = DirtyRateMeasureMode::PageSampling;
        let bitmap = DirtyRateMeasureMode::DirtyBitmap;
        assert_eq!(ask(50, None, None), Ok((SHORTEST, 512, sampling)));
        assert_eq!(ask(60_000, Some(128), Some(sampling)), Ok((LONGEST, 128, sampling)));
        assert_eq!(ask(1_000, None, Some(bitmap)), Ok((Duration::from_secs(1), 512, bitmap)));
        for (calc_time, samples, mode, text) in [
            (49, None, None, "Calculation time is out of range [50ms, 60000ms]."),
            (-1, None, None, "Calculation time is out of range [50ms, 60000ms]."),
            (60_001, None, None, "Calculation time is out of range [50ms, 60000ms]."),
            (100, Some(1), None, "sample-pages is out of range[128, 16384]."),
            (100, Some(-1), None, "sample-pages is out of range[128, 16384]."),
            (100, Some(512), Some(bitmap), "sample-pages is used only in page-sampling mode"),
            (
                100,
                None,
                Some(DirtyRateMeasureMode::DirtyRing),
                "mode dirty-ring is not enabled, use other method instead.",
            ),
        ] {
            assert_eq!(ask(calc_time, samples, mode), Err(text.to_owned()));
        }
    }
}
