//! How a testbed is at this moment: its processes, and what its API says of nodes, machines and
//! migrations.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_api::kubevirt::{
    VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Role;
use super::census::What;
use super::cluster::Cluster;
use super::daemons::Daemons;
use super::links::LinkState;
use crate::process::Usage;

/// How long the API server may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// How a testbed is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Its directory.
    pub dir: String,
    /// Where its API server is to be found.
    pub server: String,
    /// Its daemons, running or not, and its guests.
    pub processes: Vec<ProcessStatus>,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
    /// Its virtual machines, and instances that no machine stands behind.
    pub machines: Vec<MachineStatus>,
    /// Its migrations.
    pub migrations: Vec<MigrationStatus>,
    /// Links that can be broken: those that a relay stands in, or all of them between namespaces.
    pub links: Vec<LinkState>,
    /// Why some of it is missing.
    pub problems: Vec<String>,
}

/// A process.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStatus {
    /// What it is called: `controller`, a node's name, or `NAMESPACE/NAME` of a guest's machine.
    pub name: String,
    /// The node, where it is a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_on: Option<String>,
    /// Its number, if it runs.
    pub pid: Option<i32>,
    /// How long it has used a processor, in seconds.
    pub cpu_seconds: f64,
    /// Its resident memory in bytes, a guest's own included.
    pub memory_bytes: u64,
}

/// A node.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// The status of its condition Ready: `True`, `False` or `Unknown`.
    pub ready: String,
    /// Whether it is cordoned.
    pub cordoned: bool,
    /// Its address.
    pub address: String,
    /// How many machines run on it.
    pub machines: usize,
}

/// A virtual machine.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What `kubectl get vm` shows, or the phase of an instance without a machine.
    pub status: String,
    /// The node that it is on.
    pub node: Option<String>,
}

/// A migration.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationStatus {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The machine that it moves.
    pub machine: String,
    /// Its phase.
    pub phase: String,
    /// Where from.
    pub source: Option<String>,
    /// Where to.
    pub target: Option<String>,
}

/// What is wrong when nobody can be asked for objects.
const NO_API_SERVER: &str = "the API server does not run, so that only processes are known; \
    `ferry testbed up` starts what is missing";

impl Cluster {
    /// How it is.
    ///
    /// # Errors
    /// When the system does not say which processes there are. What else cannot be said is among
    /// the problems.
    pub async fn status(&self) -> Result<Status> {
        let mut status = Status {
            dir: self.dir().path().display().to_string(),
            server: format!("https://{}", self.plan().api),
            processes: processes(&self.daemons)?,
            nodes: Vec::new(),
            machines: Vec::new(),
            migrations: Vec::new(),
            links: Vec::new(),
            problems: Vec::new(),
        };
        if self.daemons.find(&Role::ApiServer)?.is_some() {
            let asked = tokio::time::timeout(ANSWER, ask(&self.client(), &mut status)).await;
            match asked {
                Ok(Ok(())) => {}
                Ok(Err(error)) => status.problems.push(format!("{error:#}")),
                Err(_) => {
                    status.problems.push(format!("the API server does not answer in {ANSWER:?}"));
                }
            }
        } else {
            status.problems.push(NO_API_SERVER.to_owned());
        }
        match self.links() {
            Ok(links) => status.links = links,
            Err(error) => status.problems.push(format!("{error:#}")),
        }
        Ok(status)
    }
}

fn processes(daemons: &Daemons) -> Result<Vec<ProcessStatus>> {
    let described = |name: String, guest_on: Option<String>, pid: Option<i32>| {
        let pid_text = pid.and_then(|pid| u32::try_from(pid).ok());
        // It may have ended by now.
        let usage = pid_text.and_then(|pid| Usage::of(pid).ok());
        ProcessStatus {
            name,
            guest_on,
            pid: pid.filter(|_| usage.is_some()),
            cpu_seconds: usage.map_or(0.0, |usage| usage.cpu.as_secs_f64()),
            memory_bytes: usage.map_or(0, |usage| (usage.private + usage.shared).get()),
        }
    };
    let members = super::census(&daemons.dir)?;
    let mut all: Vec<_> = daemons
        .roles()
        .into_iter()
        .map(|role| {
            let what = What::Daemon(role.clone());
            let pid = members.iter().find(|member| member.what == what).map(|it| it.id.pid);
            described(role.to_string(), None, pid)
        })
        .collect();
    for member in &members {
        if let What::Guest { node, guest } = &member.what {
            let name = guest.as_ref().map(|guest| format!("{}/{}", guest.namespace, guest.name));
            let name = name.unwrap_or_else(|| "unknown".to_owned());
            all.push(described(name, Some(node.to_string()), Some(member.id.pid)));
        }
    }
    Ok(all)
}

