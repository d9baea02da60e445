//! What a guest costs beside its memory.

use crate::common::Guest;

/// What an idle guest may take beside its memory.
const LIMIT_KIB: u64 = 8 << 10;

#[test]
fn an_idle_guest_takes_little_beside_its_memory() {
    let guest = Guest::start(&["--memory", "1Gi", "--cpus", "4", "--prealloc"]);
    let mut wire = guest.client();
    wire.execute("query-qmp-schema");
    let status = std::fs::read_to_string(format!("/proc/{}/status", guest.pid())).unwrap();
    let kib = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let (whole, guests) = (kib("VmRSS:"), kib("RssShmem:"));
    assert!(guests >= 1 << 20, "{guests} KiB of guest memory: it is not populated");
    assert!(whole - guests <= LIMIT_KIB, "{} KiB beside guest memory", whole - guests);
}
