//! Nodes in network namespaces, whose links are cables and queues of the kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ferry_harness::topology::MANAGEMENT;
use ferry_harness::{Programs, Testbed, Topology, check_namespaces, wait_until};
use ferry_units::BytesPerSecond;
use kube::ResourceExt;
use serde_json::json;

use crate::common::broken::{self, begin, phase, wait_another, wait_crossing, wait_end, wait_tidy};
use crate::common::{Copies, configure, machine, verified};

/// Whether this machine can have namespaces. A test that needs them says that it is skipped.
fn can(test: &str) -> bool {
    match check_namespaces() {
        Ok(()) => true,
        Err(why) => {
            eprintln!("skipped: {test}: {why:#}");
            false
        }
    }
}

/// What finding each other takes where no memory crosses, in bytes.
const NOISE: u64 = 16 << 10;

/// What the machines here fill, and so the least that a move of one carries.
const FILL: u64 = 112 << 20;

/// How fast the links of `storage` are.
const SPEED: BytesPerSecond = BytesPerSecond::new(25_000_000);

/// Two nodes on the network of pods and on `storage`.
fn dedicated() -> Result<Topology> {
    let text = "
nodes: [{name: node-1}, {name: node-2}]
links: namespaces
networks: [{name: storage, linkSpeed: 200Mbit}]
";
    Ok(Topology::parse(text, "two nodes")?)
}

/// Everything on this machine that is named as a testbed's parts are, by one of its namespaces.
fn parts(namespace: &str) -> Result<Vec<String>> {
    let id = namespace.split('-').nth(1).context("the number of a testbed")?;
    let output = Command::new("ip").args(["-j", "netns", "list"]).output()?;
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let namespaces = listed.iter().filter_map(|each| Some(each["name"].as_str()?.to_owned()));
    let mut found: Vec<_> = namespaces.filter(|name| name.contains(id)).collect();
    let interface = format!("ferry{id}");
    if Path::new("/sys/class/net").join(&interface).exists() {
        found.push(interface);
    }
    Ok(found)
}

fn ferry_testbed(testbed: &Testbed, arguments: &[&str]) -> Result<String> {
    let dir = testbed.dir().path().to_str().context("a path of letters")?;
    let output = testbed.ferry(["testbed"].iter().chain(arguments).chain(&["--dir", dir]))?;
    ensure!(output.code == 0, "{arguments:?}: {output:?}");
    Ok(output.stdout)
}

