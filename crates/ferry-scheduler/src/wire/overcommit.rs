//! How much more the cluster promises its guests than its nodes have.

use ferry_api::kubevirt::DeveloperConfiguration;
use ferry_api::{FieldError, FieldPath};
use serde_json::Value;

use crate::{CpuAllocationRatio, MemoryOvercommit};

/// The factors by which the cluster promises its guests more than its nodes have
/// (`spec.configuration.developerConfiguration` of KubeVirt).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Overcommit {
    /// `cpuAllocationRatio`, virtual CPUs for each physical one.
    pub cpu: CpuAllocationRatio,
    /// `memoryOvercommit`, in percent.
    pub memory: MemoryOvercommit,
}

impl Overcommit {
    /// Reads the factors. What is not written has KubeVirt's default; what is negative, too large,
    /// or a memory overcommit of 0 is refused with its field.
    pub fn from_wire(written: &DeveloperConfiguration) -> Result<Self, FieldError> {
        let path = FieldPath::of("spec.configuration.developerConfiguration");
        let number = |field: &str, written: i64| {
            u32::try_from(written).map_err(|_| {
                let accepted = format!("must be a whole number from 0 to {}", u32::MAX);
                FieldError::invalid(path.field(field), Value::from(written), accepted)
            })
        };
        let cpu = match written.cpu_allocation_ratio {
            None => CpuAllocationRatio::default(),
            Some(ratio) => {
                CpuAllocationRatio::from_vcpus_per_core(number("cpuAllocationRatio", ratio)?)
            }
        };
        let memory = match written.memory_overcommit {
            None => MemoryOvercommit::default(),
            Some(percent) => {
                MemoryOvercommit::new(number("memoryOvercommit", percent)?).map_err(|error| {
                    let path = path.field("memoryOvercommit");
                    FieldError::invalid(path, Value::from(percent), error.to_string())
                })?
            }
        };
        Ok(Self { cpu, memory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cpu: Option<i64>, memory: Option<i64>) -> Result<(u64, u32), String> {
        let written = DeveloperConfiguration {
            cpu_allocation_ratio: cpu,
            memory_overcommit: memory,
            ..DeveloperConfiguration::default()
        };
        let overcommit = Overcommit::from_wire(&written).map_err(|error| error.to_string())?;
        Ok((overcommit.cpu.request(8).0, overcommit.memory.percent()))
    }

    #[test]
    fn the_factors_come_from_the_configuration_of_kubevirt() {
        assert_eq!(read(None, None), Ok((800, 100)));
        assert_eq!(read(Some(4), Some(150)), Ok((2000, 150)));
        assert_eq!(read(Some(0), None), Ok((0, 100)));
    }

    #[test]
    fn factors_that_make_no_sense_are_refused_with_their_field() {
        let section = "spec.configuration.developerConfiguration";
        for (cpu, memory, expected) in [
            (
                Some(-1),
                None,
                format!(
                    "{section}.cpuAllocationRatio: Invalid value: -1: must be a whole number from 0 to 4294967295"
                ),
            ),
            (
                None,
                Some(1 << 40),
                format!(
                    "{section}.memoryOvercommit: Invalid value: 1099511627776: must be a whole number from 0 to 4294967295"
                ),
            ),
            (
                None,
                Some(0),
                format!(
                    "{section}.memoryOvercommit: Invalid value: 0: a memory overcommit of 0 %: use 100 for guests to ask for all of their memory"
                ),
            ),
        ] {
            assert_eq!(read(cpu, memory), Err(expected));
        }
    }
}
