//! Machines that are QEMU, under the same settings as the others and beside them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ferry_api::kubevirt::MigrationMode;
use ferry_harness::topology::{Accelerator, Network, Qemu as HowQemu};
use ferry_harness::{BootSector, Testbed, Topology, wait_until};
use ferry_scenarios::Dice;
use kube::ResourceExt;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::broken::{dice, let_pass, wait_end, wait_phase, wait_post_copy};
use crate::common::{Copies, Machine, configure, machine, policy, verified};

/// The program, as Debian calls it.
const QEMU: &str = "qemu-system-x86_64";

/// Far beyond the blackout of a guest that moves and whose daemon is started again.
const STILL: Duration = Duration::from_secs(8);

/// Less memory than crosses in 300 ms at 64 MiB a second, and more than at 16.
const WALK: BootSector = BootSector { first: 1 << 20, end: 12 << 20, pages_in_a_tick: 40 };

/// A testbed, and a disk that boots what walks over its memory.
struct Ground {
    testbed: Testbed,
    dir: TempDir,
}

/// Whether QEMU is installed; says which test goes without it where it is not.
fn is_here(test: &str) -> bool {
    let found = Command::new(QEMU).arg("--version").stdout(Stdio::null()).status();
    let is_here = found.is_ok_and(|status| status.success());
    if !is_here {
        println!("skipped: {test}: no {QEMU}");
    }
    is_here
}

/// Two nodes.
fn topology() -> Result<Topology> {
    // Every machine has it, and it is the same everywhere.
    let qemu = HowQemu { program: None, accelerator: Accelerator::Tcg };
    Ok(Topology::of_nodes(2)?.qemu(qemu))
}

/// Whether all threads of a process are stopped.
fn stands(pid: i32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut states = threads.map(|thread| fs::read_to_string(thread.path().join("stat")));
    states.all(|stat| {
        stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
    })
}

/// The memory of a QEMU process: a file that only it has a name for.
fn memory_of(pid: i32) -> Result<File> {
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let path = entry?.path();
        let target = fs::read_link(&path).unwrap_or_default();
        if target.to_string_lossy().contains("memfd:memory-backend-memfd") {
            return File::open(&path).context("a guest's memory");
        }
    }
    bail!("process {pid} has no memory in a file")
}

