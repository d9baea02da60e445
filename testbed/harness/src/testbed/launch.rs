//! Starting a daemon: its command line, its log, and the marks by which it is found again.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::census::{IN_ROLE, OF_TESTBED};
use super::dir::private_dir;
use super::links::wiring;
use super::plan::MIGRATION_PORTS;
use super::{Dir, Plan, Programs, Role};

/// Mode of a log: nobody else reads what daemons say of a cluster.
const PRIVATE_FILE: u32 = 0o600;

/// Starts a daemon. It goes on when this process ends, and does not hear what the terminal says.
pub(super) fn launch(dir: &Dir, plan: &Plan, programs: &Programs, role: &Role) -> Result<Child> {
    let log = dir.log(role);
    private_dir(log.parent().unwrap_or(Path::new("/")))
        .with_context(|| format!("making the directory of {}", log.display()))?;
    let mut options = OpenOptions::new();
    let log = options
        .append(true)
        .create(true)
        .mode(PRIVATE_FILE)
        .open(&log)
        .with_context(|| format!("opening {}", log.display()))?;
    let program = programs.of(role);
    wiring(dir, plan)
        .command(role, program)?
        .args(arguments(dir, plan, programs, role)?)
        .current_dir(dir.path())
        .env(OF_TESTBED, dir.path())
        .env(IN_ROLE, role.to_string())
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("one log for both outputs")?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))
}

fn arguments(dir: &Dir, plan: &Plan, programs: &Programs, role: &Role) -> Result<Vec<OsString>> {
    let mut line = Line::default();
    match role {
        Role::ApiServer => {
            line.flag("--data-dir", dir.apiserver());
            line.flag("--listen", plan.api.to_string());
            line.flag("--write-kubeconfig", dir.kubeconfig());
            line.flag("--semantics", plan.semantics.name());
        }
        Role::Controller => {
            line.flag("--kubeconfig", dir.controller().join("kubeconfig"));
            line.flag("--semantics", plan.semantics.name());
            line.flag("--status-address-file", dir.controller_address());
        }
        Role::Relay => {
            line.0.extend(["testbed", "relay", "--dir"].map(OsString::from));
            line.0.push(dir.path().into());
        }
        Role::Node(name) => node(&mut line, dir, plan, programs, name)?,
    }
    Ok(line.0)
}

fn node(line: &mut Line, dir: &Dir, plan: &Plan, programs: &Programs, name: &str) -> Result<()> {
    let node = plan.node(name)?;
    line.flag("--name", name);
    line.flag("--kubeconfig", dir.node(name).join("kubeconfig"));
    line.flag("--state-dir", dir.node(name));
    line.flag("--identity", dir.identity(name));
    line.flag("--node-ip", plan.node_ip(name)?.to_string());
    line.flag("--listen", plan.grpc(name)?.to_string());
    line.flag("--status-listen", format!("{}:0", plan.node_ip(name)?));
    for place in plan.attachments(name)? {
        let advertised = place.relayed.map(|address| format!(",{address}")).unwrap_or_default();
        line.flag("--network", format!("{}={}{advertised}", place.network, place.listen));
    }
    let (first, last) = (MIGRATION_PORTS.start(), MIGRATION_PORTS.end());
    line.flag("--migration-ports", format!("{first}-{last}"));
    line.flag("--memory", node.memory.to_string());
    if let Some(cpus) = node.cpus {
        line.flag("--cpus", cpus.to_string());
    }
    if let Some(model) = &node.cpu_model {
        line.flag("--cpu-model", model);
    }
    if let Some(zone) = &node.zone {
        line.flag("--label", format!("topology.kubernetes.io/zone={zone}"));
    }
    for (key, value) in &node.labels {
        line.flag("--label", format!("{key}={value}"));
    }
    for taint in &node.taints {
        line.flag("--taint", taint.to_string());
    }
    // Nodes remove the files of claims that their cluster does not know: each needs a place of its own.
    let own = |place: &PathBuf| place.join(format!("ferry-{:08x}", dir.number()));
    let shared = plan.topology.storage.shared.as_ref().map_or_else(|| dir.shared(), own);
    line.flag("--shared-storage", shared);
    line.flag("--guest-program", programs.guest());
    line.flag("--default-machine", plan.topology.machine.name());
    let qemu = &plan.topology.qemu;
    if let Some(program) = &qemu.program {
        line.flag("--qemu-program", program);
    }
    line.flag("--qemu-accelerator", qemu.accelerator.name());
    line.flag("--semantics", plan.semantics.name());
    Ok(())
}

