//! By what peers are compared.

use crate::criteria::Criteria;

/// Of `ferry-bench peers`.
pub(crate) const CRITERIA: Criteria =
    Criteria { conditions: CONDITIONS, ratios: RATIOS, aims: &[] };

const CONDITIONS: &[&str] = &[
    "'still' does nothing; the others add to a byte of each page, one page after another, so many bytes of pages a second: ferry's guest by its \
     workload 'sequential', QEMU's by a boot sector of ours that rests between two ticks of its timer. All memory is full of random bytes.",
    "'default' is each machine as it comes, with 300 ms of downtime: one connection, the destination's memory populated as it arrives. QEMU's has \
     a limit of 128 MiB/s; 'uncapped' has none.",
    "'best' has 20 ms of downtime, memory populated before in huge pages where Linux gives them, and two connections for ferry, four for QEMU. \
     QEMU's post-copy has one. 'tls' is 'best' over TLS: of rustls and of GnuTLS.",
    "QEMU's vCPU is emulated (TCG) and ferry's is a thread that stores: what the guests get done is not compared, nor is the processor time of \
     guests at work. With KVM, QEMU's memory is tracked by other means.",
    "The blackout is from STOP at the source to RESUME at the destination, by the times of the events. The total is from 'setup' at the source to \
     'completed' at both sides. Bytes are what the source says it has transferred.",
    "After each move, every page of ferry's guest is verified; 1 in 64 samples of QEMU's guest that stood still, and a byte of each page of one \
     that walked.",
];

const RATIOS: &[(&str, &str)] = &[
    ("still, ferry default: speed", "still, qemu default: speed"),
    ("still, ferry default: speed", "still, qemu uncapped: speed"),
    ("still, ferry best: speed", "still, qemu best: speed"),
    ("still, ferry tls: speed", "still, qemu tls: speed"),
    ("still, ferry best: source", "still, qemu best: source"),
    ("still, ferry best: destination", "still, qemu best: destination"),
    ("still, ferry tls: source", "still, qemu tls: source"),
    ("still, ferry tls: destination", "still, qemu tls: destination"),
    ("100 MB/s in 96 MiB, ferry default: blackout", "100 MB/s in 96 MiB, qemu uncapped: blackout"),
    ("100 MB/s in 96 MiB, ferry best: blackout", "100 MB/s in 96 MiB, qemu best: blackout"),
    ("100 MB/s in 96 MiB, ferry best: total", "100 MB/s in 96 MiB, qemu best: total"),
    ("400 MB/s all over, ferry best: blackout", "400 MB/s all over, qemu best: blackout"),
    ("400 MB/s all over, ferry best: total", "400 MB/s all over, qemu best: total"),
    ("400 MB/s all over, ferry best: sent", "400 MB/s all over, qemu best: sent"),
    ("post-copy, ferry best: blackout", "post-copy, qemu best: blackout"),
    ("post-copy, ferry best: total", "post-copy, qemu best: total"),
];
