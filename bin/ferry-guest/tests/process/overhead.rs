//! What a guest costs beside its memory.

use crate::common::Guest;

/// What an idle guest may take of its own, beside its memory, in KiB.
const OWN: u64 = 6 << 10;

/// What it may take with the program and its libraries, which guests share. Without optimization
/// the program itself is larger than that.
const WHOLE: u64 = if cfg!(debug_assertions) { 16 << 10 } else { 8 << 10 };

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
    let memory = kib("RssShmem:");
    assert!(memory >= 1 << 20, "{memory} KiB of guest memory: it is not populated");
    let (own, whole) = (kib("RssAnon:"), kib("VmRSS:") - memory);
    assert!(own <= OWN && whole <= WHOLE, "{own} KiB of its own, {whole} KiB with the program");
}
