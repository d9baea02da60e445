//! The kinds work with the `kube` crate: requests go to the right paths, bodies say what they are,
//! and what a newer server knows more survives a read, a change and a write.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use ferry_api::MigrationPolicy;
use ferry_api::hco;
use ferry_api::kubevirt::{
    KubeVirt, MigrationPhase, VirtualMachine, VirtualMachineInstance,
    VirtualMachineInstanceMigration, VirtualMachineInstanceMigrationSpec,
};
use futures::TryStreamExt;
use http::{Method, Request, Response};
use kube::api::{ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::client::Body;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};

/// What a client sent.
#[derive(Debug)]
struct Sent {
    method: Method,
    path: String,
    query: String,
    content_type: String,
    body: Value,
}

/// A server that gives the answers of its script in their order and remembers what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<String>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

const UNPOISONED: &str = "no test panics while it holds the lock";

impl Script {
    fn answering(answers: impl IntoIterator<Item = Value>) -> Self {
        let answers = answers.into_iter().map(|answer| answer.to_string()).collect();
        Self { answers: Arc::new(Mutex::new(answers)), ..Self::default() }
    }

    fn client(&self) -> Client {
        let script = self.clone();
        let service = tower::service_fn(move |request| script.clone().answer(request));
        Client::new(service, "default")
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<String>, kube::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await?;
        let content_type = head.headers.get("content-type");
        self.sent.lock().expect(UNPOISONED).push(Sent {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            content_type: content_type
                .map_or("", |it| it.to_str().expect("a header of text"))
                .to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        });
        let answer =
            self.answers.lock().expect(UNPOISONED).pop_front().expect("one answer a request");
        Ok(Response::new(answer))
    }

    fn only_request(&self) -> Sent {
        let mut sent = self.sent.lock().expect(UNPOISONED);
        assert_eq!(sent.len(), 1);
        sent.remove(0)
    }
}

const COLLECTION: &str = "/apis/kubevirt.io/v1/namespaces/billing/virtualmachineinstancemigrations";

fn migrations(script: &Script) -> Api<VirtualMachineInstanceMigration> {
    Api::namespaced(script.client(), "billing")
}

fn migration(name: &str) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigration",
        "metadata": { "name": name, "namespace": "billing", "resourceVersion": "7" },
        "spec": { "vmiName": "postgres" },
        "status": { "phase": "Running" },
    })
}

#[tokio::test]
async fn a_migration_is_read() {
    let script = Script::answering([migration("a")]);
    let read = migrations(&script).get("a").await.unwrap();
    assert_eq!(read.name_any(), "a");
    assert_eq!(read.spec.vmi_name, "postgres");
    assert_eq!(read.status.unwrap().phase, MigrationPhase::Running);
    let sent = script.only_request();
    assert_eq!((sent.method, sent.path), (Method::GET, format!("{COLLECTION}/a")));
}

#[tokio::test]
async fn items_of_a_list_need_no_type_of_their_own() {
    let mut bare = migration("a");
    bare.as_object_mut().unwrap().retain(|name, _| name != "apiVersion" && name != "kind");
    let script = Script::answering([json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigrationList",
        "metadata": { "resourceVersion": "9" },
        "items": [bare, migration("b")],
    })]);
    let labels = ListParams::default().labels("kubevirt.io/vmi-name=postgres");
    let list = migrations(&script).list(&labels).await.unwrap();
    assert_eq!(list.metadata.resource_version.as_deref(), Some("9"));
    let written: Vec<_> = list.items.iter().map(|item| json!(item)).collect();
    assert_eq!(written, [migration("a"), migration("b")]);
    let sent = script.only_request();
    assert_eq!(sent.path, COLLECTION);
    assert!(sent.query.contains("labelSelector=kubevirt.io%2Fvmi-name%3Dpostgres"), "{sent:?}");
}

#[tokio::test]
async fn what_is_created_says_what_it_is() {
    let script = Script::answering([migration("a")]);
    let wanted = VirtualMachineInstanceMigration {
        metadata: kube::api::ObjectMeta { generate_name: Some("a-".into()), ..Default::default() },
        spec: VirtualMachineInstanceMigrationSpec {
            vmi_name: "postgres".to_owned(),
            added_node_selector: Some([("zone".to_owned(), "b".to_owned())].into()),
            ..Default::default()
        },
        status: None,
    };
    migrations(&script).create(&PostParams::default(), &wanted).await.unwrap();
    let sent = script.only_request();
    assert_eq!((sent.method, sent.path.as_str()), (Method::POST, COLLECTION));
    let expected = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigration",
        "metadata": { "generateName": "a-" },
        "spec": { "vmiName": "postgres", "addedNodeSelector": { "zone": "b" } },
    });
    assert_eq!(sent.body, expected);
}

#[tokio::test]
async fn status_is_patched_under_its_own_path() {
    let script = Script::answering([migration("a")]);
    let patch = Patch::Merge(json!({ "status": { "phase": "Succeeded" } }));
    migrations(&script).patch_status("a", &PatchParams::default(), &patch).await.unwrap();
    let sent = script.only_request();
    assert_eq!((sent.method, sent.path), (Method::PATCH, format!("{COLLECTION}/a/status")));
    assert_eq!(sent.content_type, "application/merge-patch+json");
    assert_eq!(sent.body, json!({ "status": { "phase": "Succeeded" } }));
}

