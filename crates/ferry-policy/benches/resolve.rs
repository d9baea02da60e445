//! How long one resolution takes among many policies.
//!
//! The yardstick is what no resolution can do without: one look at each label of each selector.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ferry_config::Semantics;
use ferry_policy::{EffectiveConfiguration, Policy, PolicySet, Subject, resolve};
use serde_json::json;

const POLICIES: usize = 10_000;

/// Policies of one to three labels, of which a few match and many differ in their last label only.
fn policies() -> PolicySet {
    (0..POLICIES)
        .map(|index| {
            let mut vm = BTreeMap::from([("kubevirt.io/environment".to_owned(), "production")]);
            let team = format!("team-{}", index % 100);
            if index % 2 == 0 {
                vm.insert("example.com/team".to_owned(), &team);
            }
            let namespace =
                BTreeMap::from([("hpc-workloads", if index % 3 == 0 { "True" } else { "False" })]);
            let written = serde_json::from_value(json!({
                "metadata": { "name": format!("policy-{index:05}") },
                "spec": {
                    "bandwidthPerMigration": "64Mi",
                    "selectors": {
                        "virtualMachineInstanceSelector": vm,
                        "namespaceSelector": namespace,
                    },
                },
            }));
            Policy::parse(&written.expect("a policy")).expect("a sound policy")
        })
        .collect()
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn bench(criterion: &mut Criterion) {
    let policies = policies();
    let vm = labels(&[
        ("kubevirt.io/domain", "vm"),
        ("kubevirt.io/environment", "production"),
        ("kubevirt.io/nodeName", "node-1"),
        ("kubevirt.io/size", "large"),
        ("example.com/team", "team-42"),
    ]);
    let namespace = labels(&[("hpc-workloads", "True"), ("kubernetes.io/metadata.name", "red")]);
    let subject = Subject { vm_labels: &vm, namespace_labels: &namespace };
    let cluster = EffectiveConfiguration::default();
    let mut group = criterion.benchmark_group("one VM against 10,000 policies");
    for semantics in Semantics::ALL {
        group.bench_function(semantics.name(), |bencher| {
            bencher.iter(|| resolve(black_box(&subject), &policies, &cluster, semantics));
        });
    }
    group.bench_function("yardstick: look every label up", |bencher| {
        bencher.iter(|| {
            policies
                .by_name()
                .iter()
                .flat_map(Policy::vm_selector)
                .filter(|(key, value)| black_box(&vm).get(*key) == Some(*value))
                .count()
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
