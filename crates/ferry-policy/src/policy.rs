//! A MigrationPolicy, parsed: what it selects and what it sets.

use ferry_api::{FieldError, FieldPath, Labels, MigrationPolicy, QuantityText};
use ferry_units::{Downtime, SecondsPerGiB};
use serde_json::Value;

use crate::configuration::{BandwidthSetting, parse_downtime};

/// A MigrationPolicy, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    name: String,
    vm_selector: Labels,
    namespace_selector: Labels,
    /// The keys of both selectors in alphabetical order; one that stands in both counts twice.
    label_keys: Vec<String>,
    overrides: Overrides,
}

/// What a policy sets; the cluster's configuration stays where it sets nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `allowAutoConverge`.
    pub allow_auto_converge: Option<bool>,
    /// `allowPostCopy`.
    pub allow_post_copy: Option<bool>,
    /// `allowWorkloadDisruption`.
    pub allow_workload_disruption: Option<bool>,
    /// `bandwidthPerMigration`.
    pub bandwidth_per_migration: Option<BandwidthSetting>,
    /// `completionTimeoutPerGiB`.
    pub completion_timeout_per_gib: Option<SecondsPerGiB>,
    /// `maxDowntimeMs`.
    pub max_downtime: Option<Downtime>,
}

impl Policy {
    /// Parses a policy, or says everything that is wrong with it.
    ///
    /// Negative values are refused with KubeVirt's words. Nothing checks that a policy selects or
    /// sets anything: both are allowed to be empty.
    // PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/migrationpolicy-admitter.go#Admit
    pub fn parse(written: &MigrationPolicy) -> Result<Self, Vec<FieldError>> {
        let spec = &written.spec;
        let path = FieldPath::of("spec");
        let mut errors = Vec::new();
        if let Some(seconds @ ..0) = spec.completion_timeout_per_gib {
            errors.push(FieldError::invalid(
                path.field("completionTimeoutPerGiB"),
                Value::from(seconds),
                "must not be negative",
            ));
        }
        let bandwidth = spec.bandwidth_per_migration.as_ref().and_then(|text| {
            keep(parse_bandwidth(text, &path.field("bandwidthPerMigration")), &mut errors)
        });
        let max_downtime = spec.max_downtime_ms.and_then(|millis| {
            keep(parse_downtime(millis, &path.field("maxDowntimeMs")), &mut errors)
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        let vm_selector =
            spec.selectors.virtual_machine_instance_selector.clone().unwrap_or_default();
        let namespace_selector = spec.selectors.namespace_selector.clone().unwrap_or_default();
        let mut label_keys: Vec<_> =
            vm_selector.keys().chain(namespace_selector.keys()).cloned().collect();
        label_keys.sort_unstable();
        Ok(Self {
            name: written.metadata.name.clone().unwrap_or_default(),
            vm_selector,
            namespace_selector,
            label_keys,
            overrides: Overrides {
                allow_auto_converge: spec.allow_auto_converge,
                allow_post_copy: spec.allow_post_copy,
                allow_workload_disruption: spec.allow_workload_disruption,
                bandwidth_per_migration: bandwidth,
                completion_timeout_per_gib: spec.completion_timeout_per_gib.map(SecondsPerGiB::new),
                max_downtime,
            },
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Labels that a virtual machine must have, all of them.
    pub const fn vm_selector(&self) -> &Labels {
        &self.vm_selector
    }

    /// Labels that the namespace must have, all of them.
    pub const fn namespace_selector(&self) -> &Labels {
        &self.namespace_selector
    }

    /// The keys of both selectors in alphabetical order; one that stands in both counts twice.
    pub fn label_keys(&self) -> &[String] {
        &self.label_keys
    }

    /// What it sets.
    pub const fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Whether it sets nothing at all.
    pub fn overrides_nothing(&self) -> bool {
        self.overrides == Overrides::default()
    }
}

fn keep<T>(parsed: Result<T, FieldError>, errors: &mut Vec<FieldError>) -> Option<T> {
    parsed.map_err(|error| errors.push(error)).ok()
}

/// What a policy may set, unlike the cluster: a bandwidth that is not negative.
fn parse_bandwidth(text: &QuantityText, path: &FieldPath) -> Result<BandwidthSetting, FieldError> {
    let setting = BandwidthSetting::parse(text, path)?;
    if setting.quantity().is_negative() {
        let written = Value::from(text.to_string());
        return Err(FieldError::invalid(path.clone(), written, "must not be negative"));
    }
    Ok(setting)
}
