//! How a guest is sent: what has to cross, over how many connections.

use ferry_config::TransferSize;
use ferry_reconcile::guest::{Migrate, Order};
use ferry_units::Bytes;
use serde_json::{Value, json};

use super::daemons::Nodes;
use super::processes::Deed;
use crate::cluster::Cluster;
use crate::objects::{claim, instance, kubevirt, migration, with};

/// What the source of a guest is told that was written like that.
fn sent(spec: &Value, configuration: &Value) -> Migrate {
    let mut cluster = Cluster::new();
    cluster.create(&kubevirt(&json!({ "migrations": configuration })));
    let mut nodes = Nodes::new(cluster);
    nodes.cluster.create(&claim("all", "ReadWriteMany"));
    nodes.cluster.create(&with(instance("vm"), &json!({ "spec": spec })));
    nodes.run();
    nodes.cluster.create(&migration("m", "vm"));
    nodes.down.insert("node-1".to_owned());
    nodes.run_while(|deed| matches!(deed, Deed::Boot(_)));
    nodes.down.clear();
    nodes.refresh("node-1");
    nodes.act("node-1", usize::MAX);
    let orders = nodes.plans("node-1").into_iter().flat_map(|(_, plan)| plan.orders);
    let mut sent = orders.filter_map(|order| match order {
        Order::Migrate(migrate) => Some(migrate),
        _ => None,
    });
    sent.next().expect("it is to be sent")
}

#[test]
fn parity_eight_connections_carry_memory_unless_cpus_are_short_or_post_copy_may_come() {
    for (domain, configuration, channels) in [
        (json!({}), json!({}), 8),
        (json!({ "resources": { "limits": { "cpu": "2" } } }), json!({}), 1),
        (json!({ "resources": { "limits": { "cpu": "0" } } }), json!({}), 8),
        (json!({ "cpu": { "dedicatedCpuPlacement": true } }), json!({}), 1),
        (json!({}), json!({ "allowPostCopy": true }), 1),
    ] {
        let sent = sent(&json!({ "domain": domain }), &configuration);
        assert_eq!(sent.channels, channels, "{domain} {configuration}");
    }
}

#[test]
fn parity_a6_what_crosses_is_memory_and_the_disks_that_are_on_one_node() {
    let volumes = json!([
        { "name": "shared", "persistentVolumeClaim": { "claimName": "all" } },
        { "name": "scratch", "emptyDisk": { "capacity": "32Mi" } },
        { "name": "root", "containerDisk": { "image": "fedora" } },
    ]);
    for (spec, disks) in [(json!({}), 0), (json!({ "volumes": volumes }), 96)] {
        let sent = sent(&spec, &json!({}));
        let expected = TransferSize { memory: Bytes::from_mib(256), disks: Bytes::from_mib(disks) };
        assert_eq!(sent.size, expected, "{spec}");
        assert_eq!(
            (sent.target_node.as_str(), sent.address.to_string()),
            ("node-2", "10.0.0.1".to_owned())
        );
    }
}
