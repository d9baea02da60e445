//! The house: which crates there are, on which floor, in which wing, and who may use what.
//!
//! `docs/architecture.md` draws it. Below the waterline code decides and touches nothing; above it
//! code touches the world and decides nothing. The wings meet in the node daemon and in `testbed/`.

/// A part of the house that knows nothing of the opposite part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wing {
    /// Kubernetes' words: what should run where.
    Control,
    /// QEMU's words: how memory moves.
    Data,
    /// Of use to both, and knows neither.
    Shared,
    /// Where both meet.
    Bridge,
}

/// A crate of the house, whether it is written yet or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crate {
    /// The package's name.
    pub name: &'static str,
    /// Its directory, from the repository's root.
    pub dir: &'static str,
    /// It may use lower floors only.
    pub floor: u8,
    /// It may not reach the opposite wing.
    pub wing: Wing,
}

/// The highest floor below the waterline.
pub const WATERLINE: u8 = 3;

/// The floor of the programs: from here up, errors may end the process.
pub const PROGRAMS: u8 = 5;

const fn at(floor: u8, wing: Wing, name: &'static str, dir: &'static str) -> Crate {
    Crate { name, dir, floor, wing }
}

/// Every crate.
pub const CRATES: [Crate; 26] = [
    at(0, Wing::Shared, "ferry-units", "crates/ferry-units"),
    at(1, Wing::Control, "ferry-api", "crates/ferry-api"),
    at(1, Wing::Shared, "ferry-config", "crates/ferry-config"),
    at(1, Wing::Data, "ferry-qmp", "crates/ferry-qmp"),
    at(2, Wing::Control, "ferry-policy", "crates/ferry-policy"),
    at(2, Wing::Control, "ferry-scheduler", "crates/ferry-scheduler"),
    at(2, Wing::Control, "ferry-registry", "crates/ferry-registry"),
    at(2, Wing::Data, "ferry-convergence", "crates/ferry-convergence"),
    at(2, Wing::Data, "ferry-transfer", "crates/ferry-transfer"),
    at(3, Wing::Control, "ferry-admission", "crates/ferry-admission"),
    at(3, Wing::Control, "ferry-reconcile", "crates/ferry-reconcile"),
    at(4, Wing::Control, "ferry-store", "crates/ferry-store"),
    at(4, Wing::Control, "ferry-client", "crates/ferry-client"),
    at(4, Wing::Shared, "ferry-rpc", "crates/ferry-rpc"),
    at(4, Wing::Shared, "ferry-runtime", "crates/ferry-runtime"),
    at(4, Wing::Data, "ferry-memory", "crates/ferry-memory"),
    at(5, Wing::Control, "ferry-apiserver", "bin/ferry-apiserver"),
    at(5, Wing::Control, "ferry-controller", "bin/ferry-controller"),
    at(5, Wing::Bridge, "ferry-node", "bin/ferry-node"),
    at(5, Wing::Data, "ferry-guest", "bin/ferry-guest"),
    at(6, Wing::Bridge, "ferry-harness", "testbed/harness"),
    at(6, Wing::Bridge, "ferry-sim", "testbed/sim"),
    at(7, Wing::Bridge, "ferry", "bin/ferry"),
    at(7, Wing::Bridge, "ferry-bench", "testbed/bench"),
    at(7, Wing::Bridge, "ferry-scenarios", "testbed/scenarios"),
    at(7, Wing::Bridge, "ferry-tidy", "testbed/tidy"),
];

/// What crates below the waterline may use besides each other: libraries that turn values into
/// values. A new one is a decision; make it here, with its reason.
pub const DATA_LIBRARIES: &[(&str, &str)] = &[
    ("base64", "continue tokens, as clients hand them back"),
    ("bytes", "buffers that are shared instead of copied"),
    ("jiff", "calendar arithmetic and RFC 3339, without its clock"),
    ("json-patch", "what a PATCH means"),
    ("k8s-openapi", "Kubernetes' own words: ObjectMeta, Node, Pod and the rest"),
    ("kube-core", "the Resource trait and paths, without a client"),
    ("memchr", "what JSON escapes, looked for in every object that is written"),
    ("schemars", "the schemas that the API server publishes"),
    ("serde", "everything that is on the wire"),
    ("serde-saphyr", "manifests are YAML"),
    ("serde_json", "everything that is on the wire"),
    ("serde_path_to_error", "which field did not decode"),
    ("thiserror", "error enums"),
];

