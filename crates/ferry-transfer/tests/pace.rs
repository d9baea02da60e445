//! The limit of bandwidth, kept by all channels together, by threads that wake up late.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use ferry_transfer::{
    Channel, Grant, Layout, Sent, Settings, Source, SourceInput, Step, VolumePages, Work,
};
use ferry_units::{Bytes, BytesPerSecond, Instant, PageCount, PageSize};
use proptest::prelude::*;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;
/// When the limit changes, and when it is over.
const CHANGE: u64 = 2200 * MILLISECOND;
const END: u64 = 4500 * MILLISECOND;

/// A thread that sends.
struct Thread {
    channel: Channel,
    wakes: u64,
    sends: Option<Grant>,
}

fn settings(rate: u64) -> Settings {
    Settings { bandwidth: Some(BytesPerSecond::new(rate)), ..Settings::default() }
}

/// Sends all of a large memory on so many channels, with one rate and then with another; returns what
/// was granted when. The link takes twice the rate.
fn run(rates: [u64; 2], channels: u8, lateness: &[u64], zeros: u64) -> Vec<(u64, u64)> {
    let pages = PageSize::KIB_4.pages_in(Bytes::new(rates[0].max(rates[1]) * 10));
    let layout = Layout::new(PageCount(pages.0 * zeros), &[], channels);
    let mut source = Source::new(layout.clone(), settings(rates[0]), Instant::from_nanos(0));
    let begun = SourceInput::Begun(VolumePages::all(&layout), Bytes::ZERO);
    source.on(begun, Instant::from_nanos(0)).unwrap();
    let thread = |channel| Thread { channel, wakes: 0, sends: None };
    let mut threads: Vec<_> = layout.channels().map(thread).collect();
    let mut lateness = lateness.iter().cycle();
    let mut crossed = Vec::new();
    let mut limit = rates[0];
    loop {
        let thread = threads.iter_mut().min_by_key(|thread| thread.wakes).unwrap();
        let now = thread.wakes;
        if now >= END {
            return crossed;
        }
        if now >= CHANGE && limit != rates[1] {
            limit = rates[1];
            source.set_settings(settings(limit), Instant::from_nanos(now));
        }
        let at = Instant::from_nanos(now);
        if let Some(grant) = thread.sends.take() {
            source.sent(thread.channel, &grant, &sent(&grant, zeros), at);
        }
        match source.work(thread.channel, at) {
            Work::Send(grant) => {
                let bytes = sent(&grant, zeros).bytes.get();
                crossed.push((now, bytes));
                let took = bytes * SECOND * u64::from(channels) / (limit * 2);
                thread.wakes = now + took.max(1000);
                thread.sends = Some(grant);
            }
            Work::Wait(Some(until)) => thread.wakes = until.nanos() + lateness.next().unwrap(),
            Work::Wait(None) | Work::Fence { .. } | Work::Probe { .. } | Work::End => {
                panic!("memory is too small")
            }
        }
        assert!(!matches!(source.poll(at), Step::Harvest));
    }
}

/// One page in `zeros` is none of zeros.
fn sent(grant: &Grant, zeros: u64) -> Sent {
    let all: u64 = grant.runs.iter().map(|run| run.count().0).sum();
    let pages = PageCount(all.div_ceil(zeros));
    let bytes = pages.bytes(PageSize::KIB_4) + Bytes::new(16);
    Sent { pages, zeros: PageCount(all - pages.0), bytes, ..Sent::default() }
}

fn within(crossed: &[(u64, u64)], from: u64, to: u64) -> u64 {
    crossed.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, bytes)| bytes).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_rate_is_kept_by_all_channels_together_and_a_change_holds_at_once(
        rates in [8_000_000..400_000_000_u64, 8_000_000..400_000_000_u64],
        channels in 1..9_u8,
        lateness in prop::collection::vec(0..12 * MILLISECOND, 1..20),
        zeros in 1..3_u64,
    ) {
        let crossed = run(rates, channels, &lateness, zeros);
        let settled = 100 * MILLISECOND;
        for (rate, from) in [(rates[0], settled), (rates[1], CHANGE + settled)] {
            let got = within(&crossed, from, from + 2 * SECOND);
            let expected = rate * 2;
            prop_assert!(got.abs_diff(expected) * 100 < expected * 3, "{got} of {expected}");
        }
        for window in 0..220 {
            let from = window * 20 * MILLISECOND;
            let to = from + 100 * MILLISECOND;
            let rate = if to <= CHANGE {
                rates[0]
            } else if from >= CHANGE {
                rates[1]
            } else {
                rates[0].max(rates[1])
            };
            let got = within(&crossed, from, to);
            prop_assert!(got * 10 < rate * 2, "{got} from {from} at {rate}");
        }
    }
}
