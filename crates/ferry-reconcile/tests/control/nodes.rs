//! Nodes, played: what kubelets and node daemons write, one write at a time, and only what is theirs
//! to write.

use ferry_api::Modelled;
use ferry_api::kubevirt::VirtualMachineInstance;
use ferry_reconcile::Part;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::text;

const INSTANCE: &str = "VirtualMachineInstance";

/// Something that a node can do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The pod's container runs.
    RunPod(String),
    /// The guest of the instance runs.
    RunGuest(String),
    /// The pod, which is to end, has ended.
    EndPod(String),
    /// The target of the instance's migration listens.
    Listen(String),
    /// Memory crosses.
    Cross(String),
    /// The guest has arrived.
    Arrive(String),
    /// The migration has failed, and the guest stays.
    Fail(String),
}

fn json_of<T: Modelled>(object: &T) -> Value {
    serde_json::to_value(object).unwrap()
}

impl Cluster {
    fn is_alive(&self, node: &str) -> bool {
        let node = self.get("Node", node);
        !node.is_null() && node.pointer("/metadata/annotations/silent").is_none()
    }

    /// Everything that nodes can do now. A migration that is called off fails.
    pub(crate) fn deeds(&self) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for pod in self.all::<Pod>().iter().map(json_of) {
            let name = text(&pod, "/metadata/name").to_owned();
            if !self.is_alive(text(&pod, "/spec/nodeName")) {
                continue;
            }
            if pod.pointer("/metadata/deletionTimestamp").is_some() {
                deeds.push(Deed::EndPod(name));
            } else if matches!(text(&pod, "/status/phase"), "" | "Pending") {
                deeds.push(Deed::RunPod(name));
            }
        }
        for instance in self.all::<VirtualMachineInstance>().iter().map(json_of) {
            deeds.extend(self.deeds_for(&instance));
        }
        deeds
    }

    fn deeds_for(&self, instance: &Value) -> Vec<Deed> {
        let name = text(instance, "/metadata/name").to_owned();
        let mut deeds = Vec::new();
        if text(instance, "/status/phase") == "Scheduled"
            && self.is_alive(text(instance, "/status/nodeName"))
        {
            deeds.push(Deed::RunGuest(name.clone()));
        }
        let Some(state) = instance.pointer("/status/migrationState") else { return deeds };
        let has = |field: &str| state.get(field).is_some_and(|value| *value != json!(false));
        if has("completed") || has("failed") || text(instance, "/status/phase") != "Running" {
            return deeds;
        }
        let (source, target) = (text(state, "/sourceNode"), text(state, "/targetNode"));
        let target_pod = self.get("Pod", text(state, "/targetPod"));
        let receives = self.is_alive(target)
            && text(&target_pod, "/status/phase") == "Running"
            && target_pod.pointer("/metadata/deletionTimestamp").is_none();
        if !has("targetNodeAddress") {
            deeds.extend(receives.then_some(Deed::Listen(name)));
        } else if !has("startTimestamp") {
            deeds.extend((receives && self.is_alive(source)).then_some(Deed::Cross(name)));
        } else if has("abortRequested") || !receives {
            deeds.extend(self.is_alive(source).then_some(Deed::Fail(name)));
        } else {
            deeds.push(Deed::Arrive(name.clone()));
            deeds.extend(self.is_alive(source).then_some(Deed::Fail(name)));
        }
        deeds
    }

    pub(crate) fn perform(&mut self, deed: &Deed) {
        let time = self.time().to_string();
        match deed {
            Deed::RunPod(pod) => self.run_pod(pod),
            Deed::EndPod(pod) => self.end_pod(pod),
            Deed::RunGuest(name) => {
                let instance = self.get(INSTANCE, name);
                let entered = instance["status"]["phaseTransitionTimestamps"].as_array();
                let mut entered = entered.cloned().unwrap_or_default();
                entered.push(json!({ "phase": "Running", "phaseTransitionTimestamp": time }));
                let status = json!({ "phase": "Running", "phaseTransitionTimestamps": entered });
                self.report(name, "nodeName", &status);
            }
            Deed::Listen(name) => {
                let state = json!({
                    "targetNodeAddress": "10.0.0.1",
                    "targetDirectMigrationNodePorts": { "4444": 0 },
                });
                self.report(name, "targetNode", &json!({ "migrationState": state }));
            }
            Deed::Cross(name) => {
                let state = json!({ "startTimestamp": time, "mode": "PreCopy" });
                self.report(name, "sourceNode", &json!({ "migrationState": state }));
            }
            Deed::Arrive(name) => self.arrive(name, &time),
            Deed::Fail(name) => {
                let state = json!({
                    "completed": true, "failed": true, "failureReason": "it did not work",
                    "endTimestamp": time,
                });
                self.report(name, "sourceNode", &json!({ "migrationState": state }));
            }
        }
    }

    fn run_pod(&mut self, pod: &str) {
        let status = json!({
            "phase": "Running",
            "conditions": [
                { "type": "PodScheduled", "status": "True" }, { "type": "Ready", "status": "True" },
            ],
            "containerStatuses": [{
                "name": "compute", "image": "i", "imageID": "i", "ready": true, "restartCount": 0,
                "state": { "running": {} },
            }],
        });
        let node = text(&self.get("Pod", pod), "/spec/nodeName").to_owned();
        self.patch(&node, "Pod", Part::Status, pod, &json!({ "status": status }));
    }

    /// The guest in the pod shuts down first, if it is there.
    fn end_pod(&mut self, pod: &str) {
        self.guest_of_pod_ends(pod);
        self.delete_with("Pod", pod, Some(0));
    }

    /// The node says of a guest whose pod ends that it has ended, if it is there.
    pub(crate) fn guest_of_pod_ends(&mut self, pod: &str) {
        let ended = self.get("Pod", pod);
        let name = text(&ended, "/metadata/annotations/kubevirt.io~1domain").to_owned();
        let instance = self.get(INSTANCE, &name);
        let is_here = text(&instance, "/status/nodeName") == text(&ended, "/spec/nodeName")
            && text(&instance, "/metadata/uid")
                == text(&ended, "/metadata/labels/kubevirt.io~1created-by");
        if is_here && !matches!(text(&instance, "/status/phase"), "Succeeded" | "Failed") {
            self.report(&name, "nodeName", &json!({ "phase": "Succeeded" }));
        }
    }

    fn arrive(&mut self, name: &str, time: &str) {
        let node = text(&self.get(INSTANCE, name), "/status/migrationState/targetNode").to_owned();
        let patch = json!({
            "metadata": { "labels": {
                "kubevirt.io/nodeName": node, "kubevirt.io/migrationTargetNodeName": null,
            } },
            "status": {
                "nodeName": node,
                "evacuationNodeName": null,
                "migrationState": {
                    "completed": true, "endTimestamp": time, "targetNodeDomainDetected": true,
                    "targetNodeDomainReadyTimestamp": time,
                },
            },
        });
        self.patch(&node, INSTANCE, Part::Main, name, &patch);
    }

    /// What the node writes that the instance names in this field.
    fn report(&mut self, name: &str, who: &str, status: &Value) {
        let instance = self.get(INSTANCE, name);
        let pointers = [format!("/status/{who}"), format!("/status/migrationState/{who}")];
        let node = pointers.iter().map(|it| text(&instance, it)).find(|it| !it.is_empty());
        let node = node.unwrap_or_default().to_owned();
        self.patch(&node, INSTANCE, Part::Main, name, &json!({ "status": status }));
    }

    /// The first deed that satisfies the test, done.
    pub(crate) fn do_one(&mut self, is_it: impl Fn(&Deed) -> bool) {
        let deed = self.deeds().into_iter().find(is_it).expect("a node can do it");
        self.perform(&deed);
    }

    /// Lets nodes and control plane act until nothing is left to do; no migration fails of itself.
    pub(crate) fn run(&mut self) {
        self.run_while(|_, _| true);
    }

    /// The same, but nodes do only what the test lets them do.
    pub(crate) fn run_while(&mut self, may: impl Fn(&Self, &Deed) -> bool) {
        for _ in 0..200 {
            self.settle();
            let deeds = self.deeds();
            let is_off = |name: &str| {
                let state = self.get(INSTANCE, name);
                let arrives = deeds.contains(&Deed::Arrive(name.to_owned()));
                state.pointer("/status/migrationState/abortRequested").is_some() || !arrives
            };
            let next = deeds.iter().find(|deed| match deed {
                Deed::Fail(name) => is_off(name),
                Deed::RunPod(_)
                | Deed::RunGuest(_)
                | Deed::EndPod(_)
                | Deed::Listen(_)
                | Deed::Cross(_)
                | Deed::Arrive(_) => may(self, deed),
            });
            match next.cloned() {
                Some(deed) => self.perform(&deed),
                None => return,
            }
        }
        panic!("it never comes to rest: {:?}", self.deeds());
    }

    /// An instance `name` that runs on `node`.
    pub(crate) fn running(&mut self, name: &str, node: &str) {
        let pinned = crate::objects::with(
            crate::objects::instance(name),
            &json!({ "spec": { "nodeSelector": { "name": node } } }),
        );
        self.create(&pinned);
        self.run();
        let free = json!({ "spec": { "nodeSelector": null } });
        self.patch("user", INSTANCE, Part::Main, name, &free);
        self.settle();
        let instance = self.get(INSTANCE, name);
        assert_eq!(text(&instance, "/status/phase"), "Running", "{instance:#}");
        assert_eq!(text(&instance, "/status/nodeName"), node);
        self.told();
    }

    /// Takes a node away without a word.
    pub(crate) fn silence(&mut self, node: &str) {
        let patch = json!({ "metadata": { "annotations": { "silent": "true" } } });
        self.patch("user", "Node", Part::Main, node, &patch);
    }

    pub(crate) fn pods_of(&self, instance: &str) -> Vec<String> {
        let pods: Vec<Pod> = self.all();
        pods.iter()
            .map(json_of)
            .filter(|pod| text(pod, "/metadata/annotations/kubevirt.io~1domain") == instance)
            .map(|pod| text(&pod, "/metadata/name").to_owned())
            .collect()
    }

    pub(crate) fn node_names(&self) -> Vec<String> {
        self.all::<Node>().iter().filter_map(|node| node.metadata.name.clone()).collect()
    }
}
