//! `ferry` as people use it at a terminal: they wait, lose patience, mistype, and pipe.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferry_harness::{Output, Programs, Testbed, wait_until};
use serde_json::{Value, json};

use crate::common::Copies;
use crate::common::broken::{
    begin, configure, machine, node_of, phase, verify, wait_crossing, wait_end, wait_phase,
    wait_tidy,
};

/// A tour is to take less than this, and so it has to with debug programs.
const TOUR: Duration = Duration::from_secs(60);

/// A machine that takes a while to move.
async fn cluster() -> Result<Testbed> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    configure(&testbed, json!({ "bandwidthPerMigration": "8Mi" })).await?;
    testbed.apply(&machine("web", "1Mi")).await?;
    testbed.wait_running("default", "web").await?;
    Ok(testbed)
}

fn spawn(testbed: &Testbed, arguments: &[&str]) -> Result<Child> {
    let ferry = Programs::built()?.ferry().to_owned();
    let mut command = Command::new(ferry);
    command.args(arguments).env("KUBECONFIG", testbed.kubeconfig());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().context("starting ferry")
}

/// Presses Ctrl-C, and returns how it ended and what it said.
fn interrupt(mut child: Child) -> Result<(Option<i32>, String)> {
    let done = Command::new("kill").arg("-INT").arg(child.id().to_string()).status()?;
    ensure!(done.success());
    let status = wait_until("the end of ferry", || Ok(child.try_wait()?))?;
    let mut said = String::new();
    child.stderr.take().context("its words")?.read_to_string(&mut said)?;
    Ok((status.code(), said))
}

fn ferry(testbed: &Testbed, code: i32, line: &str) -> Result<Output> {
    let output = testbed.ferry(line.split(' '))?;
    ensure!(output.code == code, "ferry {line}: {output:?}");
    Ok(output)
}