/// What nothing below the waterline may reach, however far down, and why.
pub const DENIED_BELOW: &[(&str, &str)] = &[
    ("anyhow", "hides which errors there are"),
    ("async-std", "waits"),
    ("chrono", "reads the clock"),
    ("crossbeam-channel", "waits"),
    ("env_logger", "logs"),
    ("eyre", "hides which errors there are"),
    ("fastrand", "rolls dice"),
    ("futures", "waits"),
    ("futures-channel", "waits"),
    ("futures-executor", "waits"),
    ("futures-util", "waits"),
    ("getrandom", "rolls dice"),
    ("h2", "opens sockets"),
    ("hyper", "opens sockets"),
    ("hyper-util", "opens sockets"),
    ("kube", "opens sockets"),
    ("kube-client", "opens sockets"),
    ("kube-runtime", "waits"),
    ("log", "logs"),
    ("mio", "waits"),
    ("parking_lot", "waits"),
    ("prost", "belongs to ferry-rpc"),
    ("rand", "rolls dice"),
    ("rand_core", "rolls dice"),
    ("reqwest", "opens sockets"),
    ("rustls", "opens sockets"),
    ("rustix", "asks the operating system"),
    ("sled", "opens files"),
    ("smol", "waits"),
    ("socket2", "opens sockets"),
    ("tempfile", "opens files"),
    ("time", "reads the clock"),
    ("tokio", "waits"),
    ("tokio-util", "waits"),
    ("tonic", "opens sockets"),
    ("tower", "waits"),
    ("tracing", "logs"),
];

/// Technologies with one door: the only crate that may depend on them.
pub const DOORS: &[(&str, &str)] = &[
    ("prost", "ferry-rpc"),
    ("prost-build", "ferry-rpc"),
    ("prost-types", "ferry-rpc"),
    ("sled", "ferry-store"),
    ("tonic-prost", "ferry-rpc"),
    ("tonic-prost-build", "ferry-rpc"),
];

/// Errors without a type, for programs and tests only.
pub const UNTYPED_ERRORS: &[&str] = &["anyhow", "color-eyre", "eyre"];

/// The one crate whose lints are its own: `forbid(unsafe_code)` cannot be relaxed by a crate.
pub const OWN_LINTS: &[&str] = &["ferry-memory"];

/// Code that a generator wrote and a test compares with its source.
pub const GENERATED: &[&str] = &["crates/ferry-rpc/src/generated/"];

/// The crate of that name.
pub fn named(name: &str) -> Option<Crate> {
    CRATES.into_iter().find(|each| each.name == name)
}

/// The crate that the file at `path` (from the repository's root) belongs to.
pub fn of_file(path: &str) -> Option<Crate> {
    CRATES
        .into_iter()
        .find(|each| path.strip_prefix(each.dir).is_some_and(|rest| rest.starts_with('/')))
}

/// Whether a generator wrote the file at `path`.
pub fn is_generated(path: &str) -> bool {
    GENERATED.iter().any(|dir| path.starts_with(dir))
}

impl Crate {
    /// Whether it may only decide.
    pub const fn is_below_the_waterline(self) -> bool {
        self.floor <= WATERLINE
    }
}

impl Wing {
    /// Whether a crate of this wing may depend on one of the `other`.
    pub const fn may_reach(self, other: Self) -> bool {
        match self {
            Self::Control => !matches!(other, Self::Data),
            Self::Data => !matches!(other, Self::Control),
            Self::Shared => matches!(other, Self::Shared),
            Self::Bridge => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_crate_is_listed_twice() {
        assert_eq!(
            CRATES.iter().map(|each| each.name).collect::<BTreeSet<_>>().len(),
            CRATES.len()
        );
        assert_eq!(CRATES.iter().map(|each| each.dir).collect::<BTreeSet<_>>().len(), CRATES.len());
    }

    #[test]
    fn a_file_belongs_to_the_crate_whose_directory_it_lies_in() {
        for (path, name) in [
            ("bin/ferry/src/main.rs", Some("ferry")),
            ("bin/ferry-node/src/main.rs", Some("ferry-node")),
            ("testbed/tidy/Cargo.toml", Some("ferry-tidy")),
            ("crates/unheard-of/src/lib.rs", None),
            ("docs/parity.md", None),
        ] {
            assert_eq!(of_file(path).map(|each| each.name), name, "{path}");
        }
    }

    #[test]
    fn the_opposite_wing_is_out_of_reach() {
        for (from, to, may) in [
            (Wing::Control, Wing::Data, false),
            (Wing::Data, Wing::Control, false),
            (Wing::Shared, Wing::Control, false),
            (Wing::Shared, Wing::Data, false),
            (Wing::Control, Wing::Shared, true),
            (Wing::Data, Wing::Shared, true),
            (Wing::Bridge, Wing::Control, true),
            (Wing::Bridge, Wing::Data, true),
        ] {
            assert_eq!(from.may_reach(to), may, "{from:?} -> {to:?}");
        }
    }
}
