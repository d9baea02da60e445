//! How much room a guest asks for, and when there is enough.

use ferry_scheduler::{
    CpuAllocationRatio, GuestSize, MemoryOvercommit, MilliCpu, Resources, SchedulerError,
};
use ferry_units::Bytes;

use crate::{answer, cluster, demand, node, pod, resources};

#[test]
fn a_node_gives_away_what_it_has_to_the_last_byte_and_no_more() {
    let full = pod("other", "node-1", "uid-of-another");
    let spare = Resources { cpu: MilliCpu(15_000), memory: Bytes::from_gib(56) };
    let one = Resources { cpu: MilliCpu(1), memory: Bytes::new(1) };
    for (asked, expected) in [
        (spare, "node-1"),
        (
            Resources { memory: spare.memory + one.memory, ..spare },
            "0/1 nodes are available: 1 Insufficient memory",
        ),
        (
            Resources { cpu: (spare + one).cpu, ..spare },
            "0/1 nodes are available: 1 Insufficient cpu",
        ),
        (spare + one, "0/1 nodes are available: 1 Insufficient cpu and memory"),
        (
            Resources { cpu: MilliCpu(u64::MAX), memory: Bytes::new(u64::MAX) },
            "0/1 nodes are available: 1 Insufficient cpu and memory",
        ),
    ] {
        let mut demand = demand();
        demand.requests = asked;
        assert_eq!(answer(&demand, &cluster([node("node-1", [])], [full.clone()])), expected);
    }
}

#[test]
fn what_is_not_asked_for_cannot_run_short() {
    let mut hog = pod("hog", "node-1", "uid-of-another");
    hog.requests = resources(20_000, 100);
    let cluster = cluster([node("node-1", [])], [hog]);
    let mut demand = demand();
    demand.requests = Resources::default();
    assert_eq!(answer(&demand, &cluster), "node-1");
    assert_eq!(cluster.free_on("node-1"), Some(Resources::default()));
}

#[test]
fn parity_vcpus_share_cores_and_a_share_is_rounded_up_to_a_thousandth() {
    for (vcpus, per_core, request) in [
        (1, 10, "100m"),
        (4, 10, "400m"),
        (10, 10, "1"),
        (25, 10, "2500m"),
        (2, 1, "2"),
        (1, 3, "334m"),
        (3, 7, "429m"),
        (1, 1001, "1m"),
        (0, 10, "0"),
        (8, 0, "0"),
        (u32::MAX, 1, "4294967295"),
    ] {
        let ratio = CpuAllocationRatio::from_vcpus_per_core(per_core);
        assert_eq!(ratio.request(vcpus).to_string(), request, "{vcpus} vCPUs, {per_core} per core");
    }
    assert_eq!(CpuAllocationRatio::default(), CpuAllocationRatio::from_vcpus_per_core(10));
}

#[test]
fn parity_overcommit_divides_memory_rounded_down_and_leaves_the_overhead_whole() {
    for (percent, memory, request) in
        [(100, 1000, 1000), (150, 1000, 666), (200, 1001, 500), (50, 1000, 2000), (1, 3, 300)]
    {
        let overcommit = MemoryOvercommit::new(percent).unwrap();
        assert_eq!(overcommit.request(Bytes::new(memory)), Bytes::new(request), "{percent} %");
    }
    assert_eq!(MemoryOvercommit::default().percent(), 100);
    assert_eq!(
        MemoryOvercommit::new(1).unwrap().request(Bytes::new(u64::MAX)),
        Bytes::new(u64::MAX)
    );

    let size = GuestSize { vcpus: 4, memory: Bytes::from_gib(6), overhead: Bytes::from_mib(300) };
    let double = MemoryOvercommit::new(200).unwrap();
    assert_eq!(
        Resources::for_guest(size, CpuAllocationRatio::default(), double),
        Resources { cpu: MilliCpu(400), memory: Bytes::from_gib(3) + Bytes::from_mib(300) }
    );
}

#[test]
fn an_overcommit_of_zero_is_refused() {
    let error = MemoryOvercommit::new(0).unwrap_err();
    assert_eq!(error, SchedulerError::ZeroOvercommit);
    assert_eq!(
        error.to_string(),
        "a memory overcommit of 0 %: use 100 for guests to ask for all of their memory"
    );
}
