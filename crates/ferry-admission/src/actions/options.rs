//! What clients send along with an action. Every body may be absent or empty.

use std::collections::BTreeMap;

use ferry_registry::{DeleteOptions, Propagation, Run};
use serde::Deserialize;

/// The body of an eviction. Some clients leave out what kind it is, and some write
/// `delete_options`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EvictionOptions {
    /// The pod's name once more, and what the caller wants to be known of him.
    pub metadata: Option<EvictionMetadata>,
    /// How the pod is to be deleted.
    #[serde(alias = "delete_options")]
    pub delete_options: Option<DeletionOptions>,
    /// Whether the query says that nothing is to happen (`dryRun=All`).
    #[serde(skip)]
    pub run: Run,
}

/// What an eviction's metadata says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EvictionMetadata {
    /// The pod's name.
    pub name: Option<String>,
    /// Who asks, in the case of the descheduler.
    pub annotations: Option<BTreeMap<String, String>>,
}

/// `meta/v1`'s DeleteOptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeletionOptions {
    /// Seconds that the object is given to end by itself.
    pub grace_period_seconds: Option<i64>,
    /// Only if the object is this one.
    pub preconditions: Option<Preconditions>,
    /// `Background`, `Foreground` or `Orphan`.
    pub propagation_policy: Option<String>,
    /// The older way to say `Orphan`.
    pub orphan_dependents: Option<bool>,
    /// `["All"]` if nothing is to happen.
    pub dry_run: Option<Vec<String>>,
}

/// Which object is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Preconditions {
    /// The one of this uid.
    pub uid: Option<String>,
    /// The one at this revision.
    pub resource_version: Option<String>,
}

impl DeletionOptions {
    /// Whether anything is to happen.
    pub fn run(&self) -> Run {
        run(self.dry_run.as_deref())
    }
}

impl From<&DeletionOptions> for DeleteOptions {
    fn from(options: &DeletionOptions) -> Self {
        let propagation = match options.propagation_policy.as_deref() {
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(_) | None => match options.orphan_dependents {
                Some(true) => Some(Propagation::Orphan),
                Some(false) => Some(Propagation::Background),
                None => None,
            },
        };
        let preconditions = options.preconditions.clone().unwrap_or_default();
        Self {
            propagation,
            grace_period_seconds: options.grace_period_seconds,
            uid: preconditions.uid,
            resource_version: preconditions.resource_version,
        }
    }
}

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
            #[serde(rename_all = "camelCase", default)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
                /// `["All"]` if nothing is to happen.
                pub dry_run: Option<Vec<String>>,
            }

            impl $name {
                /// Whether anything is to happen.
                pub fn run(&self) -> Run {
                    run(self.dry_run.as_deref())
                }
            }
        )*
    };
}

options! {
    /// How a machine is started.
    StartOptions {
        /// Whether the guest stands still at first.
        paused: Option<bool>,
    }
    /// How a machine is stopped.
    StopOptions {
        /// Seconds that the guest is given to shut down.
        grace_period: Option<i64>,
    }
    /// How a machine is restarted.
    RestartOptions {
        /// 0 if the guest is given no time to shut down.
        grace_period_seconds: Option<i64>,
    }
    /// How a machine is migrated.
    MigrateOptions {
        /// Labels that the target node must have besides.
        added_node_selector: Option<BTreeMap<String, String>>,
    }
    /// How an instance is paused.
    PauseOptions {}
    /// How an instance is resumed.
    UnpauseOptions {}
    /// Which evacuation is not to be.
    EvacuateCancelOptions {
        /// The node that was to be left.
        evacuation_node_name: Option<String>,
    }
}

/// Whether a list of dry runs says that nothing is to happen.
fn run(dry_run: Option<&[String]>) -> Run {
    if dry_run.is_some_and(|stages| stages.iter().any(|stage| stage == "All")) {
        Run::Dry
    } else {
        Run::Real
    }
}