impl Ground {
    async fn of(topology: Topology) -> Result<Self> {
        let testbed = Testbed::builder().topology(topology).start().await?;
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("boot.img"), WALK.disk())?;
        Ok(Self { testbed, dir })
    }

    /// A machine of 32 MiB that walks over its memory.
    fn walker(&self, name: &str) -> Machine {
        machine(name)
            .memory("32Mi")
            .note("machine.ferry.dev/type", "qemu")
            .shared_file("boot", &self.dir.path().join("boot.img"))
    }

    /// Starts it, and waits until it walks.
    async fn start(&self, name: &str) -> Result<Machine> {
        let machine = self.walker(name);
        machine.start(&self.testbed).await?;
        self.walks(name).await?;
        Ok(machine)
    }

    async fn node(&self, name: &str) -> Result<String> {
        let instance = self.testbed.wait_running("default", name).await?;
        instance.status.and_then(|status| status.node_name).context("a node")
    }

    /// The directory of the guest that runs.
    async fn home(&self, name: &str) -> Result<PathBuf> {
        let node = self.node(name).await?;
        let guest = self.testbed.guest("default", name, &node)?;
        Ok(self.testbed.dir().node(&node).join("guests").join(&guest.name().pod))
    }

    /// Waits until a machine has begun another pass.
    async fn walks(&self, name: &str) -> Result<()> {
        let console = self.home(name).await?.join("serial.log");
        let letters = || fs::read(&console).unwrap_or_default().len();
        let before = letters();
        let what = format!("{name} walks");
        wait_until(&what, || Ok((letters() > before + 1).then_some(())))
    }

    /// Checks that a machine walks, and that all of its memory is of one moment. Its process is stopped
    /// meanwhile: whoever watches it over QMP is not disturbed.
    async fn check(&self, name: &str) -> Result<()> {
        self.walks(name).await?;
        let guest = self.testbed.guest("default", name, &self.node(name).await?)?;
        let mut memory = vec![0; usize::try_from(WALK.end - WALK.first)?];
        let file = memory_of(guest.process().pid)?;
        guest.freeze()?;
        wait_until("all of its threads stand still", || {
            Ok(stands(guest.process().pid).then_some(()))
        })?;
        let read = file.read_exact_at(&mut memory, u64::from(WALK.first));
        guest.thaw()?;
        read.context("reading a guest's memory")?;
        let firsts: Vec<u8> = memory.iter().step_by(BootSector::STEP as usize).copied().collect();
        let lost = BootSector::lost(&firsts);
        ensure!(lost.is_none(), "page {lost:?} of {name} is not of the same moment");
        Ok(())
    }

    fn report(&self, name: &str) -> Result<Value> {
        let report = self.testbed.ferry(["report", name, "-o", "json"])?;
        serde_json::from_str(&report.stdout).with_context(|| report.stderr)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn qemu_and_ferry_guests_move_under_the_same_policy() -> Result<()> {
    if !is_here("qemu_and_ferry_guests_move_under_the_same_policy") {
        return Ok(());
    }
    let ground = Ground::of(topology()?).await?;
    let testbed = &ground.testbed;
    policy(testbed, "slow", json!({ "bandwidthPerMigration": "64Mi" })).await?;
    let own = machine("own").fills("48Mi").label("policy", "slow");
    own.start(testbed).await?;
    let real = ground.walker("real").label("policy", "slow");
    real.start(testbed).await?;
    ground.walks("real").await?;
    let copies = Copies::watch(testbed);
    for machine in [&own, &real] {
        let state = machine.moved(testbed).await?;
        let settings = state.migration_configuration.context("settings")?;
        let limit = settings.bandwidth_per_migration.context("a bandwidth")?.to_string();
        ensure!(limit == "64Mi", "{} had {limit}", machine.name);
        let report = ground.report(&machine.name)?;
        let transfer = &report["transfer"];
        ensure!(transfer["blackoutNs"].as_u64().is_some_and(|it| it > 0), "{report:#}");
        ensure!(transfer["passes"].as_array().is_some_and(|it| !it.is_empty()), "{report:#}");
    }
    copies.seen()?.check()?;
    verified(testbed, &own)?;
    ground.check("real").await?;
    let verify = testbed.ferry(["verify", "real"])?;
    ensure!(verify.code == 1 && verify.stderr.contains("only the guest itself"), "{verify:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qemu_machine_moves_whichever_way_it_is_allowed_to() -> Result<()> {
    if !is_here("a_qemu_machine_moves_whichever_way_it_is_allowed_to") {
        return Ok(());
    }
    let ground = Ground::of(topology()?).await?;
    let testbed = &ground.testbed;
    let real = ground.start("real").await?;
    let copies = Copies::watch(testbed);

    // It never arrives by itself over such a link.
    configure(testbed, json!({ "bandwidthPerMigration": "8Mi", "completionTimeoutPerGiB": 64 }))
        .await?;
    configure(testbed, json!({ "allowPostCopy": true })).await?;
    let migration = real.migrate(testbed).await?;
    wait_post_copy(testbed, "real").await?;
    migration.succeeded().await?;
    ground.check("real").await.context("after post-copy")?;

    // Suspended, it crosses within the time that it has.
    let disrupting = json!({ "allowPostCopy": false, "allowWorkloadDisruption": true, "bandwidthPerMigration": "16Mi" });
    configure(testbed, disrupting).await?;
    let state = real.moved(testbed).await?;
    ensure!(state.mode == Some(MigrationMode::Paused), "{:?}", state.mode);
    ground.check("real").await.context("after a pause")?;
    let seen = copies.seen()?;
    seen.check()?;
    ensure!(seen.copies_of("real") == 3, "{seen:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qemu_machine_that_takes_too_long_stays_unharmed() -> Result<()> {
    if !is_here("a_qemu_machine_that_takes_too_long_stays_unharmed") {
        return Ok(());
    }
    let ground = Ground::of(topology()?).await?;
    let testbed = &ground.testbed;
    let real = ground.start("real").await?;
    let copies = Copies::watch(testbed);
    configure(testbed, json!({ "bandwidthPerMigration": "8Mi", "completionTimeoutPerGiB": 64 }))
        .await?;
    let state = real.migrate(testbed).await?.failed().await?;
    let why = state.failure_reason.context("a reason")?;
    ensure!(why.contains("not completed after"), "{why}");
    ground.check("real").await?;
    // Nothing that it has written since is left behind when it goes after all.
    configure(testbed, json!({ "allowPostCopy": true })).await?;
    let state = real.moved(testbed).await?;
    ensure!(state.mode == Some(MigrationMode::PostCopy), "{:?}", state.mode);
    ground.check("real").await?;
    copies.seen()?.check()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migration_of_a_qemu_machine_is_cancelled() -> Result<()> {
    if !is_here("the_migration_of_a_qemu_machine_is_cancelled") {
        return Ok(());
    }
    let ground = Ground::of(topology()?).await?;
    let testbed = &ground.testbed;
    configure(testbed, json!({ "bandwidthPerMigration": "8Mi" })).await?;
    let real = ground.start("real").await?;
    let node = ground.node("real").await?;
    let copies = Copies::watch(testbed);
    for moment in [0, 300, 1500] {
        let migration = real.migrate(testbed).await?;
        let_pass(Duration::from_millis(moment))?;
        testbed.kubectl(["delete", "vmim", &migration.name, "--wait=true", "--timeout=30s"])?;
        ensure!(ground.node("real").await? == node, "it has moved");
    }
    ground.check("real").await?;
    copies.seen()?.check()?;
    configure(testbed, json!({ "bandwidthPerMigration": "0" })).await?;
    real.moved(testbed).await?;
    ground.check("real").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qemu_machine_whose_migration_is_cancelled_as_it_arrives_runs_once() -> Result<()> {
    if !is_here("a_qemu_machine_whose_migration_is_cancelled_as_it_arrives_runs_once") {
        return Ok(());
    }
    let ground = Ground::of(topology()?).await?;
    let testbed = &ground.testbed;
    configure(testbed, json!({ "bandwidthPerMigration": "64Mi" })).await?;
    let real = ground.start("real").await?;
    let uid = testbed.wait_running("default", "real").await?.uid();
    let copies = Copies::watch(testbed);
    let mut dice: Dice = dice()?;
    for round in 0..8 {
        let from = ground.node("real").await?;
        let migration = real.migrate(testbed).await?;
        migration.phase("Running").await?;
        let moment = Duration::from_millis(dice.below(700));
        let_pass(moment)?;
        testbed.kubectl(["delete", "vmim", &migration.name, "--wait=true", "--timeout=30s"])?;
        let to = ground.node("real").await?;
        println!("{round}: after {moment:?}: from {from} to {to}");
        ground.check("real").await?;
    }
    ensure!(testbed.wait_running("default", "real").await?.uid() == uid, "it was started again");
    let still = copies.seen()?.check()?;
    ensure!(still < STILL, "it stood still for {still:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qemu_machine_whose_source_stands_still_for_a_while_runs_once() -> Result<()> {
    if !is_here("a_qemu_machine_whose_source_stands_still_for_a_while_runs_once") {
        return Ok(());
    }
    let ground = Ground::of(topology()?).await?;
    let testbed = &ground.testbed;
    configure(testbed, json!({ "bandwidthPerMigration": "4Mi", "progressTimeout": 2 })).await?;
    let real = ground.start("real").await?;
    let uid = testbed.wait_running("default", "real").await?.uid();
    let copies = Copies::watch(testbed);
    let migration = real.migrate(testbed).await?;
    migration.phase("Running").await?;
    let source = testbed.guest("default", "real", &ground.node("real").await?)?;
    source.freeze()?;
    // Longer than it takes to give up a migration that does not get on.
    let_pass(Duration::from_secs(6))?;
    source.thaw()?;
    wait_phase(testbed, &migration.name, "Failed").await?;
    ground.check("real").await?;
    configure(testbed, json!({ "bandwidthPerMigration": "0" })).await?;
    real.moved(testbed).await?;
    ground.check("real").await?;
    ensure!(testbed.wait_running("default", "real").await?.uid() == uid, "it was started again");
    copies.seen()?.check()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qemu_machine_takes_the_network_for_migrations_with_its_disk() -> Result<()> {
    if !is_here("a_qemu_machine_takes_the_network_for_migrations_with_its_disk") {
        return Ok(());
    }
    let topology = topology()?.network(Network::named("fast")).relayed();
    let ground = Ground::of(topology).await?;
    let testbed = &ground.testbed;
    configure(testbed, json!({ "network": "fast" })).await?;
    let real = ground.walker("real").local_disk("data", "24Mi");
    real.start(testbed).await?;
    ground.walks("real").await?;
    // Whatever is on the disk has to be there afterwards.
    let disk = "disks/data.img";
    let contents: Vec<u8> =
        (0..24_u32 << 20).map(|at| (at / 4096 * 7 + at).to_le_bytes()[0]).collect();
    fs::write(ground.home("real").await?.join(disk), &contents)?;
    let from = ground.node("real").await?;
    let to = if from == "node-1" { "node-2" } else { "node-1" };
    real.moved(testbed).await?;
    ensure!(ground.node("real").await? == to);
    ground.check("real").await?;
    ensure!(fs::read(ground.home("real").await?.join(disk))? == contents, "another disk");
    let carried = testbed.link("fast", to)?.carried()?;
    ensure!(carried.get() > 40 << 20, "only {carried} crossed");
    let others = testbed.link("pod", to)?.carried()?;
    ensure!(others.get() < 1 << 20, "{others} went another way");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_daemon_is_killed_a_qemu_machine_runs_on_once() -> Result<()> {
    if !is_here("whichever_daemon_is_killed_a_qemu_machine_runs_on_once") {
        return Ok(());
    }
    let ground = Ground::of(topology()?).await?;
    let testbed = &ground.testbed;
    configure(testbed, json!({ "bandwidthPerMigration": "64Mi" })).await?;
    let real = ground.start("real").await?;
    let uid = testbed.wait_running("default", "real").await?.uid();
    let copies = Copies::watch(testbed);
    let mut dice: Dice = dice()?;
    for round in 0..6 {
        let source = ground.node("real").await?;
        let target = if source == "node-1" { "node-2" } else { "node-1" };
        let migration = real.migrate(testbed).await?;
        let moment = Duration::from_millis(dice.below(2500));
        let_pass(moment)?;
        let hit = if round % 2 == 0 { source.as_str() } else { target };
        let daemon = testbed.node(hit)?;
        daemon.kill()?;
        let_pass(Duration::from_millis(dice.below(800)))?;
        daemon.start()?;
        daemon.wait_ready().await?;
        let end = wait_end(testbed, &migration.name).await?;
        println!("{round}: {hit} after {moment:?}: {:?}", end.status.map(|status| status.phase));
        ground.check("real").await?;
    }
    ensure!(testbed.wait_running("default", "real").await?.uid() == uid, "it was started again");
    let still = copies.seen()?.check()?;
    ensure!(still < STILL, "it stood still for {still:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qemu_process_that_is_killed_or_hangs_harms_no_other_copy() -> Result<()> {
    if !is_here("a_qemu_process_that_is_killed_or_hangs_harms_no_other_copy") {
        return Ok(());
    }
    let ground = Ground::of(topology()?).await?;
    let testbed = &ground.testbed;
    let slow = json!({ "bandwidthPerMigration": "4Mi", "progressTimeout": 2 });
    configure(testbed, slow).await?;
    let real = ground.start("real").await?;
    let copies = Copies::watch(testbed);
    let node = ground.node("real").await?;
    let other = if node == "node-1" { "node-2" } else { "node-1" };
    for hangs in [false, true] {
        let migration = real.migrate(testbed).await?;
        migration.phase("Running").await?;
        let target = testbed.guest("default", "real", other)?;
        if hangs {
            target.freeze()?;
        } else {
            target.kill()?;
        }
        wait_phase(testbed, &migration.name, "Failed").await.with_context(|| format!("{hangs}"))?;
        ground.check("real").await?;
    }
    // The other end of it: there is no guest any more, and its machine starts another.
    let before = testbed.wait_running("default", "real").await?.uid();
    let migration = real.migrate(testbed).await?;
    migration.phase("Running").await?;
    testbed.guest("default", "real", &node)?.kill()?;
    wait_phase(testbed, &migration.name, "Failed").await?;
    crate::common::broken::wait_another(testbed, "real", before).await?;
    ground.check("real").await?;
    copies.seen()?.check()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_whose_program_is_missing_says_so_and_no_other_does() -> Result<()> {
    let program = Some(Path::new("/nowhere/qemu").to_owned());
    let qemu = HowQemu { program, accelerator: Accelerator::Tcg };
    let testbed = Testbed::builder().topology(Topology::of_nodes(1)?.qemu(qemu)).start().await?;
    machine("real").runs("Once").note("machine.ferry.dev/type", "qemu").make(&testbed).await?;
    machine("own").start(&testbed).await?;
    let said = || -> Result<Option<String>> {
        let events = testbed.kubectl(["get", "events", "-o", "jsonpath={.items[*].message}"])?;
        Ok(events.stdout.contains("apt-get install").then_some(events.stdout))
    };
    let said = wait_until("why it does not start", said)?;
    ensure!(said.contains("/nowhere/qemu"), "{said}");
    let message = r#"jsonpath={.status.conditions[?(@.type=="Synchronized")].message}"#;
    let condition = testbed.kubectl(["get", "vmi", "real", "-o", message])?;
    ensure!(condition.stdout.contains("/nowhere/qemu"), "{condition:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_of_an_unknown_kind_is_refused_at_the_door() -> Result<()> {
    let testbed = Testbed::builder().nodes(1).start().await?;
    let refused = machine("odd").note("machine.ferry.dev/type", "xen").make(&testbed).await;
    let why = format!("{:#}", refused.err().context("it was taken")?);
    ensure!(why.contains("machine.ferry.dev/type") && why.contains("ferry and qemu"), "{why}");
    Ok(())
}
