//! What a guest asks of a node, what a node has, and KubeVirt's two factors between a guest's size
//! and what it asks for.

use std::fmt;
use std::iter::Sum;
use std::num::NonZeroU32;
use std::ops::{Add, AddAssign};

use ferry_units::Bytes;
use serde::Serialize;

use crate::SchedulerError;

/// CPU time, in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MilliCpu(pub u64);

/// CPU time and memory. Sums stay at the top instead of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Resources {
    /// CPU time.
    pub cpu: MilliCpu,
    /// Memory.
    pub memory: Bytes,
}

/// What a node has too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Shortage {
    /// CPU time.
    Cpu,
    /// Memory.
    Memory,
    /// Both.
    CpuAndMemory,
}

/// How large a guest is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GuestSize {
    /// Its vCPUs.
    pub vcpus: u32,
    /// The memory that it sees.
    pub memory: Bytes,
    /// The memory that running it takes on top.
    pub overhead: Bytes,
}

/// `cpuAllocationRatio`: how many vCPUs share a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CpuAllocationRatio {
    /// Guests ask for no CPU time at all (`0` on the wire).
    AskForNothing,
    /// So many.
    PerCore(NonZeroU32),
}

/// `memoryOvercommit`: the memory of a guest in percent of what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryOvercommit(NonZeroU32);

impl Resources {
    /// What a guest of this size asks for: a share of a core for each vCPU, rounded up to a
    /// thousandth; and its memory divided by the overcommit, rounded down to a byte, with the
    /// whole overhead on top.
    pub fn for_guest(
        size: GuestSize,
        ratio: CpuAllocationRatio,
        overcommit: MemoryOvercommit,
    ) -> Self {
        let memory = overcommit.request(size.memory) + size.overhead;
        Self { cpu: ratio.request(size.vcpus), memory }
    }

    /// What is left of this after `used`, nothing where that is more.
    #[must_use]
    pub const fn saturating_sub(self, used: Self) -> Self {
        let cpu = MilliCpu(self.cpu.0.saturating_sub(used.cpu.0));
        Self { cpu, memory: self.memory.saturating_sub(used.memory) }
    }

    /// What this lacks to give away `asked`.
    pub fn shortage_for(self, asked: Self) -> Option<Shortage> {
        match (asked.cpu > self.cpu, asked.memory > self.memory) {
            (false, false) => None,
            (true, false) => Some(Shortage::Cpu),
            (false, true) => Some(Shortage::Memory),
            (true, true) => Some(Shortage::CpuAndMemory),
        }
    }
}

impl CpuAllocationRatio {
    /// The wire's number.
    pub const fn from_vcpus_per_core(vcpus: u32) -> Self {
        match NonZeroU32::new(vcpus) {
            Some(vcpus) => Self::PerCore(vcpus),
            None => Self::AskForNothing,
        }
    }

    /// What `vcpus` ask for, rounded up to a thousandth of a core.
    // PARITY: pkg/virt-controller/services/renderresources.go#WithoutDedicatedCPU
    pub fn request(self, vcpus: u32) -> MilliCpu {
        match self {
            Self::AskForNothing => MilliCpu(0),
            Self::PerCore(ratio) => {
                MilliCpu((u64::from(vcpus) * 1000).div_ceil(u64::from(ratio.get())))
            }
        }
    }
}

impl Default for CpuAllocationRatio {
    /// KubeVirt's 10 (`pkg/virt-config/virt-config.go`).
    fn default() -> Self {
        Self::from_vcpus_per_core(10)
    }
}

impl MemoryOvercommit {
    /// `percent` of what a guest asks for.
    pub fn new(percent: u32) -> Result<Self, SchedulerError> {
        NonZeroU32::new(percent).map(Self).ok_or(SchedulerError::ZeroOvercommit)
    }

    /// Percent.
    pub const fn percent(self) -> u32 {
        self.0.get()
    }

    /// What a guest with this memory asks for, rounded down to a byte.
    // PARITY: pkg/defaults/defaults.go#setDefaultResourceRequests
    pub fn request(self, memory: Bytes) -> Bytes {
        let asked = u128::from(memory.get()) * 100 / u128::from(self.percent());
        Bytes::new(u64::try_from(asked).unwrap_or(u64::MAX))
    }
}

impl Default for MemoryOvercommit {
    /// KubeVirt's 100 (`pkg/virt-config/virt-config.go`).
    fn default() -> Self {
        Self(const { NonZeroU32::new(100).expect("100 is not 0") })
    }
}

impl Add for Resources {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let cpu = MilliCpu(self.cpu.0.saturating_add(other.cpu.0));
        Self { cpu, memory: self.memory + other.memory }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Resources {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), Add::add)
    }
}

/// Prints as Kubernetes writes it: `100m`, or whole cores.
impl fmt::Display for MilliCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            write!(f, "{}", self.0 / 1000)
        } else {
            write!(f, "{}m", self.0)
        }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::CpuAndMemory => "cpu and memory",
        })
    }
}