/// A command line that grows.
#[derive(Default)]
struct Line(Vec<OsString>);

impl Line {
    fn flag(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.push(name.into());
        self.0.push(value.into());
    }
}

/// What a daemon needs to be somebody: a kubeconfig, and for nodes certificates. They are made at
/// each start, since they are good for a year only.
pub(super) fn credentials(dir: &Dir, plan: &Plan, programs: &Programs, role: &Role) -> Result<()> {
    let make = |home: &Path, arguments: Vec<OsString>| {
        private_dir(home).with_context(|| format!("making {}", home.display()))?;
        let output = Command::new(programs.of(&Role::ApiServer))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("starting ferry-apiserver")?;
        if !output.status.success() {
            bail!("no credentials for {role}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    };
    let kubeconfig = |home: &Path, user: &str, group: Option<&str>| {
        let mut line = Line(vec!["kubeconfig".into()]);
        line.flag("--data-dir", dir.apiserver());
        line.flag("--user", user);
        if let Some(group) = group {
            line.flag("--group", group);
        }
        line.flag("--output", home.join("kubeconfig"));
        make(home, line.0)
    };
    match role {
        Role::ApiServer | Role::Relay => Ok(()),
        Role::Controller => kubeconfig(&dir.controller(), "system:ferry:controller", None),
        Role::Node(name) => {
            let home = dir.node(name);
            kubeconfig(&home, &format!("system:node:{name}"), Some("system:nodes"))?;
            let mut line = Line(vec!["certificates".into()]);
            line.flag("--data-dir", dir.apiserver());
            line.flag("--node", name);
            line.flag("--address", plan.node_ip(name)?.to_string());
            for place in plan.attachments(name)? {
                line.flag("--address", place.listen.to_string());
                if let Some(address) = place.relayed {
                    line.flag("--address", address.to_string());
                }
            }
            line.flag("--output", dir.identity(name));
            make(&home, line.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use ferry_config::Semantics;

    use super::*;
    use crate::Topology;

    #[test]
    fn a_node_is_told_all_that_its_topology_says() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::make(temporary.path()).unwrap();
        let text = "
nodes:
- {name: a, zone: east, labels: {x: z}, taints: [k=v:NoExecute], memory: 2Gi, cpus: 3, cpuModel: M}
networks: [{name: fast, linkSpeed: 1Gi}]
machine: qemu
qemu: {program: /q, accelerator: tcg}
";
        let topology = Topology::parse(text, "t").unwrap();
        let plan = Plan::new(&dir, topology, Semantics::KubeVirt, None).unwrap();
        let programs = Programs::in_dir(Path::new("/p"));
        let role = Role::Node("a".to_owned());
        let arguments = arguments(&dir, &plan, &programs, &role).unwrap();
        let line: Vec<_> = arguments.iter().map(|each| each.to_string_lossy()).collect();
        let line = line.join(" ");
        let places = plan.attachments("a").unwrap();
        let (pod, fast) = (places[0].listen, places[1].listen);
        for said in [
            "--name a ",
            &format!("--node-ip {pod} --listen {} ", plan.grpc("a").unwrap()),
            &format!("--status-listen {pod}:0 --network pod={pod} "),
            &format!("--network fast={fast},{} ", places[1].relayed.unwrap()),
            "--migration-ports 49152-49215 --memory 2Gi --cpus 3 --cpu-model M ",
            "--label topology.kubernetes.io/zone=east --label x=z --taint k=v:NoExecute ",
            "--guest-program /p/ferry-guest --default-machine qemu --qemu-program /q ",
            "--qemu-accelerator tcg --semantics kubevirt",
        ] {
            assert!(line.contains(said), "no {said:?}: {line}");
        }
        // The others follow the same semantics.
        for role in [Role::ApiServer, Role::Controller] {
            let arguments = super::arguments(&dir, &plan, &programs, &role).unwrap();
            let at = arguments.iter().position(|each| each == "--semantics").unwrap();
            assert_eq!(arguments[at + 1], "kubevirt", "{role}");
        }
    }
}
