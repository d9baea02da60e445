//! The `kube` crate, with which ferry's own controller and node daemons are written: typed objects,
//! watchers in both of their ways, and a controller.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_api::kubevirt::{VirtualMachineInstanceMigration, VirtualMachineInstanceMigrationSpec};
use ferry_harness::ApiServer;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc;

use crate::common::{Cluster, WEB_INSTANCE};

pub(crate) async fn client(server: &ApiServer) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(server.kubeconfig())?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.to_owned());
    map.data = Some([("value".to_owned(), value.to_owned())].into());
    map
}

#[tokio::test(flavor = "multi_thread")]
async fn typed_objects_are_created_changed_and_deleted() -> Result<()> {
    let cluster = Cluster::with(&[WEB_INSTANCE])?;
    let client = client(&cluster.server).await?;
    let api: Api<VirtualMachineInstanceMigration> = Api::default_namespaced(client);
    let mut migration = VirtualMachineInstanceMigration {
        spec: VirtualMachineInstanceMigrationSpec {
            vmi_name: "web".to_owned(),
            ..VirtualMachineInstanceMigrationSpec::default()
        },
        ..VirtualMachineInstanceMigration::default()
    };
    migration.metadata.generate_name = Some("move-".to_owned());
    let created = api.create(&PostParams::default(), &migration).await?;
    assert_eq!(created.labels()["kubevirt.io/vmi-name"], "web");
    assert_eq!(created.finalizers(), ["kubevirt.io/migrationJobFinalize"]);

    let second = api.create(&PostParams::default(), &migration).await.unwrap_err();
    assert!(second.to_string().contains("in-flight migration detected"), "{second}");

    let status = json!({ "status": { "phase": "Succeeded" } });
    let name = created.name_any();
    let changed = api.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
    assert_eq!(changed.metadata.generation, created.metadata.generation);
    api.create(&PostParams::default(), &migration).await.context("the first one has ended")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replace_of_what_has_changed_is_a_conflict() -> Result<()> {
    let server = ApiServer::start()?;
    let api: Api<ConfigMap> = Api::default_namespaced(client(&server).await?);
    let first = api.create(&PostParams::default(), &config_map("a", "1")).await?;
    let apply = PatchParams::apply("somebody").force();
    api.patch("a", &apply, &Patch::Apply(config_map("a", "2"))).await?;
    match api.replace("a", &PostParams::default(), &first).await {
        Err(kube::Error::Api(status)) => {
            assert_eq!((status.code, &*status.reason), (409, "Conflict"));
        }
        other => panic!("{other:?}"),
    }
    let deleted = api.delete("a", &DeleteParams::default()).await?;
    assert!(deleted.is_right(), "a Status tells that it is gone");
    Ok(())
}

/// Names that a watcher holds to be there, once it has seen all of them.
async fn follow(
    api: Api<ConfigMap>,
    config: watcher::Config,
    wanted: usize,
) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut events = std::pin::pin!(watcher(api, config));
    while let Some(event) = events.try_next().await? {
        match event {
            watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                names.insert(object.name_any());
            }
            watcher::Event::Delete(object) => {
                names.remove(&object.name_any());
            }
            watcher::Event::Init | watcher::Event::InitDone => {}
        }
        if names.len() == wanted {
            break;
        }
    }
    Ok(names)
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_see_everything_however_they_begin() -> Result<()> {
    let server = ApiServer::start()?;
    let client = client(&server).await?;
    let api: Api<ConfigMap> = Api::namespaced(client, "kube-public");
    for number in 0..20 {
        api.create(&PostParams::default(), &config_map(&format!("before-{number}"), "")).await?;
    }
    let watchers =
        [watcher::Config::default().page_size(7), watcher::Config::default().streaming_lists()]
            .map(|config| tokio::spawn(follow(api.clone(), config, 40)));
    for number in 0..20 {
        api.create(&PostParams::default(), &config_map(&format!("during-{number}"), "")).await?;
    }
    for watcher in watchers {
        let names = tokio::time::timeout(ferry_harness::LIMIT, watcher).await???;
        assert_eq!(names.len(), 40, "{names:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_reconciles_what_appears() -> Result<()> {
    let server = ApiServer::start()?;
    let client = client(&server).await?;
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-public");
    let (seen, mut reconciled) = mpsc::unbounded_channel();
    let controller = Controller::new(api.clone(), watcher::Config::default())
        .run(
            |object, seen| async move {
                // The receiver is gone once the test has what it wants.
                let _gone = seen.send(object.name_any());
                Ok::<_, kube::Error>(Action::await_change())
            },
            |_, _, _| Action::requeue(Duration::from_secs(1)),
            Arc::new(seen),
        )
        .for_each(|_| futures::future::ready(()));
    let running = tokio::spawn(controller);
    api.create(&PostParams::default(), &config_map("wanted", "")).await?;
    let name = tokio::time::timeout(ferry_harness::LIMIT, async {
        loop {
            match reconciled.recv().await {
                Some(name) if name == "wanted" => break Some(name),
                Some(_) => {}
                None => break None,
            }
        }
    });
    assert_eq!(name.await?.as_deref(), Some("wanted"));
    running.abort();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_of_one_moment() -> Result<()> {
    let server = ApiServer::start()?;
    let api: Api<ConfigMap> = Api::namespaced(client(&server).await?, "kube-public");
    for number in 0..10 {
        api.create(&PostParams::default(), &config_map(&format!("m-{number}"), "")).await?;
    }
    let first = api.list(&ListParams::default().limit(4)).await?;
    assert_eq!(first.metadata.remaining_item_count, Some(6));
    let revision = first.metadata.resource_version.clone();
    api.delete("m-8", &DeleteParams::default()).await?;
    api.create(&PostParams::default(), &config_map("m-55", "")).await?;
    let mut names: Vec<_> = first.items.iter().map(ResourceExt::name_any).collect();
    let mut next = first.metadata.continue_;
    while let Some(token) = next.filter(|token| !token.is_empty()) {
        let page = api.list(&ListParams::default().limit(4).continue_token(&token)).await?;
        assert_eq!(page.metadata.resource_version, revision);
        names.extend(page.items.iter().map(ResourceExt::name_any));
        next = page.metadata.continue_;
    }
    let all: Vec<_> = (0..10).map(|number| format!("m-{number}")).collect();
    assert_eq!(names, all);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_cordoned_by_the_clients_own_words() -> Result<()> {
    let server = ApiServer::start()?;
    let api: Api<Node> = Api::all(client(&server).await?);
    let mut node = Node::default();
    node.metadata.name = Some("node-1".to_owned());
    api.create(&PostParams::default(), &node).await?;
    assert_eq!(api.cordon("node-1").await?.spec.and_then(|spec| spec.unschedulable), Some(true));
    let open = api.uncordon("node-1").await?.spec.and_then(|spec| spec.unschedulable);
    assert_ne!(open, Some(true));
    Ok(())
}
