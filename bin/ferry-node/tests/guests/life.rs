//! The life of a guest on one node.

use anyhow::{Result, ensure};
use ferry_reconcile::guest::{GuestEnd, GuestSpec, GuestState, Order};
use ferry_rpc::GuestState as Word;
use ferry_units::WallTime;
use nix::sys::signal::Signal;

use crate::common::{BUSY, Cluster, begin, guest, plain};

const POD: &str = "pod-1";

fn pod() -> String {
    POD.to_owned()
}

#[tokio::test]
async fn a_guest_is_started_paused_resumed_and_forgotten() -> Result<()> {
    let cluster = Cluster::new()?;
    let node = cluster.node("node-1").await?;
    let spec = guest(POD, &BUSY);
    node.run(&spec).await?;
    let pid = node.pid(POD)?;
    // Given again, it changes nothing.
    node.guests().order(Order::Start(spec.clone()));
    node.guests().order(Order::Pause { pod_uid: pod() });
    node.wait_state(POD, GuestState::Paused).await?;
    node.guests().order(Order::Pause { pod_uid: pod() });
    node.guests().order(Order::Resume { pod_uid: pod() });
    node.wait_state(POD, GuestState::Running).await?;
    ensure!(node.pid(POD)? == pid, "it is the same process");
    node.verify(&cluster, "db").await?;

    node.guests().order(Order::Kill { pod_uid: pod() });
    ensure!(node.wait_ended(POD).await? == GuestEnd::ShutDown);
    ensure!(node.guest_dir(POD).is_dir(), "its files stay until it is forgotten");
    node.forget(POD).await?;
    ensure!(!node.guest_dir(POD).exists());

    node.run(&spec).await?;
    ensure!(node.pid(POD)? != pid, "there is room for another one");
    Ok(())
}

#[tokio::test]
async fn a_guest_that_starts_paused_executes_nothing_and_moves_like_that() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = GuestSpec { starts_paused: true, ..guest(POD, &BUSY) };
    one.guests().order(Order::Start(spec.clone()));
    one.wait_state(POD, GuestState::Paused).await?;
    begin(&spec, &one, &two, &plain()).await?;
    ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
    two.wait_state("pod-2", GuestState::Paused).await?;
    let console = std::fs::read_to_string(one.guest_dir(POD).join("serial.log"))?;
    ensure!(!console.contains("] booted"), "{console}");
    two.guests().order(Order::Resume { pod_uid: "pod-2".to_owned() });
    two.wait_state("pod-2", GuestState::Running).await?;
    two.verify(&cluster, "db").await
}

#[tokio::test]
async fn a_guest_that_is_asked_shuts_down_and_one_that_does_not_is_ended() -> Result<()> {
    let cluster = Cluster::new()?;
    let node = cluster.node("node-1").await?;
    let later: WallTime = "2999-01-01T00:00:00Z".parse()?;
    node.run(&guest(POD, &BUSY)).await?;
    node.guests().order(Order::ShutDown { pod_uid: pod(), until: later });
    ensure!(node.wait_ended(POD).await? == GuestEnd::ShutDown);

    // One that stands still does not hear it.
    node.run(&guest("deaf", &BUSY)).await?;
    node.guests().order(Order::Pause { pod_uid: "deaf".to_owned() });
    node.wait_state("deaf", GuestState::Paused).await?;
    node.guests().order(Order::ShutDown { pod_uid: "deaf".to_owned(), until: later });
    let past: WallTime = "2000-01-01T00:00:00Z".parse()?;
    node.guests().order(Order::ShutDown { pod_uid: "deaf".to_owned(), until: past });
    ensure!(node.wait_ended("deaf").await? == GuestEnd::ShutDown);

    // Nor does one whose process is stopped, which cannot even be asked.
    node.run(&guest("frozen", &BUSY)).await?;
    node.signal("frozen", Signal::SIGSTOP)?;
    node.guests().order(Order::ShutDown { pod_uid: "frozen".to_owned(), until: past });
    ensure!(node.wait_ended("frozen").await? == GuestEnd::ShutDown);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_started_says_why() -> Result<()> {
    let cluster = Cluster::new()?;
    let node = cluster.node("node-1").await?;
    let mut no_uuid = guest("uuid", &[]);
    no_uuid.uuid = "no uuid".to_owned();
    let mut tiny = guest("fill", &[("fill", "1Gi")]);
    tiny.memory = ferry_units::Bytes::from_mib(4);
    for (spec, text) in [
        (guest("pattern", &[("pattern", "rndom")]), "workload.ferry.dev/pattern is \"rndom\""),
        (guest("word", &[("paturn", "idle")]), "workload.ferry.dev/paturn"),
        (no_uuid, "no uuid"),
        (tiny, "is more than --memory"),
    ] {
        let pod = spec.pod_uid.clone();
        node.guests().order(Order::Start(spec));
        let end = node.wait_ended(&pod).await?;
        ensure!(matches!(&end, GuestEnd::NotStarted { why } if why.contains(text)), "{end:?}");
    }
    let node = node.reconfigured(|config| config.guest_program = "/nonexistent".into()).await?;
    node.guests().order(Order::Start(guest("program", &[])));
    let end = node.wait_ended("program").await?;
    ensure!(
        matches!(&end, GuestEnd::NotStarted { why } if why.contains("/nonexistent")),
        "{end:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_guest_that_somebody_kills_has_crashed() -> Result<()> {
    let cluster = Cluster::new()?;
    let mut node = cluster.node("node-1").await?;
    node.run(&guest(POD, &BUSY)).await?;
    node.signal(POD, Signal::SIGKILL)?;
    let end = node.wait_ended(POD).await?;
    ensure!(matches!(&end, GuestEnd::Crashed { why } if why.contains("signal: 9")), "{end:?}");

    node.run(&guest("absent", &BUSY)).await?;
    node.crash().await;
    node.signal("absent", Signal::SIGKILL)?;
    node.start().await?;
    let end = node.wait_ended("absent").await?;
    ensure!(matches!(end, GuestEnd::Crashed { .. }), "{end:?}");
    ensure!(matches!(node.wait_ended(POD).await?, GuestEnd::Crashed { .. }), "ends are kept");
    Ok(())
}

#[tokio::test]
async fn a_guest_outlives_its_daemon_and_is_found_again() -> Result<()> {
    let cluster = Cluster::new()?;
    let mut node = cluster.node("node-1").await?;
    node.run(&guest(POD, &BUSY)).await?;
    let pid = node.pid(POD)?;
    let session = |pid: u32| -> Result<String> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, rest) = stat.rsplit_once(')').unwrap();
        Ok(rest.split_whitespace().nth(3).unwrap().to_owned())
    };
    ensure!(session(pid)? == pid.to_string(), "it leads a session of its own");
    node.restart().await?;
    // At once: nobody is told that it is being started.
    let report = node.report(POD).unwrap();
    ensure!(report.state == GuestState::Running, "{report:?}");

    // A daemon that was killed before it could note the process.
    node.crash().await;
    let journal = node.guest_dir(POD).join("guest.json");
    let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&journal)?)?;
    record["process"] = serde_json::Value::Null;
    std::fs::write(&journal, record.to_string())?;
    node.start().await?;
    node.wait_state(POD, GuestState::Running).await?;
    ensure!(node.pid(POD)? == pid, "no second process is started");
    let client = cluster.client(&node, node.identity()).await?;
    let listed = client.guests().await?;
    ensure!(listed.len() == 1 && listed[0].pid == Some(pid) && listed[0].state == Word::Running);
    node.verify(&cluster, "db").await
}
