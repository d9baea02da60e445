//! `ferry explain --cluster`: what manifests would tell, told by the cluster.

use crate::common::{Cluster, INSTANCE, MACHINE};

const POLICY: &str = "
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: fast}
spec:
  completionTimeoutPerGiB: 20
  selectors: {namespaceSelector: {kubernetes.io/metadata.name: default}}
";

#[test]
fn a_cluster_is_explained_as_its_manifests_are() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE, POLICY]);
    let text = cluster.ok(&["explain", "--cluster"]);
    assert!(text.contains("default/web\n"), "{text}");
    assert!(text.contains("policy              fast\n"), "{text}");
    assert!(text.contains("20 s (20 s/GiB, 1 GiB of memory, documented semantics)"), "{text}");
    let other = cluster.ok(&["explain", "--cluster", "--semantics", "kubevirt"]);
    assert!(other.contains("kubevirt semantics)"), "{other}");
    let all = ["get", "hco,kubevirt,migrationpolicies,ns,vm,vmi", "-A", "-o", "yaml"];
    let dump = cluster.ok(&all);
    assert_eq!(cluster.ferry_reading(&["explain", "-f", "-"], &dump).out, text);
    assert_eq!(cluster.ferry(&["explain", "--cluster", "-f", "x.yaml"]).code, Some(2));
    assert_eq!(cluster.ferry(&["explain"]).code, Some(2));
}

#[test]
fn a_cluster_is_explained_with_the_semantics_that_it_has() {
    let cluster = Cluster::start_with(&["--semantics", "kubevirt"]);
    for manifest in [MACHINE, INSTANCE, POLICY] {
        cluster.apply(manifest);
    }
    let text = cluster.ok(&["explain", "--cluster"]);
    assert!(text.contains("kubevirt semantics)"), "{text}");
    let other = cluster.ok(&["explain", "--cluster", "--semantics", "documented"]);
    assert!(other.contains("documented semantics)"), "{other}");
}
