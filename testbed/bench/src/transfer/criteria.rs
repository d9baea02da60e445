//! By what migrations are judged: conditions, ratios, aims.

use crate::aims::{aims, percent, ratio};
use crate::criteria::Criteria;
use crate::results::Results;

/// Of `ferry-bench transfer`.
pub(crate) const CRITERIA: Criteria = Criteria {
    conditions: CONDITIONS,
    ratios: RATIOS,
    aims: aims! {
        "bulk, 2 channels, destination populated, of the 2-stream yardstick":
            AtLeast(80.0) Percent = |all| percent(all, "bulk 2", "yardstick tcp 2");
        "the same, of QEMU at its best":
            AtLeast(2.0) Times = |all| of_best_qemu(all, "bulk 2");
        "the same, of QEMU by default":
            AtLeast(5.0) Times = |all| ratio(all, "bulk 2", "qemu default");
        "bulk, 2 channels, population inside the clock, of the 2-stream yardstick":
            AtLeast(50.0) Percent = |all| percent(all, "bulk 2 populating", "yardstick tcp 2");
        "bulk with TLS, 2 channels, of the TLS yardstick":
            AtLeast(80.0) Percent = |all| percent(all, "bulk 2 tls", "yardstick tls 2");
        "an untouched guest of 4 GiB":
            AtMost(100.0) Milliseconds = |all| all.median("untouched 4 GiB");
        "a guest of zeros":
            AtMost(100.0) Milliseconds = |all| all.median("zeros");
        "blackout, 100 MB hot set, limit 20 ms":
            AtMost(3.0) Milliseconds = |all| all.median("blackout hot 20 ms");
        "throttle for a guest that dirties 500 MB/s all over":
            AtMost(0.0) Percent = |all| all.median("throttle 500 MB/s");
        "post-copy blackout, fully dirty":
            AtMost(10.0) Milliseconds = |all| all.median("post-copy blackout");
        "post-copy fault under full push, half of them":
            AtMost(150.0) Microseconds = |all| all.median("post-copy fault p50");
        "post-copy fault under full push, 99 of 100":
            AtMost(2000.0) Microseconds = |all| all.median("post-copy fault p99");
        "what dirty tracking costs the guest's write rate":
            AtMost(10.0) Percent = |all| all.median("slowdown by tracking");
        "resident memory of a guest process beyond its guest's":
            AtMost(8.0) Mebibytes = |all| all.median("overhead");
    },
};

/// QEMU in its best configuration, whichever of these is faster here.
const QEMU_BEST: [&str; 2] = ["qemu multifd 2", "qemu multifd 4"];

const CONDITIONS: &[&str] = &[
    "GB/s are 10^9 bytes of guest memory a second, from the state 'setup' to 'completed' at both sides, by the events' times.",
    "The destination's memory is populated before the clock starts, in huge pages where Linux gives them, except where the \
     case says 'populating' and in QEMU's default configurations.",
    "Host memory is warm: before a destination that populates inside the clock starts, as much huge memory was taken, touched \
     and given back. 'yardstick population' is what Linux then takes to hand it out again.",
    "'yardstick tcp' writes one buffer of 1 MiB again and again, which stays in cache; 'memory to memory' writes and reads \
     buffers as large as the guest's memory. Sockets are tuned as ferry's are. QEMU's are not: they have the congestion \
     control of the system.",
    "Guests are full of what does not compress, ferry's by its generator and QEMU's from outside. After bulk and post-copy \
     every page of ferry's guest is verified, and after a migration of QEMU's stopped guest samples of 1 in 64 are.",
    "'qemu idle' is firmware that found nothing to start: QEMU's least blackout. A guest that stands still has none, so \
     what QEMU says itself is told there.",
    "'by events' is from STOP at the source to RESUME at the destination, which is all that QEMU tells. Other blackouts of \
     ferry are from the last instruction of a vCPU to the first.",
];

const RATIOS: &[(&str, &str)] = &[
    ("yardstick tcp 2, memory to memory", "yardstick tcp 2"),
    ("bulk 1", "yardstick tcp 1"),
    ("bulk 2", "yardstick tcp 2"),
    ("bulk 4", "yardstick tcp 2"),
    ("bulk 2", "yardstick tcp 2, memory to memory"),
    ("bulk 2 populating", "yardstick tcp 2"),
    ("bulk 2 populating", "yardstick population"),
    ("bulk 1 tls", "yardstick tls 1"),
    ("bulk 2 tls", "yardstick tls 2"),
    ("bulk 2", "qemu multifd 2"),
    ("bulk 2", "qemu multifd 4"),
    ("bulk 2 populating", "qemu default, uncapped"),
    ("bulk 2", "qemu default, uncapped"),
    ("bulk 2", "qemu default"),
    ("bulk 2, source", "qemu multifd 2, source"),
    ("bulk 2, destination", "qemu multifd 2, destination"),
    ("blackout idle 300 ms, by events", "qemu idle 300 ms, blackout by events"),
    ("blackout idle 20 ms, by events", "qemu idle 20 ms, blackout by events"),
    ("write rate, followed", "write rate, not followed"),
    ("post-copy first second, after", "post-copy first second, before"),
];

/// Of QEMU where it is fastest.
fn of_best_qemu(results: &Results, figure: &str) -> Option<f64> {
    let best = QEMU_BEST.iter().filter_map(|each| results.median(each)).reduce(f64::max)?;
    Some(results.median(figure)? / best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aims::Outcome;
    use crate::results::{Measured, Unit};

    #[test]
    fn qemu_is_taken_at_its_best() {
        let of_qemu = CRITERIA.aims[1];
        let mut results = Results::default();
        results.add(Measured::new("bulk 2", Unit::GigabytesPerSecond, 8.5));
        for (figure, value, outcome) in
            [("qemu multifd 4", 4.0, Outcome::Reached), ("qemu multifd 2", 5.0, Outcome::Missed)]
        {
            results.add(Measured::new(figure, Unit::GigabytesPerSecond, value));
            assert_eq!(of_qemu.outcome(&results), outcome, "{figure}");
        }
    }
}