async fn ask(client: &Client, status: &mut Status) -> Result<()> {
    let nodes: Vec<Node> = list(client, "nodes").await?;
    let machines: Vec<VirtualMachine> = list(client, "virtual machines").await?;
    let instances: Vec<VirtualMachineInstance> = list(client, "instances").await?;
    let migrations: Vec<VirtualMachineInstanceMigration> = list(client, "migrations").await?;
    let mut on: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
    for instance in &instances {
        let key = (instance.namespace().unwrap_or_default(), instance.name_any());
        on.insert(key, text(instance, "/status/nodeName"));
    }
    status.nodes = nodes.iter().map(|node| described(node, &on)).collect();
    for machine in &machines {
        let key = (machine.namespace().unwrap_or_default(), machine.name_any());
        let shown = text(machine, "/status/printableStatus").unwrap_or_default();
        let node = on.remove(&key).flatten();
        status.machines.push(MachineStatus { namespace: key.0, name: key.1, status: shown, node });
    }
    for instance in &instances {
        let key = (instance.namespace().unwrap_or_default(), instance.name_any());
        if let Some(node) = on.remove(&key) {
            let shown = text(instance, "/status/phase").unwrap_or_default();
            let (namespace, name) = key;
            status.machines.push(MachineStatus { namespace, name, status: shown, node });
        }
    }
    status.migrations =
        migrations.iter().map(|migration| migration_status(migration, &instances)).collect();
    Ok(())
}

/// From where to where it goes is said by the instance while it goes on, and by itself afterwards.
fn migration_status(
    migration: &VirtualMachineInstanceMigration,
    instances: &[VirtualMachineInstance],
) -> MigrationStatus {
    let of_instance = instances.iter().find(|instance| {
        instance.namespace() == migration.namespace()
            && text(*instance, "/status/migrationState/migrationUid") == migration.uid()
    });
    let end = |pointer: &str| text(migration, pointer).or_else(|| text(of_instance?, pointer));
    MigrationStatus {
        namespace: migration.namespace().unwrap_or_default(),
        name: migration.name_any(),
        machine: migration.spec.vmi_name.clone(),
        phase: text(migration, "/status/phase").unwrap_or_default(),
        source: end("/status/migrationState/sourceNode"),
        target: end("/status/migrationState/targetNode"),
    }
}

fn described(node: &Node, on: &BTreeMap<(String, String), Option<String>>) -> NodeStatus {
    let name = node.name_any();
    let status = node.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    let ready = conditions.into_iter().find(|each| each.type_ == "Ready");
    let addresses = status.and_then(|status| status.addresses.as_ref()).into_iter().flatten();
    let address = addresses.into_iter().find(|each| each.type_ == "InternalIP");
    NodeStatus {
        ready: ready.map_or_else(|| "Unknown".to_owned(), |each| each.status.clone()),
        cordoned: node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true),
        address: address.map(|each| each.address.clone()).unwrap_or_default(),
        machines: on.values().filter(|at| at.as_deref() == Some(&name)).count(),
        name,
    }
}

async fn list<T>(client: &Client, what: &str) -> Result<Vec<T>>
where
    T: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let found = Api::<T>::all(client.clone()).list(&ListParams::default()).await;
    Ok(found.with_context(|| format!("asking for {what}"))?.items)
}

/// A text within an object, whatever type it has there.
fn text(object: &impl Serialize, pointer: &str) -> Option<String> {
    let value = serde_json::to_value(object).ok()?;
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}
