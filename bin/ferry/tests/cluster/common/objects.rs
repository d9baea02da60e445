//! Objects that tests begin with, and what a controller would write.

use ferry_api::kubevirt::VirtualMachineInstanceMigration;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::Cluster;

pub(crate) const MACHINE: &str = "
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: web}
spec:
  runStrategy: Always
  template:
    spec:
      domain:
        memory: {guest: 1Gi}
        devices: {}
";

/// What runs of it, on node-1.
pub(crate) const INSTANCE: &str = "
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web}
spec:
  evictionStrategy: LiveMigrate
  domain:
    memory: {guest: 1Gi}
    devices: {}
status:
  phase: Running
  nodeName: node-1
  conditions:
  - {type: Ready, status: 'True'}
  - {type: LiveMigratable, status: 'True'}
";

pub(crate) const LAUNCHER: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: virt-launcher-web-abcde
  labels: {kubevirt.io: virt-launcher, vm.kubevirt.io/name: web}
  annotations: {kubevirt.io/domain: web}
spec:
  nodeName: node-1
  containers:
  - {name: compute, image: 'ferry/guest:0.1'}
";

pub(crate) const NODE: &str = "
apiVersion: v1
kind: Node
metadata: {name: node-1}
";

impl Cluster {
    /// The migration of `web` that is there, as soon as it is.
    pub(crate) fn migration(&self) -> VirtualMachineInstanceMigration {
        let api = self.migrations();
        ferry_harness::wait_until("a migration", || {
            let all = self.runtime.block_on(api.list(&ListParams::default()))?;
            Ok(all.items.into_iter().next())
        })
        .unwrap()
    }

    pub(crate) fn migrations(&self) -> Api<VirtualMachineInstanceMigration> {
        Api::namespaced(self.client(), "default")
    }

    /// Writes its status, as controllers do.
    pub(crate) fn say_of_migration(&self, name: &str, status: &Value) {
        let patch = Patch::Merge(json!({ "status": status }));
        let api = self.migrations();
        let params = PatchParams::default();
        let written = api.patch_status(name, &params, &patch);
        self.runtime.block_on(written).unwrap();
    }

    /// Lets go of it, as the controller does when it is over.
    pub(crate) fn release_migration(&self, name: &str) {
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        let api = self.migrations();
        self.runtime.block_on(api.patch(name, &PatchParams::default(), &patch)).unwrap();
    }

    /// The migration moves on to a phase.
    pub(crate) fn phase(&self, migration: &VirtualMachineInstanceMigration, phase: &str) {
        self.say_of_migration(&migration.name_any(), &json!({ "phase": phase }));
    }
}
