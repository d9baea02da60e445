//! What a cluster tells of a migration: events, conditions, phases, times, metrics.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstanceMigration};
use ferry_harness::{Testbed, wait_until};
use kube::api::ApiResource;
use serde_json::{Value, json};

use crate::common::asking::{PHASES, events, kubectl, never_backwards, node_of, object, told};
use crate::common::{History, machine, policy, verified};

/// What a daemon says of itself to Prometheus; its address is in this file.
fn metrics(address: &Path) -> Result<String> {
    let address = fs::read_to_string(address).with_context(|| address.display().to_string())?;
    let mut stream = TcpStream::connect(address.trim())?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The value of a series; all that the line has to have is given.
fn figure(text: &str, parts: &[&str]) -> Option<f64> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let line = lines.find(|line| parts.iter().all(|part| line.contains(part)))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

fn kinds() -> [ApiResource; 2] {
    [
        ApiResource::erase::<VirtualMachineInstanceMigration>(&()),
        ApiResource::erase::<VirtualMachineInstance>(&()),
    ]
}

/// Checks that these were told of an object, in this order, and nothing else.
async fn all_told(
    testbed: &Testbed,
    kind: &str,
    name: &str,
    wanted: &[(&str, &str, String)],
) -> Result<()> {
    let (last, message) = wanted.last().map(|it| (it.1, &it.2)).context("something")?;
    told(testbed, name, last, message).await?;
    let found = events(testbed, kind, name).await?;
    let as_wanted = |(kind, reason, message): &(String, String, String)| {
        wanted.iter().any(|it| it.0 == kind && it.1 == reason && message.starts_with(&it.2))
    };
    for event in &found {
        ensure!(as_wanted(event), "{kind} {name}: nobody has awaited {event:?}");
    }
    for it in wanted {
        let is_it = |(kind, reason, message): &(String, String, String)| {
            kind == it.0 && reason == it.1 && message.starts_with(&it.2)
        };
        ensure!(found.iter().any(is_it), "{kind} {name}: {it:?} is not among {found:#?}");
    }
    Ok(())
}

/// While memory crosses, the source's node says how much, and the machine says that it moves.
fn crossing(testbed: &Testbed, source: &str) -> Result<()> {
    let address = testbed.dir().node(source).join("status-address");
    wait_until("figures of a transfer", || {
        let text = metrics(&address)?;
        let of_web = |name: &str| figure(&text, &[name, "name=\"web\"", "namespace=\"default\""]);
        let crossed = of_web("kubevirt_vmi_migration_data_processed_bytes{");
        let left = of_web("kubevirt_vmi_migration_data_remaining_bytes{");
        let rate = of_web("kubevirt_vmi_migration_memory_transfer_rate_bytes{");
        let is_told = crossed.is_some_and(|it| it > 0.0) && left.is_some() && rate.is_some();
        Ok(is_told.then_some(()))
    })?;
    wait_until("a machine that says that it moves", || {
        let shown = object(testbed, "vm/web")?;
        Ok((shown["status"]["printableStatus"] == "Migrating").then_some(()))
    })
}

/// Checks that a migration was in each phase, and says when.
fn all_phases(history: &History, object: &Value) -> Result<()> {
    let mut phases = Vec::new();
    for change in history.changes() {
        let phase = change.says("/status/phase").as_str().unwrap_or_default().to_owned();
        let is_new = phases.last() != Some(&phase) && !phase.is_empty();
        if change.kind == "VirtualMachineInstanceMigration" && is_new {
            phases.push(phase);
        }
    }
    ensure!(phases == PHASES[..7], "{phases:?}");
    let times = object["status"]["phaseTransitionTimestamps"].as_array().context("times")?;
    let times: Vec<_> = times
        .iter()
        .map(|it| (it["phase"].as_str(), it["phaseTransitionTimestamp"].as_str()))
        .collect();
    let named: Vec<_> = times.iter().map(|(phase, _)| phase.unwrap_or_default()).collect();
    ensure!(named == PHASES[..7], "{times:?}");
    ensure!(times.is_sorted_by_key(|(_, at)| *at), "{times:?}");
    ensure!(object["status"]["conditions"].as_array().is_none_or(Vec::is_empty), "{object}");
    Ok(())
}

/// What people see of a migration that has succeeded.
fn seen(testbed: &Testbed, name: &str) -> Result<()> {
    let shown = kubectl(testbed, &["get", "vmim", name])?;
    let shown: Vec<Vec<_>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    ensure!(shown == [vec!["NAME", "PHASE", "VMI"], vec![name, "Succeeded", "web"]]);
    Ok(())
}

/// What Prometheus hears of it; the end is in seconds after 1970.
fn counted(testbed: &Testbed, name: &str, end: i64) -> Result<()> {
    let end: f64 = end.to_string().parse()?;
    let labels = ["vmi=\"web\"", "namespace=\"default\""];
    let name = format!("vmim=\"{name}\"");
    let address = testbed.dir().controller_address();
    wait_until("figures of what has moved", || {
        let text = metrics(&address)?;
        let done =
            figure(&text, &["kubevirt_vmi_migration_succeeded{", labels[0], labels[1], &name]);
        let moved =
            figure(&text, &["kubevirt_vmi_migration_end_time_seconds{", "succeeded", "web"]);
        let times = "kubevirt_vmi_migration_phase_transition_time_from_creation_seconds_count";
        let times = figure(&text, &[times, "Succeeded"]);
        let idle = figure(&text, &["kubevirt_vmi_migrations_in_running_phase"]);
        let is_so = done == Some(1.0)
            && moved.is_some_and(|it| (it - end).abs() < 0.5)
            && times == Some(1.0)
            && idle == Some(0.0);
        Ok(is_so.then_some(()))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_succeeds_tells_its_whole_story() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    policy(&testbed, "steady", json!({ "bandwidthPerMigration": "16Mi" })).await?;
    let web = machine("web").label("policy", "steady").works("random,rate=1Mi").fills("48Mi");
    web.start(&testbed).await?;
    let history = History::of(&testbed, &kinds()).await?;
    let migration = web.migrate(&testbed).await?;
    migration.phase("Running").await?;

    let source = node_of(&testbed, "web").await?;
    crossing(&testbed, &source)?;
    let state = migration.succeeded().await?;
    let target = node_of(&testbed, "web").await?;
    verified(&testbed, &web)?;

    // Each phase, one after the other, none left out and none twice.
    never_backwards(&history)?;
    let told_of = object(&testbed, &format!("vmim/{}", migration.name))?;
    all_phases(&history, &told_of)?;

    // Who has moved from where to where, when, and how.
    let uid = told_of["metadata"]["uid"].as_str();
    ensure!(state.migration_uid.as_deref() == uid);
    ensure!(
        state.source_node.as_deref() == Some(&source) && state.target_node == Some(target.clone())
    );
    ensure!(state.completed == Some(true) && state.failed.is_none(), "{state:?}");
    ensure!(state.target_node_domain_detected == Some(true), "{state:?}");
    ensure!(state.migration_policy_name.as_deref() == Some("steady"));
    let [start, ready, end] =
        [&state.start_timestamp, &state.target_node_domain_ready_timestamp, &state.end_timestamp]
            .map(|time| time.as_ref().map(|time| time.0));
    ensure!(start.is_some() && start <= ready && ready <= end, "{state:?}");
    ensure!(
        state.target_node_address.is_some() && state.target_direct_migration_node_ports.is_some()
    );

    let [source_pod, target_pod] = [&state.source_pod, &state.target_pod].map(Clone::clone);
    let target_pod = target_pod.context("a pod")?;
    ensure!(source_pod.as_ref() != Some(&target_pod));
    all_told(
        &testbed,
        "VirtualMachineInstanceMigration",
        &migration.name,
        &[
            ("Normal", "SuccessfulCreate", format!("Created migration target pod {target_pod}")),
            (
                "Normal",
                "SuccessfulHandOver",
                "Migration target pod is ready for preparation by virt-handler.".to_owned(),
            ),
            (
                "Normal",
                "SuccessfulMigration",
                "Source node reported migration succeeded".to_owned(),
            ),
        ],
    )
    .await?;
    for (reason, message) in [
        ("PreparingTarget", "VirtualMachineInstance Migration Target Prepared."),
        ("PreparingTarget", "Migration Target is listening at "),
        ("Migrating", "VirtualMachineInstance is migrating."),
        ("Migrated", &format!("The VirtualMachineInstance migrated to node {target}.")),
    ] {
        told(&testbed, "web", reason, message).await?;
    }

    seen(&testbed, &migration.name)?;
    let end = state.end_timestamp.context("an end")?.0.as_second();
    counted(&testbed, &migration.name, end)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_says_why_everywhere() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let settings = json!({ "bandwidthPerMigration": "4Mi", "completionTimeoutPerGiB": 32 });
    policy(&testbed, "doomed", settings).await?;
    // Two seconds for a guest that needs ten.
    let web = machine("web").label("policy", "doomed").works("random,rate=8Mi").fills("40Mi");
    web.start(&testbed).await?;
    let source = node_of(&testbed, "web").await?;
    let history = History::of(&testbed, &kinds()).await?;
    let migration = web.migrate(&testbed).await?;
    let state = migration.failed().await?;

    let why = "Live migration is not completed after 2 seconds and has been aborted";
    ensure!(state.failure_reason.as_deref() == Some(why), "{state:?}");
    ensure!(state.completed == Some(true) && state.failed == Some(true), "{state:?}");
    ensure!(state.end_timestamp.is_some() && state.abort_requested != Some(true), "{state:?}");
    let uid = state.migration_uid.clone().context("a uid")?;
    let target_pod = state.target_pod.clone().context("a pod")?;
    all_told(
        &testbed,
        "VirtualMachineInstanceMigration",
        &migration.name,
        &[
            ("Normal", "SuccessfulCreate", format!("Created migration target pod {target_pod}")),
            (
                "Normal",
                "SuccessfulHandOver",
                "Migration target pod is ready for preparation by virt-handler.".to_owned(),
            ),
            ("Warning", "FailedMigration", "source node reported migration failed".to_owned()),
        ],
    )
    .await?;
    let message = format!("VirtualMachineInstance migration uid {uid} failed. reason:{why}");
    told(&testbed, "web", "Migrated", &message).await?;
    never_backwards(&history)?;
    ensure!(node_of(&testbed, "web").await? == source);
    verified(&testbed, &web)?;
    let shown: Value = object(&testbed, &format!("vmim/{}", migration.name))?;
    ensure!(shown["status"]["phase"] == "Failed", "{shown}");
    let report = testbed.ferry(["report", &migration.name])?;
    ensure!(report.code == 0 && report.stdout.contains(why), "{report:?}");
    let name = format!("vmim=\"{}\"", migration.name);
    let address = testbed.dir().controller_address();
    wait_until("a figure of what has failed", || {
        let text = metrics(&address)?;
        let failed = figure(&text, &["kubevirt_vmi_migration_failed{", &name]);
        let ended =
            figure(&text, &["kubevirt_vmi_migration_end_time_seconds{", "\"failed\"", "web"]);
        Ok((failed == Some(1.0) && ended.is_some()).then_some(()))
    })
}
