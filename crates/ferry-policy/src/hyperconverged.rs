//! What HyperConverged makes of KubeVirt's configuration of migrations.
//!
//! The platform's operator writes the KubeVirt object from its own, one to one by name, and undoes
//! whatever else is written there. KubeVirt's settings without a counterpart can only be set with
//! an annotation that patches the result.

use ferry_api::hco::{LiveMigrationConfigurations, v1, v1beta1};
use ferry_api::kubevirt::MigrationConfiguration;
use ferry_api::{FieldError, FieldPath, Kind, QuantityText};
use json_patch::{Patch, PatchOperation};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::configuration::EffectiveConfiguration;

/// The annotation with a JSON patch for the KubeVirt object (HCO `docs/cluster-configuration.md`).
pub const JSON_PATCH_ANNOTATION: &str = "kubevirt.kubevirt.io/jsonpatch";

/// Where the patch finds the configuration of migrations.
const MIGRATIONS_POINTER: &str = "/spec/configuration/migrations";

/// The configuration of migrations that a HyperConverged of `hco.kubevirt.io/v1beta1` stands for.
pub fn of_v1beta1(
    object: &v1beta1::HyperConverged,
) -> Result<EffectiveConfiguration, Vec<FieldError>> {
    refuse_misplaced(
        // The rest of that section has no other place in this version.
        object.spec.other.get("virtualization").is_some_and(has_migrations),
        "spec.virtualization",
        "belongs to hco.kubevirt.io/v1; v1beta1 has spec.liveMigrationConfig",
    )?;
    configuration(
        &object.metadata,
        object.spec.live_migration_config.as_ref(),
        &FieldPath::of("spec.liveMigrationConfig"),
    )
}

/// The configuration of migrations that a HyperConverged of `hco.kubevirt.io/v1` stands for.
pub fn of_v1(object: &v1::HyperConverged) -> Result<EffectiveConfiguration, Vec<FieldError>> {
    refuse_misplaced(
        object.spec.other.contains_key("liveMigrationConfig"),
        "spec.liveMigrationConfig",
        "belongs to hco.kubevirt.io/v1beta1; v1 has spec.virtualization.liveMigrationConfig",
    )?;
    let virtualization = object.spec.virtualization.as_ref();
    configuration(
        &object.metadata,
        virtualization.and_then(|section| section.live_migration_config.as_ref()),
        &FieldPath::of("spec.virtualization.liveMigrationConfig"),
    )
}

fn has_migrations(section: &Value) -> bool {
    section.get("liveMigrationConfig").is_some()
}

/// The other version's section would be dropped by a cluster, and all its settings with it.
fn refuse_misplaced(misplaced: bool, path: &str, accepted: &str) -> Result<(), Vec<FieldError>> {
    if misplaced {
        Err(vec![FieldError::invalid(FieldPath::of(path), json!({}), accepted)])
    } else {
        Ok(())
    }
}

fn configuration(
    metadata: &ObjectMeta,
    written: Option<&LiveMigrationConfigurations>,
    path: &FieldPath,
) -> Result<EffectiveConfiguration, Vec<FieldError>> {
    let mapped = written.map(to_kubevirt).unwrap_or_default();
    // What stands in HyperConverged itself is checked first, so that an error names its field.
    let plain = EffectiveConfiguration::of_cluster(&mapped, path)?;
    let annotation = metadata.annotations.as_ref().and_then(|all| all.get(JSON_PATCH_ANNOTATION));
    match annotation {
        None => Ok(plain),
        Some(text) => {
            let path = FieldPath::of("metadata.annotations").key(JSON_PATCH_ANNOTATION);
            let patched = patched(&mapped, text, &path).map_err(|error| vec![error])?;
            EffectiveConfiguration::of_cluster(&patched, &path)
        }
    }
}

/// The mapping itself, by name.
// PARITY: hyperconverged-cluster-operator controllers/handlers/kubevirt.go#hcLiveMigrationToKv
pub fn to_kubevirt(written: &LiveMigrationConfigurations) -> MigrationConfiguration {
    MigrationConfiguration {
        parallel_migrations_per_cluster: written.parallel_migrations_per_cluster,
        parallel_outbound_migrations_per_node: written.parallel_outbound_migrations_per_node,
        bandwidth_per_migration: written.bandwidth_per_migration.clone().map(QuantityText::from),
        completion_timeout_per_gib: written.completion_timeout_per_gib,
        progress_timeout: written.progress_timeout,
        network: written.network.clone(),
        allow_auto_converge: written.allow_auto_converge,
        allow_post_copy: written.allow_post_copy,
        allow_workload_disruption: written.allow_workload_disruption,
        ..MigrationConfiguration::default()
    }
}

/// `mapped` after those operations of the patch that are about migrations. Others patch parts of
/// KubeVirt that are not known here.
fn patched(
    mapped: &MigrationConfiguration,
    text: &str,
    path: &FieldPath,
) -> Result<MigrationConfiguration, FieldError> {
    let invalid = |accepted: String| FieldError::invalid(path.clone(), text.into(), accepted);
    let Patch(operations) = serde_json::from_str(text)
        .map_err(|error| invalid(format!("must be a JSON patch: {error}")))?;
    let about_migrations = |operation: &PatchOperation| {
        let pointer = operation.path().as_str();
        pointer == MIGRATIONS_POINTER
            || pointer.strip_prefix(MIGRATIONS_POINTER).is_some_and(|rest| rest.starts_with('/'))
    };
    let operations: Vec<_> = operations.into_iter().filter(about_migrations).collect();
    let mut object = json!({ "spec": { "configuration": { "migrations": mapped } } });
    json_patch::patch(&mut object, &operations).map_err(|error| invalid(error.to_string()))?;
    let migrations = object.pointer_mut(MIGRATIONS_POINTER).map(Value::take).unwrap_or_default();
    check(&migrations, &invalid)?;
    // The patch may have removed the section: then nothing is set.
    serde_json::from_value::<Option<_>>(migrations)
        .map(Option::unwrap_or_default)
        .map_err(|error| invalid(error.to_string()))
}

/// The result must still be a configuration of migrations.
fn check(migrations: &Value, invalid: &impl Fn(String) -> FieldError) -> Result<(), FieldError> {
    let object = json!({
        "metadata": {},
        "spec": { "configuration": { "migrations": migrations } },
    });
    let schema = Kind::KubeVirt.schema("v1").expect("KubeVirt is served as v1");
    match schema.check(&object).into_iter().next() {
        None => Ok(()),
        Some(error) => Err(invalid(format!("makes {error}"))),
    }
}
