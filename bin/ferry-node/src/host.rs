//! What there is to know of the machine that this program runs on.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::{env, thread};

use anyhow::{Context, bail};
use ferry_units::Bytes;
use k8s_openapi::api::core::v1::NodeSystemInfo;

/// The program that is a guest.
const GUEST: &str = "ferry-guest";

/// The machine's memory.
pub(crate) fn memory() -> anyhow::Result<Bytes> {
    const PATH: &str = "/proc/meminfo";
    let text = fs::read_to_string(PATH).with_context(|| format!("cannot read {PATH}"))?;
    let kib = text.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    let kib = kib.with_context(|| format!("{PATH} names no MemTotal; give --memory"))?;
    Ok(Bytes::new(kib.saturating_mul(1024)))
}

/// How many CPUs this program may use.
pub(crate) fn cpus() -> u32 {
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    u32::try_from(cpus).unwrap_or(u32::MAX)
}

/// The machine and its programs, as `kubectl get nodes -o wide` shows them.
pub(crate) fn system() -> NodeSystemInfo {
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    NodeSystemInfo {
        architecture: architecture().to_owned(),
        boot_id: line("/proc/sys/kernel/random/boot_id"),
        container_runtime_version: format!("ferry://{}", env!("CARGO_PKG_VERSION")),
        kernel_version: line("/proc/sys/kernel/osrelease"),
        kube_proxy_version: String::new(),
        kubelet_version: version.to_owned(),
        machine_id: line("/etc/machine-id"),
        operating_system: env::consts::OS.to_owned(),
        os_image: os_image(),
        system_uuid: line("/etc/machine-id"),
        ..NodeSystemInfo::default()
    }
}

/// The architecture by the name that Kubernetes has for it.
fn architecture() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// What is in a file of one line; nothing where there is none.
fn line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn os_image() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches('"').to_owned()
}

/// The program that is a guest: the one that was asked for, or the one beside this program, or the
/// first in the search path.
pub(crate) fn guest_program(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(asked) = asked {
        if !asked.is_file() {
            bail!("--guest-program {}: there is no such file", asked.display());
        }
        return Ok(asked.to_owned());
    }
    let own = env::current_exe().context("cannot tell where this program is")?;
    let beside = own.parent().map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = beside.into_iter().chain(env::split_paths(&path)).collect();
    match places.iter().map(|place| place.join(GUEST)).find(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => bail!(
            "there is no {GUEST} beside {} and none in $PATH; say where it is with --guest-program",
            own.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_memory_cpus_and_a_kernel() {
        assert!(memory().unwrap() > Bytes::from_mib(1));
        assert!(cpus() >= 1);
        let system = system();
        assert!(!system.kernel_version.is_empty());
        assert_eq!(system.operating_system, "linux");
    }

    #[test]
    fn a_guest_program_that_is_not_there_is_named() {
        let error = guest_program(Some(Path::new("/nowhere/ferry-guest"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--guest-program /nowhere/ferry-guest: there is no such file"
        );
    }
}