#[tokio::test]
async fn an_object_can_be_applied() {
    let script = Script::answering([migration("a")]);
    let mut wanted = VirtualMachineInstanceMigration::default();
    wanted.metadata.name = Some("a".to_owned());
    wanted.spec.vmi_name = "postgres".to_owned();
    let parameters = PatchParams::apply("ferry");
    migrations(&script).patch("a", &parameters, &Patch::Apply(&wanted)).await.unwrap();
    let sent = script.only_request();
    assert_eq!(sent.content_type, "application/apply-patch+yaml");
    assert_eq!(sent.body["apiVersion"], "kubevirt.io/v1");
    assert_eq!(sent.body["kind"], "VirtualMachineInstanceMigration");
}

#[tokio::test]
async fn changes_are_watched() {
    let event = |kind: &str, object: Value| json!({ "type": kind, "object": object }).to_string();
    let bookmark = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigration",
        "metadata": { "resourceVersion": "12" },
    });
    let lines = [
        event("ADDED", migration("a")),
        event("MODIFIED", migration("a")),
        event("BOOKMARK", bookmark),
        event("DELETED", migration("a")),
    ];
    let script = Script::default();
    script.answers.lock().unwrap().push_back(lines.map(|line| line + "\n").concat());
    let stream = migrations(&script).watch(&WatchParams::default(), "7").await.unwrap();
    let seen: Vec<_> = stream
        .map_ok(|event| match event {
            WatchEvent::Added(object) => format!("added {}", object.name_any()),
            WatchEvent::Modified(object) => format!("modified {}", object.name_any()),
            WatchEvent::Deleted(object) => format!("deleted {}", object.name_any()),
            WatchEvent::Bookmark(bookmark) => {
                format!("bookmark {}", bookmark.metadata.resource_version)
            }
            WatchEvent::Error(status) => format!("error {}", status.message),
        })
        .try_collect()
        .await
        .unwrap();
    assert_eq!(seen, ["added a", "modified a", "bookmark 12", "deleted a"]);
    let sent = script.only_request();
    assert!(sent.query.contains("watch=true") && sent.query.contains("resourceVersion=7"));
}

#[tokio::test]
async fn what_a_newer_server_knows_survives_a_write() {
    let mut newer = migration("a");
    newer["spec"]["deadline"] = json!("1h");
    newer["spec"]["sendTo"] = json!({ "migrationID": "x", "connectURL": "y:1", "proxy": "z" });
    newer["status"]["progress"] = json!({ "percent": 40 });
    newer["status"]["migrationState"] =
        json!({ "mode": "PreCopy", "migrationConfiguration": { "multifd": 8 }, "rounds": [1, 2] });
    newer["metadata"]["annotations"] = json!({ "by": "somebody" });
    let script = Script::answering([newer.clone(), newer.clone()]);
    let api = migrations(&script);

    let mut read = api.get("a").await.unwrap();
    read.labels_mut().insert("seen".to_owned(), "yes".to_owned());
    api.replace("a", &PostParams::default(), &read).await.unwrap();

    newer["metadata"]["labels"] = json!({ "seen": "yes" });
    assert_eq!(script.sent.lock().unwrap()[1].body, newer);
}

#[tokio::test]
async fn an_object_of_another_kind_is_not_taken_for_ours() {
    let policy = json!({
        "apiVersion": "migrations.kubevirt.io/v1alpha1",
        "kind": "MigrationPolicy",
        "metadata": { "name": "a" },
        "spec": { "selectors": {} },
    });
    let script = Script::answering([policy]);
    let error = migrations(&script).get("a").await.unwrap_err().to_string();
    assert!(
        error.contains(
            "expected a VirtualMachineInstanceMigration of kubevirt.io/v1, \
             found a MigrationPolicy of migrations.kubevirt.io/v1alpha1"
        ),
        "{error}"
    );
}

#[test]
fn every_kind_has_its_url() {
    fn url<K: Resource<DynamicType = ()>>(namespace: Option<&str>) -> String {
        K::url_path(&(), namespace)
    }
    for (found, expected) in [
        (url::<VirtualMachine>(Some("a")), "/apis/kubevirt.io/v1/namespaces/a/virtualmachines"),
        (
            url::<VirtualMachineInstance>(Some("a")),
            "/apis/kubevirt.io/v1/namespaces/a/virtualmachineinstances",
        ),
        (url::<KubeVirt>(Some("a")), "/apis/kubevirt.io/v1/namespaces/a/kubevirts"),
        (url::<MigrationPolicy>(None), "/apis/migrations.kubevirt.io/v1alpha1/migrationpolicies"),
        (
            url::<hco::v1::HyperConverged>(Some("a")),
            "/apis/hco.kubevirt.io/v1/namespaces/a/hyperconvergeds",
        ),
        (
            url::<hco::v1beta1::HyperConverged>(Some("a")),
            "/apis/hco.kubevirt.io/v1beta1/namespaces/a/hyperconvergeds",
        ),
        (
            url::<ferry_api::NetworkAttachmentDefinition>(Some("a")),
            "/apis/k8s.cni.cncf.io/v1/namespaces/a/network-attachment-definitions",
        ),
    ] {
        assert_eq!(found, expected);
    }
}