/// The name of the only migration that is not over.
async fn under_way(testbed: &Testbed) -> Result<String> {
    let api = kube::Api::<crate::common::broken::Migration>::default_namespaced(testbed.client());
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let deadline = Instant::now() + ferry_harness::LIMIT;
    loop {
        looks.tick().await;
        let list = api.list(&kube::api::ListParams::default()).await?;
        let is_over = |phase: &str| phase == "Succeeded" || phase == "Failed";
        let found = list.items.into_iter().find(|migration| !is_over(phase(migration)));
        if let Some(name) = found.and_then(|migration| migration.metadata.name) {
            return Ok(name);
        }
        ensure!(Instant::now() < deadline, "there is no migration under way");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_patience_ends_nothing_but_the_waiting() -> Result<()> {
    let testbed = cluster().await?;
    let copies = Copies::watch(&testbed);
    let waiting = spawn(&testbed, &["migrate", "web", "--wait"])?;
    let migration = under_way(&testbed).await?;
    let (source, target) = wait_crossing(&testbed, &migration).await?;
    let (code, said) = interrupt(waiting)?;
    ensure!(code == Some(1), "{code:?}: {said}");
    ensure!(said.contains("goes on; `ferry cancel web` ends it"), "{said}");
    let status = testbed.status().await?;
    let known = status.migrations.iter().find(|it| it.name == migration).context("it is shown")?;
    ensure!(known.source.as_ref() == Some(&source) && known.target.as_ref() == Some(&target));
    let second = ferry(&testbed, 1, "migrate web")?;
    ensure!(second.stderr.contains("in-flight migration detected"), "{second:?}");

    ferry(&testbed, 0, "cancel web")?;
    wait_tidy(&testbed, 1).await?;
    ensure!(node_of(&testbed, "web").await? == source);
    let nothing = ferry(&testbed, 1, "cancel web")?;
    println!("{}", nothing.stderr);

    configure(&testbed, json!({ "bandwidthPerMigration": "0Mi" })).await?;
    let moved = ferry(&testbed, 0, "migrate web --wait")?;
    ensure!(moved.stdout.contains("web moved from"), "{moved:?}");
    let report: Value = serde_json::from_str(&ferry(&testbed, 0, "report web -o json")?.stdout)?;
    ensure!(report["phase"] == "Succeeded" && report["sourceNode"] == source.as_str(), "{report}");
    verify(&testbed, "web")?;
    copies.seen()?.check()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_given_up_leaves_the_moves_to_end_by_themselves() -> Result<()> {
    let testbed = cluster().await?;
    let source = node_of(&testbed, "web").await?;
    let drain = spawn(&testbed, &["drain", &source])?;
    let migration = under_way(&testbed).await?;
    wait_phase(&testbed, &migration, "Running").await?;
    let (code, said) = interrupt(drain)?;
    ensure!(code != Some(0), "it was not done: {said}");
    println!("{said}");
    let end = wait_end(&testbed, &migration).await?;
    ensure!(phase(&end) == "Succeeded", "{end:?}");
    ensure!(node_of(&testbed, "web").await? != source);
    let nodes = ferry(&testbed, 0, "get nodes")?.stdout;
    ensure!(
        nodes.lines().any(|row| row.starts_with(&source) && row.contains("SchedulingDisabled"))
    );
    ferry(&testbed, 0, &format!("uncordon {source}"))?;
    wait_tidy(&testbed, 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_told_and_half_of_it_is_not_done() -> Result<()> {
    let testbed = cluster().await?;
    let half = testbed.dir().path().join("half.yaml");
    let bad =
        machine("good", "1Mi") + &machine("bad", "1Mi").replace("runStrategy", "runStrateggy");
    std::fs::write(&half, bad)?;
    let half = half.to_str().context("a path of letters")?;
    let known = node_of(&testbed, "web").await?;
    for (code, line, said) in [
        (1, "migrate nobody", "nobody"),
        (1, "verify nobody", "nobody"),
        (1, "console nobody", "nobody"),
        (1, "report nobody", "nobody"),
        (1, "drain nowhere", "nowhere"),
        (1, "cancel web", "web"),
        (1, "get nonsense", "nonsense"),
        (1, &format!("apply -f {half}"), "runStrateggy"),
        (1, "apply -f nothing.yaml", "nothing.yaml"),
        (2, "migrate", "<VM>"),
        (2, "migrate web --to zone", "--to"),
        (2, "report web -o xml", "xml"),
    ] {
        let output = ferry(&testbed, code, line)?;
        println!("ferry {line}\n{}", output.stderr);
        ensure!(output.stderr.contains(said), "ferry {line}: no {said:?}: {output:?}");
        ensure!(output.stderr.starts_with("error: "), "ferry {line}: {output:?}");
        ensure!(code == 2 || output.stderr.lines().count() < 5, "ferry {line}: {output:?}");
    }
    let machines = ferry(&testbed, 0, "get vm -o name")?.stdout;
    ensure!(machines == "virtualmachine.kubevirt.io/web\n", "{machines}");
    ensure!(node_of(&testbed, "web").await? == known);

    // Nobody fits: it waits, and says for what.
    let stuck = ferry(&testbed, 1, "migrate web --to zone=moon --wait --timeout 2s")?;
    ensure!(stuck.stderr.contains("goes on"), "{stuck:?}");
    println!("{}", stuck.stderr);
    let migration = begin(&testbed, "web").await;
    ensure!(migration.is_err(), "one at a time");
    ferry(&testbed, 0, "cancel web")?;
    wait_tidy(&testbed, 1).await?;
    verify(&testbed, "web")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_takes_less_than_a_minute() -> Result<()> {
    let testbed = Testbed::builder().nodes(3).start().await?;
    let begun = Instant::now();
    ferry(&testbed, 0, "demo")?;
    let took = begun.elapsed();
    println!("the tour took {took:?}");
    ensure!(took < TOUR, "{took:?}");
    Ok(())
}

#[test]
fn shells_accept_the_completion_of_every_program() -> Result<()> {
    let ferry = Programs::built()?.ferry().to_owned();
    let programs = ["ferry", "ferry-apiserver", "ferry-controller", "ferry-node", "ferry-guest"];
    for program in programs {
        let path = ferry.with_file_name(program);
        for shell in ["bash", "zsh", "fish"] {
            let script = Command::new(&path).args(["completion", shell]).output()?;
            ensure!(script.status.success(), "{program} {shell}: {script:?}");
            ensure!(
                String::from_utf8(script.stdout.clone())?.contains(program),
                "{program} {shell}"
            );
            // Shells other than bash may not be here.
            if shell == "bash" {
                let file = tempfile::NamedTempFile::new()?;
                std::fs::write(file.path(), &script.stdout)?;
                let read = Command::new("bash").arg("-n").arg(file.path()).output()?;
                ensure!(read.status.success(), "{program}: {read:?}");
            }
        }
        let unknown = Command::new(&path).args(["completion", "tcsh"]).output()?;
        ensure!(unknown.status.code() == Some(2), "{program}: {unknown:?}");
    }
    Ok(())
}
