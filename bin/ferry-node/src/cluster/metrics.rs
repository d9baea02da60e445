//! What the node tells of itself and of the migrations that leave it, in the text that Prometheus
//! reads.
//!
//! Names and labels of `kubevirt_…` are upstream's, so that its dashboards and alerts work.

use ferry_client::HandsError;
use ferry_rpc::{GuestName, Progress};
use prometheus::core::Collector;
use prometheus::{Encoder, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

/// Whose migration, and on which node.
const OF_GUEST: [&str; 3] = ["namespace", "name", "node"];

const NAMES: &str = "the names are those of this program, and good";

/// A gauge for each guest that leaves, and what it shows of how far that is.
type Crossing = (IntGaugeVec, fn(&Progress) -> u64);

/// All that is counted.
pub(crate) struct Metrics {
    node: String,
    registry: Registry,
    guests: IntGauge,
    failures: IntCounterVec,
    /// What has crossed, by what is said of it in all.
    crossing: [Crossing; 5],
}

impl Metrics {
    // PARITY: pkg/monitoring/metrics/virt-handler/domainstats/migration_metrics.go#migrateVmiMetrics
    pub(crate) fn new(node: &str) -> Self {
        let registry = Registry::new();
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntGaugeVec::new(Opts::new(name, help), labels).expect(NAMES))
        };
        gauges("ferry_build_info", "The version; always 1.", &["version"])
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let of_guest = |what: &str, help: &str| {
            gauges(&format!("kubevirt_vmi_migration_{what}"), help, &OF_GUEST)
        };
        let crossing: [Crossing; 5] = [
            (
                of_guest(
                    "data_bytes_total",
                    "The total Guest OS data to be migrated to the new VM.",
                ),
                |progress| progress.total.get(),
            ),
            (
                of_guest(
                    "data_remaining_bytes",
                    "The remaining guest OS data to be migrated to the new VM.",
                ),
                |progress| progress.remaining.get(),
            ),
            (
                of_guest(
                    "data_processed_bytes",
                    "The total Guest OS data processed and migrated to the new VM.",
                ),
                |progress| progress.transferred.get(),
            ),
            (
                of_guest(
                    "dirty_memory_rate_bytes",
                    "The rate of memory being dirty in the Guest OS.",
                ),
                |progress| progress.dirty_rate.get(),
            ),
            (
                of_guest(
                    "memory_transfer_rate_bytes",
                    "The rate at which the memory is being transferred.",
                ),
                |progress| progress.rate.get(),
            ),
        ];
        let guests = IntGauge::new("ferry_node_guests", "Guests that are kept.").expect(NAMES);
        let failures = IntCounterVec::new(
            Opts::new("ferry_node_failures_total", "Plans that were not carried out to their end."),
            &["reason"],
        );
        Self {
            node: node.to_owned(),
            guests: register(&registry, guests),
            failures: register(&registry, failures.expect(NAMES)),
            crossing,
            registry,
        }
    }

    /// A plan was not carried out to its end.
    pub(crate) fn failed(&self, error: &HandsError) {
        let reason = match error {
            HandsError::Stale { .. } => "stale",
            HandsError::Refused { .. } => "refused",
            HandsError::Unanswered { .. } => "unanswered",
        };
        self.failures.with_label_values(&[reason]).inc();
    }

    /// Everything, as text: how many guests there are, and how those that leave get on.
    pub(crate) fn render(&self, guests: usize, leaving: &[(GuestName, Progress)]) -> String {
        self.guests.set(gauged(guests));
        for (gauge, of) in &self.crossing {
            gauge.reset();
            for (guest, progress) in leaving {
                let labels = [guest.namespace.as_str(), guest.name.as_str(), self.node.as_str()];
                gauge.with_label_values(&labels).set(gauged(of(progress)));
            }
        }
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.expect("a text has room for it");
        String::from_utf8(text).expect("the encoder writes text")
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
    use ferry_units::{Bytes, BytesPerSecond};

    use super::*;

    #[test]
    fn parity_what_crosses_is_told_for_as_long_as_it_does() {
        let metrics = Metrics::new("node-1");
        let guest = GuestName { namespace: "shop".to_owned(), name: "db".to_owned() };
        let progress = Progress {
            total: Bytes::new(500),
            remaining: Bytes::new(200),
            transferred: Bytes::new(300),
            rate: BytesPerSecond::new(70),
            dirty_rate: BytesPerSecond::new(20),
            ..Progress::default()
        };
        let text = metrics.render(1, &[(guest, progress)]);
        for (name, value) in [
            ("data_bytes_total", 500),
            ("data_remaining_bytes", 200),
            ("data_processed_bytes", 300),
            ("memory_transfer_rate_bytes", 70),
            ("dirty_memory_rate_bytes", 20),
        ] {
            let labels = r#"{name="db",namespace="shop",node="node-1"}"#;
            let line = format!("kubevirt_vmi_migration_{name}{labels} {value}");
            assert!(text.lines().any(|each| each == line), "{line}: {text}");
        }
        assert!(!metrics.render(1, &[]).contains("kubevirt_vmi_migration_data"));
    }
}
