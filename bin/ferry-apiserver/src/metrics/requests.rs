//! Requests, as kube-apiserver counts them.

use std::time::Duration;

use ferry_registry::Run;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::register;

/// The verbs of Kubernetes' metrics.
const VERBS: [&str; 10] = [
    "APPLY",
    "CONNECT",
    "DELETE",
    "DELETECOLLECTION",
    "GET",
    "LIST",
    "PATCH",
    "POST",
    "PUT",
    "WATCH",
];

/// Whatever is none of those.
const OTHER: &str = "other";

/// Kubernetes', with three more where a store on the same machine answers.
// PARITY: apiserver/pkg/endpoints/metrics/metrics.go#requestLatencies
const BUCKETS: [f64; 26] = [
    0.0005, 0.001, 0.0025, 0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0,
    4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
];

const LABELS: [&str; 8] =
    ["verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component"];

/// The codes that there are, so that a label is never made of a number.
const CODES: [(u16, &str); 22] = [
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (301, "301"),
    (304, "304"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (406, "406"),
    (408, "408"),
    (409, "409"),
    (410, "410"),
    (413, "413"),
    (415, "415"),
    (422, "422"),
    (429, "429"),
    (500, "500"),
    (501, "501"),
    (503, "503"),
    (504, "504"),
];

/// What a request is counted as. All texts are the program's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `GET`, `LIST`, `WATCH`, `POST`, `PUT`, `PATCH`, `APPLY`, `DELETE`, `DELETECOLLECTION` or
    /// `CONNECT`; anything else is counted as `other`.
    pub verb: &'static str,
    /// The API group; empty for the core, and where there is none.
    pub group: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The plural of the kind.
    pub resource: &'static str,
    /// The part of the object; empty for all of it.
    pub subresource: &'static str,
    /// `namespace`, `cluster` or `resource` (one object); empty where there is none.
    pub scope: &'static str,
    /// Whether it was to be done.
    pub run: Run,
}

impl Endpoint {
    /// Everything that is not about objects.
    pub const OTHER: Self = Self {
        verb: OTHER,
        group: "",
        version: "",
        resource: "",
        subresource: "",
        scope: "",
        run: Run::Real,
    };

    fn labels(&self) -> [&'static str; 8] {
        let verb = VERBS.into_iter().find(|verb| *verb == self.verb).unwrap_or(OTHER);
        let dry_run = match self.run {
            Run::Real => "",
            Run::Dry => "All",
        };
        let Self { group, version, resource, subresource, scope, .. } = self;
        [verb, dry_run, group, version, resource, subresource, scope, "apiserver"]
    }
}

/// A request that goes on for long. It is counted until this is dropped.
#[derive(Debug)]
pub struct LongRunning(IntGauge);

impl Drop for LongRunning {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[derive(Debug)]
pub(super) struct Requests {
    total: IntCounterVec,
    duration: HistogramVec,
    long_running: IntGaugeVec,
}

impl Requests {
    pub(super) fn new(registry: &Registry) -> Self {
        let total = Opts::new(
            "apiserver_request_total",
            "Counter of apiserver requests broken out for each verb, dry run value, group, \
             version, resource, scope, component, and HTTP response code.",
        );
        let duration = HistogramOpts::new(
            "apiserver_request_duration_seconds",
            "Response latency distribution in seconds for each verb, dry run value, group, \
             version, resource, subresource, scope and component.",
        );
        let long_running = Opts::new(
            "apiserver_longrunning_requests",
            "Gauge of all active long-running apiserver requests broken out by verb, group, \
             version, resource, scope and component.",
        );
        let total = IntCounterVec::new(total, &[&LABELS[..], &["code"]].concat());
        let duration = HistogramVec::new(duration.buckets(BUCKETS.to_vec()), &LABELS);
        let long_running = IntGaugeVec::new(long_running, &without_dry_run(LABELS));
        Self {
            total: register(registry, total.expect("the name is one")),
            duration: register(registry, duration.expect("the name is one")),
            long_running: register(registry, long_running.expect("the name is one")),
        }
    }

    pub(super) fn answered(&self, endpoint: &Endpoint, code: u16, took: Duration) {
        let labels = endpoint.labels();
        let code = CODES.into_iter().find(|(known, _)| *known == code);
        let code = code.map_or(OTHER, |(_, text)| text);
        let [a, b, c, d, e, f, g, h] = labels;
        self.total.with_label_values(&[a, b, c, d, e, f, g, h, code]).inc();
        self.duration.with_label_values(&labels).observe(took.as_secs_f64());
    }

    pub(super) fn long_running(&self, endpoint: &Endpoint) -> LongRunning {
        let gauge = self.long_running.with_label_values(&without_dry_run(endpoint.labels()));
        gauge.inc();
        LongRunning(gauge)
    }
}

fn without_dry_run(labels: [&'static str; 8]) -> [&'static str; 7] {
    let [verb, _, group, version, resource, subresource, scope, component] = labels;
    [verb, group, version, resource, subresource, scope, component]
}
