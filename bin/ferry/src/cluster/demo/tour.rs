//! The tour, stop by stop.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use ferry_api::MigrationPolicy;
use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstancePhase};
use ferry_rpc::GuestName;
use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};

use crate::cluster::connection::Cluster;
use crate::cluster::migrate::{self, End, Ending, Teller};
use crate::cluster::until::{Waited, until};
use crate::cluster::{apply, daemon, machine};
use crate::columns;
use crate::output::{Printer, Status};

/// The namespace that everything of the tour is in.
pub(super) const NAMESPACE: &str = "ferry-demo";

/// The policy that it makes; policies are in no namespace.
const POLICY: &str = "ferry-demo";

/// How long a machine may take to run.
const START: Duration = Duration::from_secs(30);

/// How long a migration of the tour may take: each is over in some seconds.
const MOVE: Duration = Duration::from_secs(60);

/// How long to wait until what is taken away has gone.
const CLEAR: Duration = Duration::from_secs(20);

const MACHINES: &str = include_str!("machines.yaml");
const POLICIES: &str = include_str!("policy.yaml");

/// What came of a stop.
struct Moved {
    vm: &'static str,
    ending: Ending,
    verdict: String,
}

pub(super) async fn run(cluster: &Cluster, out: &mut Printer) -> Result<Status> {
    out.line("1. Two virtual machines: `web` works a little, `busy` writes all the time")?;
    apply::text(cluster, "machines.yaml", MACHINES, out).await?;
    let home = running(cluster, "web").await?;
    let other = running(cluster, "busy").await?;
    out.line(&format!("   web runs on {home}, busy on {other}"))?;

    out.line("\n2. A policy for machines labelled demo=busy: 64 MiB/s, and post-copy after 3 s")?;
    apply::text(cluster, "policy.yaml", POLICIES, out).await?;

    let target = another_node(cluster, &home).await?;
    out.line(&format!("\n3. ferry migrate web --to kubernetes.io/hostname={target} --wait"))?;
    let to = vec![("kubernetes.io/hostname".to_owned(), target)];
    let mut moves = vec![moved(cluster, "web", &to, out).await?];

    out.line("\n4. ferry migrate busy --wait: it writes faster than its memory may cross")?;
    moves.push(moved(cluster, "busy", &[], out).await?);

    out.line("\n5. What happened")?;
    out.result(&table(&moves))?;
    out.line("\n   `ferry report` has the whole story of each migration.")?;
    let is_well = moves.iter().all(|one| one.ending.end == End::Succeeded);
    Ok(if is_well { Status::Success } else { Status::Failure })
}

/// Takes away what the tour has made, as far as it can.
pub(super) async fn clear(cluster: &Cluster) {
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let policies: Api<MigrationPolicy> = Api::all(cluster.client.clone());
    let background = DeleteParams::background();
    // What is not there needs no clearing, and of the rest nobody would know what to do either.
    let _policy = policies.delete(POLICY, &background).await;
    if namespaces.delete(NAMESPACE, &background).await.is_ok() {
        let _waited = until(namespaces, NAMESPACE, Some(CLEAR), |found| found.is_none()).await;
    }
}

/// Waits until a machine runs, and says where.
async fn running(cluster: &Cluster, vm: &str) -> Result<String> {
    let instances = cluster.objects::<VirtualMachineInstance>();
    let runs = |found: Option<&VirtualMachineInstance>| {
        let status = found.and_then(|found| found.status.as_ref());
        status.and_then(|one| one.phase) == Some(VirtualMachineInstancePhase::Running)
    };
    match until(instances, vm, Some(START), runs).await {
        Waited::Come => {
            let instance = machine::instance(cluster, vm).await?;
            Ok(machine::node_of(&instance)?.to_owned())
        }
        Waited::TooLong => bail!(
            "{vm} does not run after {START:?}; `ferry get vmi,pods,events -n {NAMESPACE}` may \
             tell why"
        ),
    }
}

/// A node that takes guests, other than this one.
async fn another_node(cluster: &Cluster, home: &str) -> Result<String> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let list = nodes.list(&ListParams::default()).await.map_err(|error| cluster.told(error))?;
    let is_open =
        |node: &&Node| node.spec.as_ref().and_then(|spec| spec.unschedulable) != Some(true);
    let other = list.items.iter().filter(is_open).find(|node| node.name_any() != home);
    other.map(ResourceExt::name_any).context("a tour needs two nodes that take guests")
}

/// Moves a machine, and checks it.
async fn moved(
    cluster: &Cluster,
    vm: &'static str,
    to: &[(String, String)],
    out: &mut Printer,
) -> Result<Moved> {
    let migration = migrate::begin(cluster, vm, to).await?;
    let mut teller = Teller::for_people(vm);
    let followed = migrate::follow(cluster, &migration, Some(MOVE), &mut teller).await;
    teller.finish();
    let ending = migrate::ending(cluster, &migration, followed?).await;
    out.line(&format!("   {}", ending.told()))?;
    let verdict = match verified(cluster, vm).await {
        Ok(verdict) => verdict,
        Err(error) => format!("not checked: {error:#}"),
    };
    Ok(Moved { vm, ending, verdict })
}

/// Whether every page of a guest is as it should be.
async fn verified(cluster: &Cluster, vm: &str) -> Result<String> {
    let instance = machine::instance(cluster, vm).await?;
    let daemon = daemon::of_node(cluster, machine::node_of(&instance)?).await?;
    let found = daemon.verify(&GuestName::new(cluster.namespace.clone(), vm)).await?;
    Ok(match found.wrong {
        0 => format!("all {} right", found.pages),
        wrong => format!("{wrong} of {} WRONG", found.pages),
    })
}

fn table(moves: &[Moved]) -> String {
    let titles =
        ["machine", "from", "to", "mode", "took", "crossed", "passes", "stood still", "pages"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(moves.iter().map(|one| {
        let mut row = vec![one.vm.to_owned()];
        row.extend(one.ending.figures());
        row.push(one.verdict.clone());
        row
    }));
    let mut text = String::new();
    columns::write(&mut text, "   ", &rows);
    text
}
