//! Clusters to begin with, and ways to look at what kubectl prints.

use anyhow::{Context, Result};
use ferry_harness::{ApiServer, Shell};

/// A virtual machine as people write it.
pub(crate) const WEB: &str = "\
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: web
  labels: {app: shop, tier: front}
spec:
  runStrategy: Always
  template:
    metadata:
      labels: {kubevirt.io/vm: web, app: shop}
    spec:
      domain:
        memory: {guest: 1Gi}
        devices:
          disks:
          - name: root
            disk: {bus: virtio}
          interfaces:
          - name: default
            masquerade: {}
      networks:
      - name: default
        pod: {}
      volumes:
      - name: root
        containerDisk: {image: 'registry.example/fedora:40'}
";

/// What runs when that one has been started, as the controller and a node report it.
pub(crate) const WEB_INSTANCE: &str = "\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata:
  name: web
  labels: {kubevirt.io/vm: web, app: shop}
spec:
  evictionStrategy: LiveMigrate
  domain:
    memory: {guest: 1Gi}
    devices: {}
status:
  phase: Running
  nodeName: node-1
  interfaces: [{ipAddress: 10.244.0.7, name: default}]
  conditions:
  - {type: Ready, status: 'True'}
  - {type: LiveMigratable, status: 'True'}
";

/// A node that is ready.
pub(crate) const NODE: &str = "\
apiVersion: v1
kind: Node
metadata:
  name: node-1
  labels: {kubernetes.io/hostname: node-1, node-role.kubernetes.io/worker: ''}
status:
  capacity: {cpu: '8', memory: 32Gi, pods: '110'}
  allocatable: {cpu: '8', memory: 32Gi, pods: '110'}
  conditions:
  - type: Ready
    status: 'True'
    reason: KubeletReady
    message: ferry-node is ready
    lastHeartbeatTime: '2026-01-01T00:00:00Z'
    lastTransitionTime: '2026-01-01T00:00:00Z'
  addresses:
  - {type: InternalIP, address: 10.0.0.1}
  - {type: Hostname, address: node-1}
  nodeInfo:
    machineID: m
    systemUUID: s
    bootID: b
    kernelVersion: 6.1.0
    osImage: Debian GNU/Linux 12
    containerRuntimeVersion: ferry://0.1.0
    kubeletVersion: v1.36.0
    kubeProxyVersion: v1.36.0
    operatingSystem: linux
    architecture: amd64
";

/// The pod that the instance runs in.
pub(crate) const LAUNCHER: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: virt-launcher-web-abcde
  labels: {kubevirt.io: virt-launcher, vm.kubevirt.io/name: web}
  annotations: {kubevirt.io/domain: web}
  ownerReferences:
  - apiVersion: kubevirt.io/v1
    kind: VirtualMachineInstance
    name: web
    uid: UID
    controller: true
    blockOwnerDeletion: true
spec:
  nodeName: node-1
  containers:
  - {name: compute, image: 'ferry/guest:0.1'}
";

/// A server and a shell in which kubectl talks to it.
pub(crate) struct Cluster {
    pub(crate) shell: Shell,
    pub(crate) server: ApiServer,
}

impl Cluster {
    /// An empty one.
    pub(crate) fn start() -> Result<Self> {
        let server = ApiServer::start()?;
        Ok(Self { shell: server.shell()?, server })
    }

    /// One with these objects in the namespace `default`.
    pub(crate) fn with(manifests: &[&str]) -> Result<Self> {
        let cluster = Self::start()?;
        for manifest in manifests {
            cluster.create(manifest)?;
        }
        Ok(cluster)
    }

    pub(crate) fn create(&self, manifest: &str) -> Result<String> {
        self.shell.ok_with("kubectl create -f -", manifest)
    }

    /// One on whose only node a machine runs, in its pod.
    pub(crate) fn with_a_machine_that_runs() -> Result<Self> {
        let cluster = Self::with(&[NODE, WEB, WEB_INSTANCE])?;
        let uid = cluster.shell.ok("kubectl get vmi web -o jsonpath={.metadata.uid}")?;
        let pod = LAUNCHER.replace("UID", &uid);
        cluster.shell.ok_with("kubectl create -f -", &pod)?;
        let running = r#"{"status":{"phase":"Running","podIP":"10.244.0.7","conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"compute","image":"ferry/guest:0.1","imageID":"","ready":true,"restartCount":0,"state":{"running":{"startedAt":"2026-01-01T00:00:00Z"}}}]}}"#;
        let patch = format!(
            "kubectl patch pod virt-launcher-web-abcde --subresource=status --type=merge -p '{running}'"
        );
        cluster.shell.ok(&patch)?;
        Ok(cluster)
    }

    /// What a script prints that has to succeed.
    pub(crate) fn ok(&self, script: &str) -> Result<String> {
        self.shell.ok(script)
    }

    /// What a script complains of that has to fail.
    pub(crate) fn fails(&self, script: &str) -> Result<String> {
        self.shell.fails(script)
    }
}

/// The rows of a table, each as its cells. Cells have no two blanks in them.
pub(crate) fn rows(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect()
}

/// A table in which every age, which depends on how fast the test is, is `AGE`.
pub(crate) fn ageless(table: &str) -> String {
    let mut lines = Vec::new();
    for row in rows(table) {
        let cells = row.iter().map(|cell| if is_age(cell) { "AGE" } else { cell });
        lines.push(cells.collect::<Vec<_>>().join(" | "));
    }
    lines.join("\n") + "\n"
}

fn is_age(cell: &str) -> bool {
    let unit = cell.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < cell.len() && matches!(unit, "s" | "m" | "h" | "ms")
}

/// A value of a JSON document by its path, such as `metadata.uid`.
pub(crate) fn field(shell: &Shell, object: &str, path: &str) -> Result<String> {
    shell
        .ok(&format!("kubectl get {object} -o 'jsonpath={{.{path}}}'"))
        .with_context(|| format!("{path} of {object}"))
}
