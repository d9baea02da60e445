//! An API server, a controller, and nodes that are played.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use ferry_api::kubevirt::{
    MigrationPhase, VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
    VirtualMachineInstancePhase,
};
use ferry_api::{Kind, KindVersion, Modelled};
use ferry_client::connect;
use ferry_harness::{ApiServer, Program, wait_until};
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use kube::Client;
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ObjectList, Request};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::process::Controller;

/// Where the platform's objects are.
pub(crate) const PLATFORM: &str = "openshift-cnv";

/// The user that the controller is.
const CONTROLLER: &str = "system:ferry:controller";

/// A cluster. Everything in it ends with it.
pub(crate) struct Cluster {
    pub(crate) controller: Controller,
    pub(crate) server: ApiServer,
    pub(crate) nodes: BTreeMap<String, Client>,
    admin: Client,
    runtime: Runtime,
    arguments: Vec<&'static str>,
    starts: u32,
}

impl Cluster {
    /// One with these nodes, and a controller that waits long for nodes: they are slow here.
    pub(crate) fn start(nodes: &[&str]) -> Result<Self> {
        Self::with(nodes, &["--node-grace", "1h"])
    }

    /// One whose controller has these arguments.
    pub(crate) fn with(nodes: &[&str], arguments: &[&'static str]) -> Result<Self> {
        let server = ApiServer::start()?;
        let runtime = Runtime::new()?;
        let admin = runtime.block_on(connect(&server.kubeconfig()))?;
        credentials(&server, CONTROLLER, &[])?;
        let controller = Controller::start(server.dir(), 1, arguments)?;
        let mut cluster = Self {
            controller,
            server,
            nodes: BTreeMap::new(),
            admin,
            runtime,
            arguments: arguments.to_vec(),
            starts: 1,
        };
        for name in nodes {
            cluster.join(name)?;
        }
        cluster.controller.wait_ready()?;
        Ok(cluster)
    }

    /// Lets a node join, with credentials of its own.
    fn join(&mut self, name: &str) -> Result<()> {
        let user = format!("system:node:{name}");
        let kubeconfig = credentials(&self.server, &user, &["system:nodes"])?;
        let client = self.runtime.block_on(connect(Path::new(&kubeconfig)))?;
        self.create(&crate::nodes::node(name))?;
        self.nodes.insert(name.to_owned(), client);
        Ok(())
    }

    /// Starts the controller again after it has ended.
    pub(crate) fn restart_controller(&mut self) -> Result<()> {
        self.starts += 1;
        self.controller = Controller::start(self.server.dir(), self.starts, &self.arguments)?;
        Ok(())
    }

    /// Sends a request as somebody.
    pub(crate) fn send(
        &self,
        client: &Client,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Value, kube::Error> {
        let request = request.map_err(kube::Error::BuildRequest)?;
        self.runtime.block_on(client.request(request))
    }

    /// Makes an object as the administrator.
    pub(crate) fn create(&self, object: &Value) -> Result<()> {
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let served = KindVersion::of_document(text("apiVersion"), text("kind"));
        let kind = served.context("a kind that is known")?.kind();
        let namespace = object["metadata"]["namespace"].as_str();
        let request =
            path(kind, namespace).create(&PostParams::default(), object.to_string().into());
        self.send(&self.admin, request).with_context(|| format!("making {object}"))?;
        Ok(())
    }

    /// Changes an object as the administrator.
    pub(crate) fn patch<T: Modelled>(&self, name: &str, merge: &Value) -> Result<()> {
        let request = of::<T>().patch(name, &PatchParams::default(), &Patch::Merge(merge));
        self.send(&self.admin, request)?;
        Ok(())
    }

    pub(crate) fn delete<T: Modelled>(&self, name: &str) -> Result<()> {
        self.send(&self.admin, of::<T>().delete(name, &DeleteParams::default()))?;
        Ok(())
    }

    /// An object of the namespace `default`, or of the cluster.
    pub(crate) fn get<T: Modelled>(&self, name: &str) -> Result<Option<T>> {
        match self.send(&self.admin, of::<T>().get(name, &GetParams::default())) {
            Ok(object) => Ok(Some(serde_json::from_value(object)?)),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All objects of the namespace `default`, or of the cluster.
    pub(crate) fn all<T: Modelled>(&self) -> Result<Vec<T>> {
        let list = self.send(&self.admin, of::<T>().list(&ListParams::default()))?;
        let list: ObjectList<T> = serde_json::from_value(list)?;
        Ok(list.items)
    }

    pub(crate) fn phase_of_instance(&self, name: &str) -> Result<VirtualMachineInstancePhase> {
        let instance: Option<VirtualMachineInstance> = self.get(name)?;
        let phase = instance.and_then(|it| it.status?.phase);
        Ok(phase.unwrap_or(VirtualMachineInstancePhase::Unset))
    }

    pub(crate) fn phase_of_migration(&self, name: &str) -> Result<MigrationPhase> {
        let migration: Option<VirtualMachineInstanceMigration> = self.get(name)?;
        Ok(migration.and_then(|it| it.status).map(|status| status.phase).unwrap_or_default())
    }

    /// The reasons of all events about an object, the oldest first.
    pub(crate) fn reasons(&self, about: &str) -> Result<Vec<String>> {
        let list = path(Kind::Event, None).list(&ListParams::default());
        let list: ObjectList<Event> = serde_json::from_value(self.send(&self.admin, list)?)?;
        let mut events = list.items;
        events.retain(|event| event.involved_object.name.as_deref() == Some(about));
        events.sort_by_key(|event| event.metadata.name.clone());
        Ok(events.into_iter().filter_map(|event| event.reason).collect())
    }

    /// Lets the nodes do what they have to until `look` finds what it looks for.
    pub(crate) fn play_until<T>(
        &self,
        what: &str,
        mut look: impl FnMut(&Self) -> Result<Option<T>>,
    ) -> Result<T> {
        wait_until(what, || {
            // Whoever reads between two writes of others is refused, and tries again.
            let _refused = self.play();
            look(self)
        })
    }

    /// A machine that runs on a node that is played.
    pub(crate) fn running(&self, name: &str) -> Result<String> {
        self.create(&machine(name))?;
        self.play_until("a machine that runs", |cluster| {
            let phase = cluster.phase_of_instance(name)?;
            Ok((phase == VirtualMachineInstancePhase::Running).then_some(()))
        })?;
        self.play_until("a machine that may move", |cluster| {
            let machine: Option<VirtualMachine> = cluster.get(name)?;
            let conditions = machine.and_then(|it| it.status?.conditions).unwrap_or_default();
            let is_movable = |it: &ferry_api::kubevirt::Condition| {
                it.type_ == "LiveMigratable" && it.status == "True"
            };
            Ok(conditions.iter().any(is_movable).then_some(()))
        })?;
        self.node_of(name)
    }

    pub(crate) fn node_of(&self, name: &str) -> Result<String> {
        let instance: Option<VirtualMachineInstance> = self.get(name)?;
        instance.and_then(|it| it.status?.node_name).context("a node")
    }

    /// The names of the pods that have not ended.
    pub(crate) fn pods(&self) -> Result<Vec<String>> {
        let pods: Vec<Pod> = self.all()?;
        Ok(pods.into_iter().filter_map(|pod| pod.metadata.name).collect())
    }

    /// The status of a node's condition `Ready`.
    pub(crate) fn health(&self, name: &str) -> Result<String> {
        let node: Option<Node> = self.get(name)?;
        let conditions = node.and_then(|it| it.status?.conditions).unwrap_or_default();
        let ready = conditions.into_iter().find(|it| it.type_ == "Ready");
        Ok(ready.map(|ready| ready.status).unwrap_or_default())
    }
}

/// The path of a kind: in the namespace `default`, or in that of the platform.
pub(crate) fn of<T: Modelled>() -> Request {
    let kind = <T as Modelled>::KIND;
    let is_platform = matches!(kind, Kind::HyperConverged | Kind::KubeVirt);
    path(kind, Some(if is_platform { PLATFORM } else { "default" }))
}

pub(crate) fn path(kind: Kind, namespace: Option<&str>) -> Request {
    let (served, definition) = (KindVersion::storage(kind), kind.definition());
    let root = if served.group().is_empty() { "/api" } else { "/apis" };
    let place = match (definition.scope, namespace) {
        (ferry_api::Scope::Namespaced, Some(namespace)) => format!("namespaces/{namespace}/"),
        (ferry_api::Scope::Namespaced | ferry_api::Scope::Cluster, _) => String::new(),
    };
    Request::new(format!("{root}/{}/{place}{}", served.api_version(), definition.plural))
}

/// Makes a kubeconfig for somebody, and returns its path.
fn credentials(server: &ApiServer, user: &str, groups: &[&str]) -> Result<String> {
    let path = server.dir().join(format!("kubeconfig-of-{user}"));
    let output = Command::new(Program::ferry_apiserver()?.path())
        .arg("kubeconfig")
        .arg("--data-dir")
        .arg(server.data_dir())
        .args(["--user", user])
        .args(groups.iter().flat_map(|group| ["--group", group]))
        .arg("--output")
        .arg(&path)
        .output()?;
    if !output.status.success() {
        bail!("no credentials for {user}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(path.display().to_string())
}

/// A machine of 64 MiB that always runs.
pub(crate) fn machine(name: &str) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "runStrategy": "Always", "template": { "spec": {
            "evictionStrategy": "LiveMigrate",
            "domain": { "memory": { "guest": "64Mi" }, "devices": {} },
        } } },
    })
}

pub(crate) fn migration(name: &str, instance: &str) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration",
        "metadata": { "name": name, "namespace": "default" }, "spec": { "vmiName": instance },
    })
}
