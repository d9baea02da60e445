//! What is printed is read back, and what is no workload is refused with the place.

use super::*;
use proptest::prelude::*;

fn any_plain() -> impl Strategy<Value = Workload> {
    let pattern = prop_oneof![
        Just(WorkloadPattern::Idle(Empty::default())),
        Just(WorkloadPattern::Sequential(Empty::default())),
        Just(WorkloadPattern::Random(Empty::default())),
        (any::<u8>(), any::<u8>()).prop_map(|(hot_writes, hot_pages)| {
            WorkloadPattern::Hotspot(HotspotOptions { hot_writes, hot_pages })
        }),
        (-1e300..1e300_f64).prop_map(|exponent| WorkloadPattern::Zipf(ZipfOptions { exponent })),
        any::<u64>().prop_map(|rate| WorkloadPattern::Disk(DiskOptions {
            disk_rate: BytesPerSecond::new(rate),
        })),
    ];
    let size = || prop_oneof![any::<u64>(), (0..1_000_u64).prop_map(|mib| mib << 20)];
    let contents = prop_oneof![
        Just(WorkloadContents::Random),
        Just(WorkloadContents::Text),
        Just(WorkloadContents::Zero),
        Just(WorkloadContents::Mixed),
    ];
    let said = (
        prop::option::of(size().prop_map(BytesPerSecond::new)),
        prop::option::of(size().prop_map(Bytes::new)),
        prop::option::of(any::<u8>()),
        prop::option::of(contents),
    );
    (pattern, said).prop_map(|(pattern, (rate, working_set, read_share, contents))| Workload {
        pattern,
        rate,
        working_set,
        read_share,
        contents,
    })
}

fn any_workload() -> impl Strategy<Value = Workload> {
    let phase = (any::<u64>(), any_plain()).prop_map(|(millis, workload)| Phase {
        duration: Milliseconds(millis),
        workload: Box::new(workload),
    });
    let phases = (prop::collection::vec(phase, 1..4), any_plain()).prop_map(|(phases, plain)| {
        Workload { pattern: WorkloadPattern::Phased(PhasedOptions { phases }), ..plain }
    });
    prop_oneof![any_plain(), phases]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(workload in any_workload()) {
        let text = WorkloadText(&workload).to_string();
        prop_assert_eq!(parse(&text).map_err(|error| error.to_string()), Ok(workload), "{}", text);
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused(text in ".{0,40}", signs in "[a-z,=:()/+0-9]{0,40}") {
        let _ = (parse(&text), parse(&signs));
    }
}

#[test]
fn people_may_write_what_they_mean() {
    for (text, printed) in [
        ("random,rate=max", "random"),
        ("random,contents=mixed,rate=2048Ki", "random,rate=2Mi,contents=mixed"),
        (
            "phased:(random,rate=1Gi)/500ms+(idle)/2s",
            "phased:(random,rate=1Gi)/500ms+(idle)/2000ms",
        ),
        ("disk,disk-rate=10Mi", "disk,disk-rate=10Mi"),
        ("zipf,exponent=1.10", "zipf,exponent=1.1"),
        ("phased:(idle)/1m", "phased:(idle)/60000ms"),
    ] {
        assert_eq!(WorkloadText(&parse(text).unwrap()).to_string(), printed);
    }
}

#[test]
fn what_is_no_workload_is_refused_at_its_place() {
    for (text, error) in [
        (
            "",
            "\"\" in a workload, where idle, sequential, random, hotspot, zipf, disk or \
             phased:(...)/time is expected",
        ),
        (
            "busy,rate=1",
            "\"busy\" in a workload, where idle, sequential, random, hotspot, zipf, disk or \
             phased:(...)/time is expected",
        ),
        ("random,rate", "\"\" in a workload, where a key and = is expected"),
        ("random)", "\")\" in a workload, where a comma or the end is expected"),
        (
            "random,rate=fast",
            "rate=fast in a workload: rate takes bytes per second such as 100Mi, or max",
        ),
        ("random,rate=", "rate= in a workload: rate takes bytes per second such as 100Mi, or max"),
        (
            "random,working-set=99999999999Ti",
            "working-set=99999999999Ti in a workload: working-set takes a size such as 100Mi",
        ),
        (
            "random,read-share=300",
            "read-share=300 in a workload: read-share takes a percentage such as 20",
        ),
        ("random,rate=1,rate=2", "rate is said twice in a workload"),
        ("hotspot,hot-writes=90", "a workload that is hotspot needs hot-pages"),
        (
            "random,exponent=1",
            "exponent in a workload that is random: keys are rate, working-set, read-share and \
             contents; hot-writes and hot-pages of hotspot, exponent of zipf, disk-rate of disk",
        ),
        ("phased", "\"\" in a workload, where :(workload)/time is expected"),
        ("phased:(idle)/2", "\"2\" in a workload, where a time such as 500ms or 2s is expected"),
        ("phased:(idle", "\"\" in a workload, where )/time is expected"),
        (
            "phased:(phased:(phased:(idle)/1s)/1s)/1s",
            "phases are nested too deep in a workload: a phase has no phases",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), error, "{text}");
    }
}
