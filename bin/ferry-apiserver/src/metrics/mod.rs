//! What the server tells of itself at `/metrics`, in the text that Prometheus reads.
//!
//! Names, labels and buckets that kube-apiserver has too mean the same, so dashboards made for it
//! work. Every label is a text of this program, never of a client: nobody can make the server keep
//! a series of its own.

mod process;
mod requests;

use std::sync::OnceLock;
use std::time::Duration;

use ferry_api::Kind;
use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use process::Process;
use requests::Requests;

pub use requests::{Endpoint, LongRunning};

/// A group commit takes 0.2 ms on a good disk and a second on one that stalls.
const FLUSH_BUCKETS: [f64; 12] =
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0];

/// What is asked of the rest of the server when somebody looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// How many objects of each kind there are.
    pub objects: Vec<(Kind, usize)>,
    /// The newest revision.
    pub revision: u64,
    /// Bytes of the journal on the disk.
    pub journal_bytes: u64,
    /// Records in the journal from which watches can go on after a restart.
    pub journal_records: u64,
}

/// All that is counted.
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    objects: IntGaugeVec,
    revision: IntGauge,
    journal_bytes: IntGauge,
    journal_records: IntGauge,
    flush: Histogram,
    process: Process,
    readings: OnceLock<Box<dyn Fn() -> Readings + Send + Sync>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Nothing is counted yet. `started` is when the process did, since 1970.
    pub fn new(started: Duration) -> Self {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("the name is one");
            register(&registry, gauge)
        };
        let objects = Opts::new("apiserver_storage_objects", "Number of stored objects by kind.");
        let objects = IntGaugeVec::new(objects, &["resource"]).expect("the name is one");
        let flush = HistogramOpts::new(
            "ferry_journal_flush_seconds",
            "Time until a group of writes was durable.",
        );
        let flush = Histogram::with_opts(flush.buckets(FLUSH_BUCKETS.to_vec()));
        let build = Opts::new("ferry_build_info", "The version of the server; always 1.");
        let build = IntGaugeVec::new(build, &["version"]).expect("the name is one");
        register(&registry, build).with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Self {
            requests: Requests::new(&registry),
            objects: register(&registry, objects),
            revision: gauge("ferry_revision", "The newest resourceVersion."),
            journal_bytes: gauge("ferry_journal_bytes", "Bytes of the journal on the disk."),
            journal_records: gauge("ferry_journal_records", "Writes that the journal can repeat."),
            flush: register(&registry, flush.expect("the name is one")),
            process: Process::new(&registry, started),
            readings: OnceLock::new(),
            registry,
        }
    }

    /// Asks `readings` whenever somebody looks. The first one given is kept.
    pub fn read_from(&self, readings: impl Fn() -> Readings + Send + Sync + 'static) {
        // Whoever comes second would read the same.
        let _first = self.readings.set(Box::new(readings));
    }

    /// A request was answered with `code` after `took`.
    pub fn answered(&self, endpoint: &Endpoint, code: u16, took: Duration) {
        self.requests.answered(endpoint, code, took);
    }

    /// A watch begins; it is counted until what comes back is dropped.
    pub fn long_running(&self, endpoint: &Endpoint) -> LongRunning {
        self.requests.long_running(endpoint)
    }

    /// A group of writes was durable after `took`.
    pub fn flushed(&self, took: Duration) {
        self.flush.observe(took.as_secs_f64());
    }

    /// Everything, as text.
    pub fn render(&self) -> String {
        if let Some(readings) = self.readings.get() {
            self.show(&readings());
        }
        self.process.look();
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.expect("a text has room for it");
        String::from_utf8(text).expect("the encoder writes text")
    }

    fn show(&self, readings: &Readings) {
        for (kind, count) in &readings.objects {
            let definition = kind.definition();
            let resource = match definition.group {
                "" => definition.plural.to_owned(),
                group => format!("{}.{group}", definition.plural),
            };
            self.objects.with_label_values(&[&resource]).set(gauged(*count));
        }
        self.revision.set(gauged(readings.revision));
        self.journal_bytes.set(gauged(readings.journal_bytes));
        self.journal_records.set(gauged(readings.journal_records));
    }
}

fn register<T: Collector + Clone + 'static>(registry: &Registry, collector: T) -> T {
    registry.register(Box::new(collector.clone())).expect("each name is given once");
    collector
}

