//! The queue at an end of a cable: how fast it is emptied, how long it may become, and how much later
//! what leaves it arrives.

use std::time::Duration;

use ferry_units::BytesPerSecond;
use serde_json::Value;

/// What may leave at once is what the link carries in a millisecond: a thousand wake-ups a second are
/// cheap, and nobody measures a link in shorter spans.
const BURSTS_PER_SECOND: u64 = 1000;

/// But a frame must fit, of 1514 bytes, or nothing ever leaves.
const LEAST_BURST: u64 = 8 << 10;

/// What waits is what the link carries in 20 ms: a round trip through a city, and as much as switches
/// have for each port. More only makes everything late, less makes TCP stumble.
const QUEUES_PER_SECOND: u64 = 50;

/// But 43 frames, so that a slow link is not one that loses every burst.
const LEAST_QUEUE: u64 = 64 << 10;

/// And what a number of 32 bits says, for links that no machine has.
const MOST: u64 = 1 << 30;

/// Frames on their way in a link with a latency: 10 Gbit/s for 100 ms are 83,000.
const FRAMES_ON_THEIR_WAY: u32 = 100_000;

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// There is no room in it: everything is lost.
    Shut,
    /// It is emptied at a rate, or at once, and what leaves it arrives so much later.
    Open { rate: Option<BytesPerSecond>, delay: Duration },
}

impl Queue {
    /// At this rate, and never late: where a node sends. What it sends is late where it arrives.
    pub(super) fn without_delay(self) -> Self {
        match self {
            Self::Shut => Self::Shut,
            Self::Open { rate, .. } => Self::Open { rate, delay: Duration::ZERO },
        }
    }

    /// The same at another rate. One that is shut stays shut.
    pub(super) fn at(self, rate: Option<BytesPerSecond>) -> Self {
        match self {
            Self::Shut => Self::Shut,
            Self::Open { delay, .. } => Self::Open { rate, delay },
        }
    }

    /// The same with another delay. One that is shut stays shut.
    pub(super) fn late_by(self, delay: Duration) -> Self {
        match self {
            Self::Shut => Self::Shut,
            Self::Open { rate, .. } => Self::Open { rate, delay },
        }
    }

    /// Whether an interface has it without being told.
    pub(super) fn is_default(self) -> bool {
        self == Self::Open { rate: None, delay: Duration::ZERO }
    }

    /// What `tc` has to be told for an interface to have it, whichever it had before.
    pub(super) fn lines(self, device: &str) -> Vec<String> {
        let place = |place: &str, what: &str| format!("qdisc replace dev {device} {place} {what}");
        match self {
            // A frame that is longer than a queue may be is lost.
            Self::Shut => vec![place("root", "bfifo limit 1b")],
            Self::Open { rate, delay: Duration::ZERO } => {
                vec![place("root", &rate.map_or_else(|| "noqueue".to_owned(), bucket))]
            }
            Self::Open { rate, delay } => {
                let late =
                    format!("netem delay {}us limit {FRAMES_ON_THEIR_WAY}", delay.as_micros());
                let mut lines = vec![place("root handle 1:", &late)];
                lines.extend(rate.map(|rate| place("parent 1:1 handle 2:", &bucket(rate))));
                lines
            }
        }
    }

    /// The queue of an interface, in what `tc` says of all of them.
    pub(super) fn read(all: &Value, device: &str) -> Self {
        let of_device = || all.as_array().into_iter().flatten().filter(|it| it["dev"] == device);
        let is_shut = |it: &Value| it["kind"] == "bfifo" && it["options"]["limit"] == 1;
        if of_device().any(is_shut) {
            return Self::Shut;
        }
        let rate = of_device()
            .find(|it| it["kind"] == "tbf")
            .and_then(|it| it["options"]["rate"].as_u64().map(BytesPerSecond::new));
        let late = of_device().find(|it| it["kind"] == "netem");
        let seconds = late.and_then(|it| it["options"]["delay"]["delay"].as_f64()).unwrap_or(0.0);
        // It is printed to the nanosecond, and was set to the microsecond.
        let delay = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_nanos() + 500;
        let micros = u64::try_from(delay / 1000).unwrap_or(0);
        Self::Open { rate, delay: Duration::from_micros(micros) }
    }
}

/// A token bucket, as `tc` takes it. Its `bps` are bytes.
fn bucket(rate: BytesPerSecond) -> String {
    let rate = rate.get();
    let burst = (rate / BURSTS_PER_SECOND).clamp(LEAST_BURST, MOST);
    let queue = (rate / QUEUES_PER_SECOND).clamp(LEAST_QUEUE, MOST);
    format!("tbf rate {rate}bps burst {burst}b limit {queue}b")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const fn open(rate: Option<u64>, micros: u64) -> Queue {
        let rate = match rate {
            Some(rate) => Some(BytesPerSecond::new(rate)),
            None => None,
        };
        Queue::Open { rate, delay: Duration::from_micros(micros) }
    }

    #[test]
    fn what_tc_is_told_is_what_it_says() {
        let tbf = |rate: u64| json!({ "rate": rate, "burst": 25000, "lat": 19000 });
        for (queue, told, said) in [
            (
                Queue::Shut,
                &["qdisc replace dev d root bfifo limit 1b"][..],
                json!([{ "kind": "bfifo", "dev": "d", "root": true, "options": { "limit": 1 } }]),
            ),
            (
                open(None, 0),
                &["qdisc replace dev d root noqueue"],
                json!([{ "kind": "noqueue", "dev": "d", "root": true, "options": {} }]),
            ),
            (
                open(Some(25_000_000), 0),
                &["qdisc replace dev d root tbf rate 25000000bps burst 25000b limit 500000b"],
                json!([{ "kind": "tbf", "dev": "d", "root": true, "options": tbf(25_000_000) }]),
            ),
            (
                open(Some(32 << 10), 2000),
                &[
                    "qdisc replace dev d root handle 1: netem delay 2000us limit 100000",
                    "qdisc replace dev d parent 1:1 handle 2: tbf rate 32768bps burst 8192b limit 65536b",
                ],
                json!([
                    {
                        "kind": "netem", "handle": "1:", "dev": "d", "root": true,
                        "options": { "limit": 100_000, "delay": { "delay": 0.001_999_999 } },
                    },
                    { "kind": "tbf", "handle": "2:", "dev": "d", "parent": "1:1", "options": tbf(32 << 10) },
                ]),
            ),
        ] {
            assert_eq!(queue.lines("d"), told);
            let mut all = said.as_array().unwrap().clone();
            all.push(json!({ "kind": "tbf", "dev": "other", "options": { "rate": 7 } }));
            assert_eq!(Queue::read(&json!(all), "d"), queue);
        }
        assert_eq!(Queue::read(&json!([]), "d"), open(None, 0));
    }

    #[test]
    fn what_is_shut_stays_shut_and_only_what_arrives_is_late() {
        let rate = Some(BytesPerSecond::new(9));
        assert_eq!(Queue::Shut.at(rate).late_by(Duration::from_secs(1)), Queue::Shut);
        assert_eq!(open(None, 7).at(rate), open(Some(9), 7));
        assert_eq!(open(Some(9), 7).late_by(Duration::ZERO), open(Some(9), 0));
        assert_eq!(open(Some(9), 7).without_delay(), open(Some(9), 0));
        assert!(open(None, 0).is_default() && !open(Some(9), 0).is_default());
    }
}
