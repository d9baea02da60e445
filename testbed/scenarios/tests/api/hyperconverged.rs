//! The cluster's migration settings as OpenShift Virtualization has them: edited, with a key deleted,
//! and in both of their versions.

use anyhow::Result;
use expect_test::expect;

use crate::common::{Cluster, field};

const HCO: &str = "\
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged, namespace: openshift-cnv}
spec:
  liveMigrationConfig:
    bandwidthPerMigration: 64Mi
    completionTimeoutPerGiB: 800
";

const CONFIGURATION: &str = "hyperconverged kubevirt-hyperconverged -n openshift-cnv";

fn configured() -> Result<Cluster> {
    let cluster = Cluster::start()?;
    cluster.ok("kubectl create namespace openshift-cnv")?;
    cluster.shell.ok_with("kubectl create -f -", HCO)?;
    Ok(cluster)
}

#[test]
fn a_key_that_is_deleted_in_the_editor_has_its_default_again() -> Result<()> {
    let cluster = configured()?;
    let timeout = "spec.liveMigrationConfig.completionTimeoutPerGiB";
    let timeout = |cluster: &Cluster| {
        let object =
            "hyperconvergeds.v1beta1.hco.kubevirt.io kubevirt-hyperconverged -n openshift-cnv";
        field(&cluster.shell, object, timeout)
    };
    assert_eq!(timeout(&cluster)?, "800");
    cluster.ok(
        "KUBE_EDITOR=\"sed -i /completionTimeoutPerGiB/d\" kubectl edit hyperconvergeds.v1beta1.hco.kubevirt.io kubevirt-hyperconverged -n openshift-cnv",
    )?;
    assert_eq!(timeout(&cluster)?, "150");
    Ok(())
}

#[test]
fn both_versions_show_the_same_settings() -> Result<()> {
    let cluster = configured()?;
    let old = "hyperconvergeds.v1beta1.hco.kubevirt.io kubevirt-hyperconverged -n openshift-cnv";
    let new = "hyperconvergeds.v1.hco.kubevirt.io kubevirt-hyperconverged -n openshift-cnv";
    for (object, path) in [
        (old, "spec.liveMigrationConfig.parallelMigrationsPerCluster"),
        (new, "spec.virtualization.liveMigrationConfig.parallelMigrationsPerCluster"),
    ] {
        assert_eq!(field(&cluster.shell, object, path)?, "5", "{object}");
    }
    cluster.ok(&format!(
        "kubectl patch {new} --type=merge -p '{{\"spec\":{{\"virtualization\":{{\"liveMigrationConfig\":{{\"parallelMigrationsPerCluster\":7}}}}}}}}'"
    ))?;
    let limit =
        field(&cluster.shell, old, "spec.liveMigrationConfig.parallelMigrationsPerCluster")?;
    assert_eq!(limit, "7");
    Ok(())
}

#[test]
fn what_cannot_be_a_setting_is_refused() -> Result<()> {
    let cluster = configured()?;
    let mut refusals = String::new();
    for patch in [
        r#"{"spec":{"liveMigrationConfig":{"bandwidthPerMigration":64}}}"#,
        r#"{"spec":{"liveMigrationConfig":{"parallelMigrationsPerCluster":-1}}}"#,
        r#"{"spec":{"liveMigrationConfig":{"progressTimeout":"soon"}}}"#,
    ] {
        let object =
            "hyperconvergeds.v1beta1.hco.kubevirt.io kubevirt-hyperconverged -n openshift-cnv";
        refusals += &cluster.fails(&format!("kubectl patch {object} --type=merge -p '{patch}'"))?;
    }
    let elsewhere = HCO.replace("openshift-cnv", "default");
    refusals += &cluster.shell.fails_with("kubectl create -f -", &elsewhere)?;
    expect![[r#"
        The HyperConverged "kubevirt-hyperconverged" is invalid: spec.liveMigrationConfig.bandwidthPerMigration: Invalid value: 64: must be a string that is a quantity, such as "64Mi"; put it in quotes
        The HyperConverged "kubevirt-hyperconverged" is invalid: spec.liveMigrationConfig.parallelMigrationsPerCluster: Invalid value: -1: must be a whole number from 0 to 4294967295
        The HyperConverged "kubevirt-hyperconverged" is invalid: spec.liveMigrationConfig.progressTimeout: Invalid value: "soon": must be a whole number
        The request is invalid: error when creating "STDIN": hyperconvergeds.hco.kubevirt.io "kubevirt-hyperconverged" is forbidden: ValidatingAdmissionPolicy 'hyperconverged-namespace-policy' with binding 'hyperconverged-namespace-policy-binding' denied request: HyperConverged CR can only be created in the 'openshift-cnv' namespace.
    "#]].assert_eq(&refusals);
    assert_eq!(field(&cluster.shell, CONFIGURATION, "metadata.generation")?, "1");
    Ok(())
}