/// Ends every process of a testbed as a power cut would.
fn kill_all(testbed: &Testbed) -> Result<()> {
    let pids = testbed.processes()?.into_iter().map(|member| member.id.pid.to_string());
    Command::new("kill").arg("-9").args(pids).status()?;
    wait_until("the end of all", || Ok(testbed.processes()?.is_empty().then_some(())))
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_crosses_the_cables_of_its_network_alone_at_the_speed_that_they_have() -> Result<()>
{
    if !can("memory_crosses_the_cables_of_its_network_alone_at_the_speed_that_they_have") {
        return Ok(());
    }
    let testbed = Testbed::builder().topology(dedicated()?).start().await?;
    configure(&testbed, json!({ "network": "storage" })).await?;
    let web = machine("web").memory("128Mi").fills("112Mi");
    let from = web.start(&testbed).await?.status.and_then(|status| status.node_name);
    let from = from.context("a node")?;
    let to = if from == "node-1" { "node-2" } else { "node-1" };
    let link = testbed.link("storage", to)?;
    ensure!(link.state()?.state.limit == Some(SPEED));

    let migration = web.migrate(&testbed).await?;
    let crossed = |bytes: u64| {
        wait_until("memory that crosses", || {
            let asked = Instant::now();
            let carried = link.carried()?.get();
            Ok((carried > bytes).then_some((asked, carried, Instant::now())))
        })
    };
    let (before_first, first, after_first) = crossed(8 << 20)?;
    let (before_last, last, after_last) = crossed(96 << 20)?;
    let state = migration.succeeded().await?;

    // A counter was read at some moment between the question and the answer.
    let rate = |time: Duration| u128::from(last - first) * 1_000_000 / time.as_micros();
    let (at_least, at_most) = (rate(after_last - before_first), rate(before_last - after_first));
    let of_speed = |percent: u128| u128::from(SPEED.get()) * percent / 100;
    ensure!(at_least <= of_speed(102), "{at_least} bytes a second are more than the link has");
    // A machine that is busy with other things makes less of it.
    ensure!(at_most >= of_speed(40), "{at_most} bytes a second are far less than the link has");

    let attachments = testbed.plan().attachments(to)?;
    let own = attachments.iter().find(|each| each.network == "storage").context("an address")?;
    ensure!(state.target_node_address == Some(own.listen.to_string()), "{state:?}");
    for link in testbed.links()? {
        let (forth, back) = (link.state.forth.get(), link.state.back.get());
        let carries = |bytes: u64| bytes >= FILL;
        if link.network == "pod" {
            ensure!(forth + back < NOISE, "{link:?}");
        } else if link.network == MANAGEMENT {
            ensure!(forth + back < FILL / 8, "{link:?}");
        } else {
            // Both sides are counted: what one has sent, and what the other has got.
            ensure!(carries(forth) == (link.node == to), "{link:?}");
            ensure!(carries(back) == (link.node == from), "{link:?}");
        }
    }
    verified(&testbed, &web)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cable_that_is_broken_before_the_switch_leaves_the_machine_where_it_is() -> Result<()> {
    if !can("a_cable_that_is_broken_before_the_switch_leaves_the_machine_where_it_is") {
        return Ok(());
    }
    let testbed = Testbed::builder().nodes(2).namespaces().start().await?;
    let settings = json!({ "bandwidthPerMigration": "8Mi", "progressTimeout": 3 });
    configure(&testbed, settings).await?;
    testbed.apply(&broken::machine("web", "20Mi")).await?;
    testbed.wait_running("default", "web").await?;
    let copies = Copies::watch(&testbed);
    for (order, why) in [
        ("cut", "Live migration failed"),
        ("stall", "Live migration stuck for 3 seconds and has been aborted"),
        ("unplug", "Live migration failed"),
    ] {
        let migration = begin(&testbed, "web").await?;
        let (source, target) = wait_crossing(&testbed, &migration).await?;
        let link = testbed.link("pod", &target)?;
        match order {
            "cut" => link.cut()?,
            "stall" => link.stall()?,
            "unplug" => link.unplug()?,
            other => bail!("no order {other}"),
        }
        let state = link.state()?.state;
        ensure!(state.stalled == (order == "stall"), "{order}: {state:?}");
        ensure!(state.refusing == (order == "unplug"), "{order}: {state:?}");
        let end = wait_end(&testbed, &migration).await?;
        ensure!(phase(&end) == "Failed", "{order}: {end:?}");
        let state = end.status.and_then(|status| status.migration_state);
        let said = state.and_then(|state| state.failure_reason).context("a reason")?;
        ensure!(said.contains(why), "{order}: {said}");
        wait_tidy(&testbed, 1).await?;
        ensure!(broken::node_of(&testbed, "web").await? == source, "{order}");
        broken::verify(&testbed, "web")?;
        link.restore()?;
    }
    configure(&testbed, json!({ "bandwidthPerMigration": "0Mi" })).await?;
    ensure!(phase(&testbed.migrate("default", "web", &[]).await?) == "Succeeded");
    broken::verify(&testbed, "web")?;
    copies.seen()?.check()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_keeps_its_guests_and_comes_back() -> Result<()> {
    if !can("a_node_that_is_cut_off_keeps_its_guests_and_comes_back") {
        return Ok(());
    }
    let testbed = Testbed::builder().nodes(2).namespaces().start().await?;
    machine("web").start(&testbed).await?;
    let node = broken::node_of(&testbed, "web").await?;
    let guest = testbed.guest("default", "web", &node)?;
    let link = testbed.link(MANAGEMENT, &node)?;
    link.unplug()?;
    let verify = testbed.ferry(["verify", "web"])?;
    ensure!(verify.code == 1, "nobody reaches it: {verify:?}");
    ensure!(guest.process().is_alive());
    link.restore()?;
    wait_until("a node that is reached again", || {
        Ok((testbed.ferry(["verify", "web"])?.code == 0).then_some(()))
    })?;
    ensure!(phase(&testbed.migrate("default", "web", &[]).await?) == "Succeeded");
    broken::verify(&testbed, "web")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_namespaces_whatever_has_become_of_their_processes() -> Result<()> {
    if !can("nothing_is_left_of_namespaces_whatever_has_become_of_their_processes") {
        return Ok(());
    }
    let testbed = Testbed::builder().nodes(2).namespaces().start().await?;
    let namespace = testbed.namespace("node-1")?;
    let there = parts(&namespace)?;
    ensure!(there.len() == 4, "two nodes, their switch, a cable to it: {there:?}");
    machine("web").start(&testbed).await?;
    let before = broken::instance(&testbed, "web").await?.uid();

    // One daemon alone finds its namespace, and its guest in it.
    let node = broken::node_of(&testbed, "web").await?;
    let guest = testbed.guest("default", "web", &node)?;
    testbed.node(&node)?.kill()?;
    testbed.node(&node)?.start()?;
    testbed.node(&node)?.wait_ready().await?;
    ensure!(guest.process().is_alive());
    broken::verify(&testbed, "web")?;

    ferry_testbed(&testbed, &["down"])?;
    ensure!(parts(&namespace)?.is_empty(), "{:?}", parts(&namespace)?);
    let said = ferry_testbed(&testbed, &["up"])?;
    ensure!(said.contains(&testbed.plan().api.to_string()), "it is found where it was: {said}");
    wait_another(&testbed, "web", before).await?;
    let before = broken::instance(&testbed, "web").await?.uid();

    // Nobody could remove anything; what is found is made anew, and works.
    kill_all(&testbed)?;
    ensure!(parts(&namespace)?.len() == 4);
    ferry_testbed(&testbed, &["up"])?;
    wait_another(&testbed, "web", before).await?;
    wait_tidy(&testbed, 1).await?;
    ensure!(phase(&testbed.migrate("default", "web", &[]).await?) == "Succeeded");

    kill_all(&testbed)?;
    ferry_testbed(&testbed, &["down"])?;
    ensure!(parts(&namespace)?.is_empty(), "{:?}", parts(&namespace)?);
    Ok(())
}

#[test]
fn half_a_fabric_is_removed_or_made_anew() -> Result<()> {
    if !can("half_a_fabric_is_removed_or_made_anew") {
        return Ok(());
    }
    let place = tempfile::tempdir()?;
    let dir = place.path().join("testbed");
    let _down = Down(dir.clone());
    let ferry = Programs::built()?.ferry().to_owned();
    let testbed = |arguments: &[&str]| {
        let mut command = Command::new(&ferry);
        command.arg("testbed").args(arguments).arg("--dir").arg(&dir).stdout(Stdio::null());
        command
    };
    ensure!(testbed(&["up", "--netns", "--nodes", "1"]).status()?.success());
    let text = fs::read(dir.join("testbed.json"))?;
    let plan: serde_json::Value = serde_json::from_slice(&text)?;
    let uplink = uplink(plan["api"].as_str().context("an address")?)?;
    let namespace = format!("ferry-{}-node-1", uplink.trim_start_matches("ferry"));
    ensure!(testbed(&["down"]).status()?.success());

    // Whoever makes it is killed as soon as its first part is there.
    let mut up = testbed(&["up"]).spawn()?;
    wait_until("the first namespace", || Ok((!parts(&namespace)?.is_empty()).then_some(())))?;
    up.kill()?;
    up.wait()?;
    ensure!(testbed(&["down"]).status()?.success());
    ensure!(parts(&namespace)?.is_empty(), "{:?}", parts(&namespace)?);

    let mut up = testbed(&["up"]).spawn()?;
    wait_until("the first namespace", || Ok((!parts(&namespace)?.is_empty()).then_some(())))?;
    up.kill()?;
    up.wait()?;
    ensure!(testbed(&["up"]).status()?.success());
    ensure!(testbed(&["down", "--purge"]).status()?.success());
    ensure!(parts(&namespace)?.is_empty() && !dir.exists());
    Ok(())
}

/// A testbed that is down when this is let go, whatever has failed.
struct Down(PathBuf);

impl Drop for Down {
    fn drop(&mut self) {
        if let Err(error) = ferry_harness::down(&self.0) {
            eprintln!("the testbed does not end: {error:#}");
        }
    }
}

/// The interface with the address that an API server listens at.
fn uplink(api: &str) -> Result<String> {
    let (ip, _) = api.split_once(':').context("a port")?;
    let output = Command::new("ip").args(["-j", "-4", "address", "show", "to", ip]).output()?;
    let found: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout)?;
    let named = found.iter().find_map(|each| each["ifname"].as_str());
    Ok(named.with_context(|| format!("an interface with {ip}"))?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn testbeds_in_namespaces_do_not_meet() -> Result<()> {
    if !can("testbeds_in_namespaces_do_not_meet") {
        return Ok(());
    }
    let start = || Testbed::builder().nodes(1).namespaces().start();
    let (one, other) = tokio::join!(start(), start());
    let (one, other) = (one?, other?);
    let (here, there) = (one.plan().api, other.plan().api);
    ensure!(here.ip() != there.ip());
    let namespace = one.namespace("node-1")?;
    let reaches = |address: std::net::SocketAddr| -> Result<bool> {
        let connect = format!("exec 3<>/dev/tcp/{}/{}", address.ip(), address.port());
        let mut command = Command::new("ip");
        let command = command.args(["netns", "exec", &namespace, "bash", "-c", &connect]);
        Ok(command.stderr(Stdio::null()).status()?.success())
    };
    ensure!(reaches(here)?, "a node reaches its own API server");
    ensure!(!reaches(there)?, "a node reaches another testbed");

    machine("web").start(&one).await?;
    ensure!(other.kubectl(["get", "vm", "-A", "-o", "name"])?.stdout.is_empty());
    ferry_testbed(&other, &["down"])?;
    ensure!(parts(&other.namespace("node-1")?)?.is_empty());
    broken::verify(&one, "web")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_latency_is_what_the_kernel_gives_or_is_refused_by_its_field() -> Result<()> {
    if !can("a_latency_is_what_the_kernel_gives_or_is_refused_by_its_field") {
        return Ok(());
    }
    let text = "
nodes: [{name: node-1}]
links: namespaces
networks: [{name: fast, latency: 2ms, linkSpeed: 1Gbit}]
";
    match Testbed::builder().topology(Topology::parse(text, "late")?).start().await {
        Ok(testbed) => {
            let state = testbed.link("fast", "node-1")?.state()?.state;
            ensure!(state.delay_micros == 2000, "{state:?}");
            ensure!(state.limit == Some(BytesPerSecond::new(125_000_000)), "{state:?}");
        }
        Err(why) => {
            let why = format!("{why:#}");
            ensure!(
                why.starts_with("networks[0].latency: \"2ms\": this kernel cannot delay"),
                "{why}"
            );
            ensure!(why.contains("`links: relays`") && why.lines().count() == 1, "{why}");
        }
    }
    Ok(())
}
