//! What the controller tells of itself and of the cluster, in the text that Prometheus reads.
//!
//! Names, labels and buckets of `kubevirt_…` are upstream's, so that its dashboards and alerts work.

mod instances;
mod machines;
mod migrations;
mod nodes;

use ferry_api::Modelled;
use ferry_client::HandsError;
use ferry_reconcile::Metric;
use prometheus::core::Collector;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use ferry_client::Cache;
use instances::Instances;
use machines::Machines;
use migrations::Migrations;
use nodes::Nodes;

/// From half a second to an hour.
// PARITY: pkg/monitoring/metrics/virt-controller/metrics.go#PhaseTransitionTimeBuckets
const PHASE_BUCKETS: [f64; 18] = [
    0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0,
    1200.0, 1800.0, 3600.0,
];

/// All that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    phases: HistogramVec,
    overwritten: IntCounterVec,
    looks: IntCounterVec,
    failures: IntCounterVec,
    waiting: IntGauge,
    migrations: Migrations,
    instances: Instances,
    machines: Machines,
    nodes: Nodes,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let phases = HistogramOpts::new(
            "kubevirt_vmi_migration_phase_transition_time_from_creation_seconds",
            "Histogram of VM migration phase transitions duration from creation time in seconds.",
        );
        let phases = HistogramVec::new(phases.buckets(PHASE_BUCKETS.to_vec()), &["phase"]);
        let build = gauges("ferry_build_info", "The version; always 1.", &["version"]);
        register(&registry, build).with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let waiting = IntGauge::new("ferry_controller_waiting", "Work that waits to be done.");
        Self {
            phases: register(&registry, phases.expect(NAMES)),
            overwritten: register(
                &registry,
                counters(
                    "kubevirt_hco_out_of_band_modifications_total",
                    "Count of out-of-band modifications overwritten by HCO.",
                    &["component_name"],
                ),
            ),
            looks: register(
                &registry,
                counters(
                    "ferry_controller_looks_total",
                    "Looks of each reconciler, and whether anything was to be done.",
                    &["work", "found"],
                ),
            ),
            failures: register(
                &registry,
                counters(
                    "ferry_controller_failures_total",
                    "Plans that were not carried out to their end.",
                    &["work", "reason"],
                ),
            ),
            waiting: register(&registry, waiting.expect(NAMES)),
            migrations: Migrations::new(&registry),
            instances: Instances::new(&registry),
            machines: Machines::new(&registry),
            nodes: Nodes::new(&registry),
            registry,
        }
    }

    /// Counts what a plan wants to have counted.
    pub(crate) fn count(&self, metric: &Metric) {
        match metric {
            Metric::MigrationPhase { phase, since_creation } => {
                self.phases.with_label_values(&[phase]).observe(since_creation.as_secs_f64());
            }
            Metric::OutOfBandModification { component_name } => {
                self.overwritten.with_label_values(&[component_name.as_str()]).inc();
            }
        }
    }

    /// A reconciler has looked, and found something to do or not.
    pub(crate) fn looked(&self, work: &str, found: bool) {
        let found = if found { "something" } else { "nothing" };
        self.looks.with_label_values(&[work, found]).inc();
    }

    /// A plan was not carried out to its end.
    pub(crate) fn failed(&self, work: &str, error: &HandsError) {
        let reason = match error {
            HandsError::Stale { .. } => "stale",
            HandsError::Refused { .. } => "refused",
            HandsError::Unanswered { .. } => "unanswered",
        };
        self.failures.with_label_values(&[work, reason]).inc();
    }

    /// Everything, as text. `waiting` is how much waits to be done.
    pub(crate) fn render(&self, cache: &Cache, waiting: usize) -> String {
        self.waiting.set(gauged(waiting));
        self.migrations.look(cache);
        self.instances.look(cache);
        self.machines.look(cache);
        self.nodes.look(cache);
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.expect("a text has room for it");
        String::from_utf8(text).expect("the encoder writes text")
    }
}

const NAMES: &str = "the names are those of this program, and good";

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect(NAMES)
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), labels).expect(NAMES)
}

fn register<T: Collector + Clone + 'static>(registry: &Registry, collector: T) -> T {
    registry.register(Box::new(collector.clone())).expect("each name is given once");
    collector
}

/// The namespace and the name of an object.
fn place<T: Modelled>(object: &T) -> (&str, &str) {
    let metadata = object.metadata();
    (
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

/// A number as a gauge has it.
fn gauged(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
