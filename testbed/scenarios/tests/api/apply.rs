//! `kubectl apply`, on the client's side and on the server's: who owns which field, what is removed
//! with its owner, and what is fought over.

use anyhow::Result;
use expect_test::expect;

use crate::common::{Cluster, WEB, field};

const STRATEGY: &str = "\
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: web}
spec:
  runStrategy: Halted
  template:
    spec:
      domain: {devices: {}}
";

#[test]
fn applying_again_changes_what_the_manifest_changes_and_removes_what_it_lost() -> Result<()> {
    let cluster = Cluster::start()?;
    let apply = |manifest: &str| cluster.shell.ok_with("kubectl apply -f -", manifest);
    assert_eq!(apply(WEB)?, "virtualmachine.kubevirt.io/web created\n");
    assert_eq!(apply(WEB)?, "virtualmachine.kubevirt.io/web unchanged\n");
    cluster.ok("kubectl label vm web by=somebody-else")?;
    let changed = WEB.replace(", tier: front", "").replace("1Gi", "3Gi");
    assert_eq!(apply(&changed)?, "virtualmachine.kubevirt.io/web configured\n");
    let labels = field(&cluster.shell, "vm web", "metadata.labels")?;
    assert_eq!(labels, r#"{"app":"shop","by":"somebody-else"}"#);
    Ok(())
}

#[test]
fn a_built_in_kind_is_applied_with_its_list_keys() -> Result<()> {
    let cluster = Cluster::start()?;
    let pod = "\
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  containers:
  - {name: a, image: 'x:1'}
  - {name: b, image: 'y:1'}
";
    cluster.shell.ok_with("kubectl apply -f -", pod)?;
    cluster.shell.ok_with("kubectl apply -f -", &pod.replace("y:1", "y:2"))?;
    let images = field(&cluster.shell, "pod two", "spec.containers[*].image")?;
    assert_eq!(images, "x:1 y:2");
    Ok(())
}

#[test]
fn server_side_apply_creates_updates_and_removes_what_it_owns() -> Result<()> {
    let cluster = Cluster::start()?;
    let apply = "kubectl apply --server-side --field-manager=deployer -f -";
    let said = cluster.shell.ok_with(apply, WEB)?;
    assert_eq!(said, "virtualmachine.kubevirt.io/web serverside-applied\n");
    let version = field(&cluster.shell, "vm web", "metadata.resourceVersion")?;
    cluster.shell.ok_with(apply, WEB)?;
    assert_eq!(
        field(&cluster.shell, "vm web", "metadata.resourceVersion")?,
        version,
        "nothing changed, so nothing was written"
    );
    cluster.shell.ok_with(apply, &WEB.replace(", tier: front", ""))?;
    assert_eq!(field(&cluster.shell, "vm web", "metadata.labels")?, r#"{"app":"shop"}"#);
    Ok(())
}

#[test]
fn a_field_of_another_manager_is_a_conflict_that_is_named_and_can_be_forced() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.shell.ok_with("kubectl apply --server-side --field-manager=deployer -f -", WEB)?;
    let conflict = cluster
        .shell
        .fails_with("kubectl apply --server-side --field-manager=night -f -", STRATEGY)?;
    expect![[r#"
        error: Apply failed with 1 conflict: conflict with "deployer": .spec.runStrategy
        Please review the fields above--they currently have other managers. Here
        are the ways you can resolve this warning:
        * If you intend to manage all of these fields, please re-run the apply
          command with the `--force-conflicts` flag.
        * If you do not intend to manage all of the fields, please edit your
          manifest to remove references to the fields that should keep their
          current managers.
        * You may co-own fields by updating your manifest to match the existing
          value; in this case, you'll become the manager if the other manager(s)
          stop managing the field (remove it from their configuration).
        See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
    "#]]
    .assert_eq(&conflict);
    assert_eq!(field(&cluster.shell, "vm web", "spec.runStrategy")?, "Always");
    let force = "kubectl apply --server-side --field-manager=night --force-conflicts -f -";
    cluster.shell.ok_with(force, STRATEGY)?;
    assert_eq!(field(&cluster.shell, "vm web", "spec.runStrategy")?, "Halted");
    // It is night's alone now, so night takes it away with it.
    let without = STRATEGY.replace("  runStrategy: Halted\n", "");
    let lost = cluster.shell.fails_with(force, &without)?;
    expect![[r#"
        The request is invalid: spec.running: RunStrategy must be specified
    "#]]
    .assert_eq(&lost);
    Ok(())
}

#[test]
fn equal_values_are_shared_and_stay_until_the_last_owner_lets_go() -> Result<()> {
    let cluster = Cluster::start()?;
    let label = |manager: &str, labels: &str| {
        let manifest = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: shared, labels: {labels}}}\n"
        );
        let apply = format!("kubectl apply --server-side --field-manager={manager} -f -");
        cluster.shell.ok_with(&apply, &manifest)
    };
    label("one", "{a: one, b: two}")?;
    label("two", "{a: one}")?;
    label("one", "{b: two}")?;
    assert_eq!(field(&cluster.shell, "cm shared", "metadata.labels")?, r#"{"a":"one","b":"two"}"#);
    label("two", "{}")?;
    assert_eq!(field(&cluster.shell, "cm shared", "metadata.labels")?, r#"{"b":"two"}"#);
    Ok(())
}

#[test]
fn what_was_applied_by_the_client_can_be_taken_over_by_the_server() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.shell.ok_with("kubectl apply -f -", WEB)?;
    cluster.shell.ok_with("kubectl apply --server-side -f -", &WEB.replace("1Gi", "2Gi"))?;
    cluster.shell.ok_with("kubectl apply --server-side -f -", &WEB.replace(", tier: front", ""))?;
    assert_eq!(field(&cluster.shell, "vm web", "metadata.labels")?, r#"{"app":"shop"}"#);
    Ok(())
}

#[test]
fn diff_shows_what_apply_would_do_and_does_nothing() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.shell.ok_with("kubectl apply -f -", WEB)?;
    let changed = WEB.replace("1Gi", "4Gi");
    for apply in ["", " --server-side --force-conflicts"] {
        let diff = cluster.shell.run_with(&format!("kubectl diff{apply} -f -"), &changed)?;
        assert_eq!(diff.code, 1, "{diff:?}");
        assert!(diff.stdout.contains("+          guest: 4Gi"), "{diff:?}");
    }
    let same = cluster.shell.run_with("kubectl diff -f -", WEB)?;
    assert_eq!((same.code, same.stdout.as_str()), (0, ""), "{same:?}");
    let guest = field(&cluster.shell, "vm web", "spec.template.spec.domain.memory.guest")?;
    assert_eq!(guest, "1Gi");
    Ok(())
}

#[test]
fn the_documentations_own_machine_is_accepted_with_a_warning() -> Result<()> {
    let cluster = Cluster::start()?;
    let machine = WEB
        .replace("apiVersion: kubevirt.io/v1\n", "apiVersion: migrations.kubevirt.io/v1alpha1\n");
    let said = cluster.shell.run_with("kubectl apply -f -", &machine)?;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stderr.contains("Warning: "), "{said:?}");
    assert!(said.stderr.contains("kubevirt.io/v1"), "{said:?}");
    assert_eq!(
        field(&cluster.shell, "virtualmachines.kubevirt.io web", "apiVersion")?,
        "kubevirt.io/v1"
    );
    assert_eq!(cluster.ok("kubectl get vm -o name")?, "virtualmachine.kubevirt.io/web\n");
    // Applying it again finds it.
    let again = cluster.shell.run_with("kubectl apply -f -", &machine)?;
    assert!(again.stdout.ends_with("unchanged\n"), "{again:?}");
    Ok(())
}
