//! What a guest's pod asks of its node.

use std::collections::BTreeMap;

use ferry_api::kubevirt::{Cpu, VirtualMachineInstance};
use ferry_api::{Quantity, QuantityText};
use ferry_scheduler::{GuestSize, MilliCpu, Resources};
use ferry_units::Bytes;
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use crate::cluster::Cluster;

/// The programs around a guest: monitor, launcher, virtlogd, virtqemud and QEMU itself, in MiB.
// PARITY: pkg/virt-controller/services/renderresources.go#GetMemoryOverhead
const PROGRAMS_MIB: u64 = 25 + 100 + 25 + 40 + 30;

/// For each vCPU, in MiB.
const VCPU_MIB: u64 = 8;

/// For the thread that does the disks' work, in MiB.
const IO_THREAD_MIB: u64 = 8;

/// For the screen, in MiB.
const VIDEO_MIB: u64 = 32;

/// One byte of page tables for so many of the guest's memory.
const PAGE_TABLE_SHARE: u64 = 512;

/// What the device of the node's hypervisor is called.
const KVM: &str = "devices.kubevirt.io/kvm";

/// What the guest's container requests and is limited to.
pub(super) fn of(instance: &VirtualMachineInstance, cluster: &Cluster) -> ResourceRequirements {
    let domain = &instance.spec.domain;
    let vcpus = vcpus(domain.cpu.as_ref());
    let memory = domain.guest_memory().and_then(|(_, text)| bytes(&text)).unwrap_or_default();
    let overhead = overhead(memory, vcpus);
    let size = GuestSize { vcpus, memory, overhead };
    let asked = Resources::for_guest(size, cluster.overcommit.cpu, cluster.overcommit.memory);

    let written = domain.resources.as_ref();
    let requests = written.and_then(|it| it.requests.as_ref());
    let limits = written.and_then(|it| it.limits.as_ref());
    let amount = |list: Option<&BTreeMap<String, QuantityText>>, resource: &str| {
        list.and_then(|list| list.get(resource)?.parse().ok())
    };
    let is_dedicated =
        domain.cpu.as_ref().and_then(|cpu| cpu.dedicated_cpu_placement) == Some(true);
    let cpu = match amount(requests, "cpu") {
        Some(cpu) => cpu.to_string(),
        None if is_dedicated => vcpus.to_string(),
        None => milli(asked.cpu),
    };
    let requested =
        amount(requests, "memory").and_then(|it: Quantity| it.to_bytes_rounded_up().ok());
    let memory = requested.map_or(asked.memory, |requested| requested + overhead);

    let mut request = BTreeMap::from([
        ("cpu".to_owned(), ApiQuantity(cpu)),
        ("memory".to_owned(), ApiQuantity(Quantity::from_bytes(memory).to_string())),
    ]);
    let mut limit = BTreeMap::new();
    if let Some(cpu) = amount(limits, "cpu") {
        limit.insert("cpu".to_owned(), ApiQuantity(cpu.to_string()));
    }
    if let Some(most) = amount(limits, "memory").and_then(|it| it.to_bytes_rounded_up().ok()) {
        let most = Quantity::from_bytes(most + overhead).to_string();
        limit.insert("memory".to_owned(), ApiQuantity(most));
    }
    let is_emulated =
        cluster.developer.other.get("useEmulation").and_then(serde_json::Value::as_bool);
    if is_emulated != Some(true) {
        for list in [&mut request, &mut limit] {
            list.insert(KVM.to_owned(), ApiQuantity("1".to_owned()));
        }
    }
    ResourceRequirements { requests: Some(request), limits: Some(limit), ..Default::default() }
}

/// Sockets × cores × threads, each one where it is not said.
// PARITY: pkg/virt-launcher/virtwrap/converter/vcpu/vcpu.go#CalculateRequestedVCPUs
pub(crate) fn vcpus(cpu: Option<&Cpu>) -> u32 {
    let count = |number: Option<u32>| number.filter(|number| *number > 0).unwrap_or(1);
    cpu.map_or(1, |cpu| {
        count(cpu.cores).saturating_mul(count(cpu.sockets)).saturating_mul(count(cpu.threads))
    })
}

fn overhead(memory: Bytes, vcpus: u32) -> Bytes {
    let fixed = PROGRAMS_MIB + IO_THREAD_MIB + VIDEO_MIB;
    Bytes::from_mib(fixed + VCPU_MIB * u64::from(vcpus))
        + Bytes::new(memory.get() / PAGE_TABLE_SHARE)
}

fn bytes(text: &QuantityText) -> Option<Bytes> {
    text.parse().ok()?.to_bytes_rounded_up().ok()
}

fn milli(cpu: MilliCpu) -> String {
    cpu.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_the_overhead_of_a_guest_is_counted_as_upstream_counts_it() {
        // 220 MiB of programs, 8 for the thread of the disks, 32 for the screen, 8 for each vCPU, and
        // a 512th of the guest's memory.
        assert_eq!(overhead(Bytes::from_gib(1), 1), Bytes::from_mib(270));
        assert_eq!(overhead(Bytes::from_gib(4), 4), Bytes::from_mib(300));
    }

    #[test]
    fn vcpus_multiply_and_nothing_said_is_one() {
        for (cores, sockets, threads, expected) in
            [(None, None, None, 1), (Some(2), Some(3), None, 6), (Some(0), Some(2), Some(2), 4)]
        {
            let cpu = Cpu { cores, sockets, threads, ..Cpu::default() };
            assert_eq!(vcpus(Some(&cpu)), expected);
        }
        assert_eq!(vcpus(None), 1);
    }
}
