//! What the process takes of the machine, as all of Prometheus' clients tell it.

use std::fs;
use std::time::Duration;

use prometheus::{Counter, IntGauge, Registry};
use rustix::param;
use rustix::process::{Resource, getrlimit};

use super::{gauged, register};

#[derive(Debug)]
pub(super) struct Process {
    cpu: Counter,
    resident: IntGauge,
    virtual_: IntGauge,
    open_files: IntGauge,
    most_files: IntGauge,
}

/// What stands in `/proc/self/stat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stat {
    /// Ticks in user space and in the kernel.
    ticks: u64,
    /// Bytes.
    virtual_: u64,
    /// Pages.
    resident: u64,
}

impl Process {
    pub(super) fn new(registry: &Registry, started: Duration) -> Self {
        let gauge = |name: &str, help: &str| {
            register(registry, IntGauge::new(name, help).expect("the name is one"))
        };
        let cpu = Counter::new(
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
        );
        let start = gauge(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
        );
        start.set(gauged(started.as_secs()));
        Self {
            cpu: register(registry, cpu.expect("the name is one")),
            resident: gauge("process_resident_memory_bytes", "Resident memory size in bytes."),
            virtual_: gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."),
            open_files: gauge("process_open_fds", "Number of open file descriptors."),
            most_files: gauge("process_max_fds", "Maximum number of open file descriptors."),
        }
    }

    /// Asks Linux. What it does not tell stays as it was.
    pub(super) fn look(&self) {
        if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().and_then(|it| parse(&it)) {
            let page = u64::try_from(param::page_size()).unwrap_or(0);
            self.resident.set(gauged(stat.resident.saturating_mul(page)));
            self.virtual_.set(gauged(stat.virtual_));
            let ticks = Duration::from_secs(stat.ticks) / tick_rate();
            // Somebody else who looks at the same time may have counted it.
            self.cpu.inc_by((ticks.as_secs_f64() - self.cpu.get()).max(0.0));
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // One of them is the directory that is being read.
            self.open_files.set(gauged(files.count().saturating_sub(1)));
        }
        let most = getrlimit(Resource::Nofile).current;
        self.most_files.set(most.map_or(i64::MAX, gauged));
    }
}

fn tick_rate() -> u32 {
    u32::try_from(param::clock_ticks_per_second()).unwrap_or(0).max(1)
}

/// The fields after the program's name, which may have spaces and brackets in it.
fn parse(stat: &str) -> Option<Stat> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    // Counted from the state, which is the third field of all.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat { ticks: field(14)? + field(15)?, virtual_: field(23)?, resident: field(24)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_it_took_is_counted() {
        let registry = Registry::new();
        let process = Process::new(&registry, Duration::ZERO);
        process.look();
        process.look();
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(text.contains("\n# TYPE process_cpu_seconds_total counter\n"), "{text}");
        let stat = parse(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        let took = Duration::from_secs(stat.ticks) / tick_rate();
        assert!(process.cpu.get() <= took.as_secs_f64(), "it was counted twice");
    }

    #[test]
    fn the_name_of_a_program_cannot_confuse() {
        let numbers: Vec<String> = (4..=52).map(|number| number.to_string()).collect();
        let stat = format!("1 (a) b (c)) S {}\n", numbers.join(" "));
        assert_eq!(parse(&stat), Some(Stat { ticks: 29, virtual_: 23, resident: 24 }));
        for short in ["", "1 (a) S", "1 (a) S 1 2 x"] {
            assert_eq!(parse(short), None);
        }
    }
}
