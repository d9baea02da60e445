//! Machines to be moved, and their moves.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::{
    MigrationState, VirtualMachineInstance, VirtualMachineInstanceMigration,
    VirtualMachineInstanceMigrationSpec,
};
use ferry_harness::Testbed;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

/// Where the platform is installed.
pub(crate) const PLATFORM: &str = "openshift-cnv";

/// A machine to be made.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) namespace: String,
    pub(crate) name: String,
    memory: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    volumes: Vec<Value>,
    strategy: String,
    spec: BTreeMap<String, Value>,
}

/// A machine of 64 MiB that does nothing.
pub(crate) fn machine(name: &str) -> Machine {
    Machine {
        namespace: "default".to_owned(),
        name: name.to_owned(),
        memory: "64Mi".to_owned(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        volumes: Vec::new(),
        strategy: "Always".to_owned(),
        spec: BTreeMap::new(),
    }
    .works("idle")
}

impl Machine {
    pub(crate) fn namespace(self, name: &str) -> Self {
        Self { namespace: name.to_owned(), ..self }
    }

    pub(crate) fn memory(self, size: &str) -> Self {
        Self { memory: size.to_owned(), ..self }
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// What it works on.
    pub(crate) fn works(self, pattern: &str) -> Self {
        self.annotation("pattern", pattern)
    }

    /// How much of its memory it fills first.
    pub(crate) fn fills(self, size: &str) -> Self {
        self.annotation("fill", size)
    }

    fn annotation(self, word: &str, value: &str) -> Self {
        self.note(&format!("workload.ferry.dev/{word}"), value)
    }

    /// Any annotation of its instance.
    pub(crate) fn note(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// A file that is on every node.
    pub(crate) fn shared_file(mut self, name: &str, path: &Path) -> Self {
        let file = json!({ "path": path, "type": "Disk", "shared": true });
        self.volumes.push(json!({ "name": name, "hostDisk": file }));
        self
    }

    /// A disk of its own.
    pub(crate) fn local_disk(mut self, name: &str, size: &str) -> Self {
        self.volumes.push(json!({ "name": name, "emptyDisk": { "capacity": size } }));
        self
    }

    /// A disk that is a claim.
    pub(crate) fn claim(mut self, claim: &str) -> Self {
        let source = json!({ "claimName": claim });
        self.volumes.push(json!({ "name": claim, "persistentVolumeClaim": source }));
        self
    }

    /// Its run strategy.
    pub(crate) fn runs(self, strategy: &str) -> Self {
        Self { strategy: strategy.to_owned(), ..self }
    }

    /// A member of its instance's spec, such as `nodeSelector`.
    pub(crate) fn with(mut self, member: &str, value: Value) -> Self {
        self.spec.insert(member.to_owned(), value);
        self
    }

    fn manifest(&self) -> String {
        let disk = |volume: &Value| json!({ "name": volume["name"], "disk": { "bus": "virtio" } });
        let disks: Vec<_> = self.volumes.iter().map(disk).collect();
        let mut spec = json!({
            "domain": {
                "memory": { "guest": self.memory },
                "devices": { "disks": disks },
            },
            "volumes": self.volumes,
        });
        for (member, value) in &self.spec {
            spec[member] = value.clone();
        }
        json!({
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": { "name": self.name, "namespace": self.namespace },
            "spec": {
                "runStrategy": self.strategy,
                "template": {
                    "metadata": { "labels": self.labels, "annotations": self.annotations },
                    "spec": spec,
                },
            },
        })
        .to_string()
    }

    /// Makes it.
    pub(crate) async fn make(&self, testbed: &Testbed) -> Result<()> {
        testbed.apply(&self.manifest()).await
    }

    /// Makes it, and waits until it runs.
    pub(crate) async fn start(&self, testbed: &Testbed) -> Result<VirtualMachineInstance> {
        self.make(testbed).await?;
        testbed.wait_running(&self.namespace, &self.name).await
    }

    /// Begins to move it.
    pub(crate) async fn migrate<'a>(&self, testbed: &'a Testbed) -> Result<Migration<'a>> {
        self.migrate_to(testbed, &[]).await
    }

    /// Begins to move it to a node that has all of these labels.
    pub(crate) async fn migrate_to<'a>(
        &self,
        testbed: &'a Testbed,
        labels: &[(&str, &str)],
    ) -> Result<Migration<'a>> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let metadata = ObjectMeta {
            generate_name: Some(format!("{}-", self.name)),
            // A pod that no node takes is given up soon.
            annotations: Some(BTreeMap::from([(
                "kubevirt.io/migrationUnschedulablePodTimeoutSeconds".to_owned(),
                "2".to_owned(),
            )])),
            ..ObjectMeta::default()
        };
        let spec = VirtualMachineInstanceMigrationSpec {
            vmi_name: self.name.clone(),
            added_node_selector: (!labels.is_empty()).then(|| labels.iter().map(owned).collect()),
            ..VirtualMachineInstanceMigrationSpec::default()
        };
        let wanted = VirtualMachineInstanceMigration { metadata, spec, status: None };
        let api = Api::namespaced(testbed.client(), &self.namespace);
        let made = api.create(&PostParams::default(), &wanted).await?;
        Ok(Migration { testbed, namespace: self.namespace.clone(), name: made.name_any() })
    }

    /// Moves it, and waits until it has moved.
    pub(crate) async fn moved(&self, testbed: &Testbed) -> Result<MigrationState> {
        self.migrate(testbed).await?.succeeded().await
    }
}

