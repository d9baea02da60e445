//! What nodes do, played: pods run, guests start, memory crosses, pods end. Each write is one that a
//! node daemon makes, with the rights that it has.

use anyhow::Result;
use ferry_api::kubevirt::{
    MigrationState, VirtualMachineInstance, VirtualMachineInstancePhase as Phase,
};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::{Cluster, of};

/// When everything happens on a node that is played.
const THEN: &str = "2026-11-26T12:00:00Z";

/// A node of 4 GiB that takes guests.
pub(crate) fn node(name: &str) -> Value {
    let room = json!({
        "cpu": "8", "memory": "4Gi", "pods": "110", "devices.kubevirt.io/kvm": "1k",
    });
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": {
            "kubernetes.io/hostname": name, "kubevirt.io/schedulable": "true",
        } },
        "status": {
            "capacity": room, "allocatable": room,
            "conditions": [{ "type": "Ready", "status": "True" }],
        },
    })
}

impl Cluster {
    /// Lets every node do once what it has to.
    pub(crate) fn play(&self) -> Result<()> {
        for pod in self.all::<Pod>()? {
            self.play_pod(&pod)?;
        }
        for instance in self.all::<VirtualMachineInstance>()? {
            self.play_instance(&instance)?;
        }
        Ok(())
    }

    fn play_pod(&self, pod: &Pod) -> Result<()> {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        let Some(client) = node.and_then(|node| self.nodes.get(node)) else { return Ok(()) };
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        if pod.metadata.deletion_timestamp.is_some() {
            let at_once = DeleteParams::default().grace_period(0);
            self.send(client, of::<Pod>().delete(name, &at_once))?;
        } else if pod.status.as_ref().and_then(|it| it.phase.as_deref()) != Some("Running") {
            let status = json!({ "status": {
                "phase": "Running",
                "conditions": [{ "type": "Ready", "status": "True" }],
                "containerStatuses": [{
                    "name": "compute", "image": "i", "imageID": "", "ready": true,
                    "restartCount": 0, "state": { "running": { "startedAt": THEN } },
                }],
            } });
            let params = PatchParams::default();
            let patch = Patch::Merge(&status);
            self.send(client, of::<Pod>().patch_subresource("status", name, &params, &patch))?;
        }
        Ok(())
    }

    fn play_instance(&self, instance: &VirtualMachineInstance) -> Result<()> {
        let Some(status) = &instance.status else { return Ok(()) };
        let here = status.node_name.as_deref().and_then(|node| self.nodes.get(node));
        let Some(here) = here else { return Ok(()) };
        if status.phase == Some(Phase::Scheduled) {
            return self.report(here, instance, &json!({ "phase": "Running" }));
        }
        let Some(state) = &status.migration_state else { return Ok(()) };
        let target = state.target_node.as_deref().unwrap_or_default();
        let Some(there) = self.nodes.get(target) else { return Ok(()) };
        match next(state) {
            Some((true, change)) => {
                let mut change = json!({ "migrationState": change });
                if change["migrationState"]["completed"] == true {
                    change["nodeName"] = json!(target);
                }
                self.report(there, instance, &change)
            }
            Some((false, change)) => {
                self.report(here, instance, &json!({ "migrationState": change }))
            }
            None => Ok(()),
        }
    }

    /// Writes into the status of an instance, if it is still as it was seen.
    fn report(&self, by: &Client, seen: &VirtualMachineInstance, change: &Value) -> Result<()> {
        let name = seen.metadata.name.as_deref().unwrap_or_default();
        let merge = json!({
            "metadata": { "resourceVersion": seen.metadata.resource_version },
            "status": change,
        });
        let request = of::<VirtualMachineInstance>().patch(
            name,
            &PatchParams::default(),
            &Patch::Merge(&merge),
        );
        self.send(by, request)?;
        Ok(())
    }
}

/// What comes next in a migration, and whether the target writes it.
fn next(state: &MigrationState) -> Option<(bool, Value)> {
    if state.completed == Some(true) {
        None
    } else if state.target_node_address.is_none() {
        Some((true, json!({ "targetNodeAddress": "127.0.0.1" })))
    } else if state.start_timestamp.is_none() {
        Some((false, json!({ "startTimestamp": THEN, "mode": "PreCopy" })))
    } else {
        let arrived = json!({
            "completed": true, "endTimestamp": THEN, "targetNodeDomainDetected": true,
            "targetNodeDomainReadyTimestamp": THEN,
        });
        Some((true, arrived))
    }
}
