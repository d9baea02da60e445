//! On what machine it was measured.

use std::fs;
use std::thread;

use anyhow::{Context, Result};

/// What of a machine the figures depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) processor: String,
    pub(crate) cpus: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) congestion: String,
    pub(crate) build: &'static str,
}

impl Shape {
    pub(crate) fn of_this_machine() -> Result<Self> {
        let read = |path: &str| {
            let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
            Ok::<_, anyhow::Error>(text.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo")?, "MemTotal").context("no MemTotal")?;
        let memory = memory.split_whitespace().next().unwrap_or_default();
        Ok(Self {
            // Not every architecture has a name here.
            processor: field(&read("/proc/cpuinfo")?, "model name").unwrap_or_default(),
            cpus: thread::available_parallelism()?.get(),
            memory_mib: memory.parse::<u64>().context("MemTotal is a number")? >> 10,
            kernel: read("/proc/sys/kernel/osrelease")?,
            congestion: read("/proc/sys/net/ipv4/tcp_congestion_control")?,
            build: if cfg!(debug_assertions) { "debug: figures mean nothing" } else { "release" },
        })
    }

    pub(crate) fn lines(&self) -> [(&'static str, String); 6] {
        [
            ("processor", self.processor.clone()),
            ("cpus", self.cpus.to_string()),
            ("memory", format!("{} MiB", self.memory_mib)),
            ("kernel", self.kernel.clone()),
            ("congestion control by default", self.congestion.clone()),
            ("build", self.build.to_owned()),
        ]
    }
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_shape() {
        let shape = Shape::of_this_machine().unwrap();
        assert!(shape.cpus > 0 && shape.memory_mib > 0 && !shape.kernel.is_empty(), "{shape:?}");
    }
}