/// A number as a gauge has it.
fn gauged(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use ferry_registry::Run;

    use super::*;

    fn endpoint(verb: &'static str) -> Endpoint {
        Endpoint {
            verb,
            group: "kubevirt.io",
            version: "v1",
            resource: "virtualmachines",
            subresource: "",
            scope: "namespace",
            run: Run::Real,
        }
    }

    fn values(text: &str, start: &str) -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with(start));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn parity_requests_are_counted_by_the_labels_of_kubernetes() {
        let metrics = Metrics::new(Duration::from_secs(7));
        metrics.answered(&endpoint("GET"), 200, Duration::from_millis(3));
        metrics.answered(&endpoint("GET"), 200, Duration::from_millis(3));
        metrics.answered(&endpoint("POST"), 409, Duration::from_millis(30));
        let text = metrics.render();
        assert_eq!(
            values(&text, "apiserver_request_total"),
            [
                "apiserver_request_total{code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"kubevirt.io\",resource=\"virtualmachines\",scope=\"namespace\",subresource=\"\",verb=\"GET\",version=\"v1\"} 2",
                "apiserver_request_total{code=\"409\",component=\"apiserver\",dry_run=\"\",group=\"kubevirt.io\",resource=\"virtualmachines\",scope=\"namespace\",subresource=\"\",verb=\"POST\",version=\"v1\"} 1",
            ]
        );
        let buckets = values(&text, "apiserver_request_duration_seconds_bucket");
        let of = |verb: &str, le: &str| {
            let verb = format!("verb=\"{verb}\"");
            let le = format!("le=\"{le}\"");
            let line = buckets.iter().find(|line| line.contains(&verb) && line.contains(&le));
            line.unwrap().rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!((of("GET", "0.0025"), of("GET", "0.005")), ("0".to_owned(), "2".to_owned()));
        assert_eq!((of("POST", "0.025"), of("POST", "0.05")), ("0".to_owned(), "1".to_owned()));
    }

    #[test]
    fn a_watch_is_counted_while_it_lasts() {
        let metrics = Metrics::new(Duration::ZERO);
        let watches = [(); 3].map(|()| metrics.long_running(&endpoint("WATCH")));
        let count = |metrics: &Metrics| {
            let text = metrics.render();
            let line = values(&text, "apiserver_longrunning_requests{").remove(0);
            line.rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!(count(&metrics), "3");
        drop(watches);
        assert_eq!(count(&metrics), "0");
    }

    #[test]
    fn what_nobody_has_named_is_other() {
        let metrics = Metrics::new(Duration::ZERO);
        let unknown = Endpoint { verb: "PROPFIND", ..Endpoint::OTHER };
        metrics.answered(&unknown, 405, Duration::ZERO);
        metrics.answered(&unknown, 65535, Duration::ZERO);
        let lines = values(&metrics.render(), "apiserver_request_total");
        assert!(
            lines[0].contains("code=\"405\"") && lines[0].contains("verb=\"other\""),
            "{lines:?}"
        );
        assert!(lines[1].contains("code=\"other\""), "{lines:?}");
    }

    #[test]
    fn the_rest_is_read_when_somebody_looks() {
        let metrics = Metrics::new(Duration::from_secs(7));
        assert_eq!(values(&metrics.render(), "ferry_revision"), ["ferry_revision 0"]);
        metrics.read_from(|| Readings {
            objects: vec![(Kind::VirtualMachine, 3), (Kind::Node, 2)],
            revision: 70,
            journal_bytes: 4096,
            journal_records: 9,
        });
        metrics.flushed(Duration::from_micros(300));
        let text = metrics.render();
        for line in [
            "apiserver_storage_objects{resource=\"nodes\"} 2",
            "apiserver_storage_objects{resource=\"virtualmachines.kubevirt.io\"} 3",
            "ferry_revision 70",
            "ferry_journal_bytes 4096",
            "ferry_journal_records 9",
            "ferry_journal_flush_seconds_bucket{le=\"0.0002\"} 0",
            "ferry_journal_flush_seconds_bucket{le=\"0.0005\"} 1",
            "process_start_time_seconds 7",
        ] {
            assert!(text.lines().any(|each| each == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn the_process_tells_what_it_takes() {
        let text = Metrics::new(Duration::ZERO).render();
        for (name, least) in [
            ("process_resident_memory_bytes", 1e6),
            ("process_virtual_memory_bytes", 1e6),
            ("process_open_fds", 3.0),
            ("process_max_fds", 64.0),
            ("process_cpu_seconds_total", 0.0),
        ] {
            let line = values(&text, &format!("{name} ")).remove(0);
            let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
            assert!(value >= least, "{line}");
        }
    }
}