/// A migration.
pub(crate) struct Migration<'a> {
    testbed: &'a Testbed,
    namespace: String,
    pub(crate) name: String,
}

impl<'a> Migration<'a> {
    /// One that is there already.
    pub(crate) fn of(testbed: &'a Testbed, namespace: &str, name: &str) -> Self {
        Self { testbed, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Waits until it is so.
    pub(crate) async fn until(
        &self,
        what: &str,
        is_so: impl Fn(&VirtualMachineInstanceMigration) -> bool,
    ) -> Result<VirtualMachineInstanceMigration> {
        self.testbed.wait_for(&self.namespace, &self.name, what, is_so).await
    }

    /// Waits until it is in this phase.
    pub(crate) async fn phase(&self, name: &str) -> Result<VirtualMachineInstanceMigration> {
        self.until(name, |it| it.status.as_ref().is_some_and(|it| it.phase.name() == name)).await
    }

    /// Waits until it waits for something for this reason, and returns what it says.
    pub(crate) async fn waits(&self, reason: &str) -> Result<String> {
        let said = |it: &VirtualMachineInstanceMigration| {
            let conditions = it.status.as_ref()?.conditions.as_ref()?.iter();
            let mut waiting = conditions.filter(|each| each.type_ == "migrationWaiting");
            let found = waiting.find(|each| each.reason.as_deref() == Some(reason))?;
            found.message.clone()
        };
        let found = self.until(reason, |it| said(it).is_some()).await?;
        said(&found).context("a message")
    }

    /// Waits for its end, which has to be this one, and returns how it went.
    async fn ended(&self, phase: &str) -> Result<MigrationState> {
        let is_over = |it: &VirtualMachineInstanceMigration| {
            it.status.as_ref().is_some_and(|it| it.phase.is_final())
        };
        let status = self.until("its end", is_over).await?.status.context("a status")?;
        ensure!(status.phase.name() == phase, "{} has not {phase}: {status:?}", self.name);
        Ok(status.migration_state.unwrap_or_default())
    }

    /// Waits until it has succeeded.
    pub(crate) async fn succeeded(&self) -> Result<MigrationState> {
        self.ended("Succeeded").await
    }

    /// Waits until it has failed.
    pub(crate) async fn failed(&self) -> Result<MigrationState> {
        self.ended("Failed").await
    }
}

/// A MigrationPolicy for machines with the label `policy: NAME`.
pub(crate) async fn policy(testbed: &Testbed, name: &str, settings: Value) -> Result<()> {
    let mut spec = settings;
    spec["selectors"] = json!({ "virtualMachineInstanceSelector": { "policy": name } });
    let object = json!({
        "apiVersion": "migrations.kubevirt.io/v1alpha1",
        "kind": "MigrationPolicy",
        "metadata": { "name": name },
        "spec": spec,
    });
    testbed.apply(&object.to_string()).await
}

/// Changes settings of the cluster, as an administrator does with HyperConverged, and waits until
/// KubeVirt has them. `null` deletes one.
pub(crate) async fn configure(testbed: &Testbed, settings: Value) -> Result<()> {
    let patch = json!({ "spec": { "liveMigrationConfig": &settings } }).to_string();
    let object = "hyperconvergeds.v1beta1.hco.kubevirt.io/kubevirt-hyperconverged";
    let done = testbed.kubectl(["patch", object, "-n", PLATFORM, "--type=merge", "-p", &patch])?;
    ensure!(done.code == 0, "{patch}: {}", done.stderr);
    let settings = settings.as_object().context("settings")?;
    let is_so = |kubevirt: &ferry_api::kubevirt::KubeVirt| {
        let found = serde_json::to_value(kubevirt).unwrap_or_default();
        let found = &found["spec"]["configuration"]["migrations"];
        settings.iter().all(|(key, value)| value.is_null() || found[key] == *value)
    };
    let name = "kubevirt-kubevirt-hyperconverged";
    testbed.wait_for(PLATFORM, name, "the settings", is_so).await.map(drop)
}

/// Has a machine compare all of its memory and disks with what it knows that it wrote, and returns how
/// many pages and blocks that were.
pub(crate) fn verified(testbed: &Testbed, machine: &Machine) -> Result<(u64, u64)> {
    let arguments = ["verify", &machine.name, "-n", &machine.namespace, "-o", "json"];
    let found = testbed.ferry(arguments)?;
    ensure!(found.code == 0, "{}: {}{}", machine.name, found.stdout, found.stderr);
    let found: Value = serde_json::from_str(&found.stdout)?;
    let number = |key: &str| found[key].as_u64().with_context(|| format!("{key}: {found}"));
    Ok((number("pages")?, number("blocks")?))
}
