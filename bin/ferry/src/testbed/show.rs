//! What there is to see of a testbed: its status, its links, its logs.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_harness::{Cluster, Dir, LinkState, Plan, Programs, Role, Status};
use ferry_runtime::Clock;
use ferry_units::Bytes;

use super::cli::{LogsArguments, Place, StatusArguments, StatusFormat};
use super::wait_for;
use crate::output::Outcome;

/// Writing to a `String` cannot fail.
const INFALLIBLE: &str = "a String takes all that is written to it";

/// How often to look for more lines of a log: people read no faster.
const LOOK: Duration = Duration::from_millis(100);

/// The testbed that the command line means.
pub(super) async fn open(place: &Place) -> Result<Cluster> {
    Cluster::open(&place.dir, Programs::installed()?).await
}

pub(super) fn status(arguments: &StatusArguments) -> Result<Outcome> {
    let status = wait_for(async { open(&arguments.place).await?.status().await })?;
    let notes = status.problems.iter().map(|problem| format!("warning: {problem}")).collect();
    let result = match arguments.output {
        StatusFormat::Text => text(&status),
        StatusFormat::Json => serde_json::to_string_pretty(&status)? + "\n",
    };
    Ok(Outcome { notes, ..Outcome::success(result) })
}

fn text(status: &Status) -> String {
    let mut out = String::new();
    writeln!(out, "{} at {}\n", status.dir, status.server).expect(INFALLIBLE);
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let processes = status.processes.iter().map(|process| {
        let name = match &process.guest_on {
            Some(node) => format!("guest {} on {node}", process.name),
            None => process.name.clone(),
        };
        let pid = process.pid.map_or_else(|| "not running".to_owned(), |pid| pid.to_string());
        let cpu = format!("{:.2} s", process.cpu_seconds);
        vec![name, pid, cpu, Bytes::new(process.memory_bytes).to_string()]
    });
    table(&mut out, &["PROCESS", "PID", "CPU", "MEMORY"], processes);
    let nodes = status.nodes.iter().map(|node| {
        let state = match (node.ready.as_str(), node.cordoned) {
            ("True", false) => "Ready",
            ("True", true) => "Ready, cordoned",
            (_, false) => "NotReady",
            (_, true) => "NotReady, cordoned",
        };
        let machines = node.machines.to_string();
        vec![node.name.clone(), state.to_owned(), node.address.clone(), machines]
    });
    table(&mut out, &["NODE", "STATUS", "ADDRESS", "MACHINES"], nodes);
    let machines = status.machines.iter().map(|machine| {
        let name = format!("{}/{}", machine.namespace, machine.name);
        vec![name, machine.status.clone(), or_dash(&machine.node)]
    });
    table(&mut out, &["MACHINE", "STATUS", "NODE"], machines);
    let migrations = status.migrations.iter().map(|migration| {
        let name = format!("{}/{}", migration.namespace, migration.name);
        let way = format!("{} -> {}", or_dash(&migration.source), or_dash(&migration.target));
        vec![name, migration.machine.clone(), migration.phase.clone(), way]
    });
    table(&mut out, &["MIGRATION", "MACHINE", "PHASE", "FROM -> TO"], migrations);
    links(&mut out, &status.links);
    out
}

/// A table of links.
pub(super) fn links(out: &mut String, links: &[LinkState]) {
    let rows = links.iter().map(|LinkState { network, node, state }| {
        let how = match (state.refusing, state.stalled) {
            (true, _) => "unplugged",
            (false, true) => "stalled",
            (false, false) => "up",
        };
        let limit = state.limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        let delay = match state.delay_micros {
            0 => "none".to_owned(),
            micros => format!("{:?}", Duration::from_micros(micros)),
        };
        let (forth, back) = (state.forth.to_string(), state.back.to_string());
        vec![format!("{network} to {node}"), how.to_owned(), limit, delay, forth, back]
    });
    table(out, &["LINK", "STATUS", "LIMIT", "DELAY", "CARRIED", "BACK"], rows);
}

/// Rows below their heads, each column as wide as its widest cell. Nothing where there are none.
fn table(out: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut lines: Vec<Vec<String>> = vec![heads.iter().map(|head| (*head).to_owned()).collect()];
    lines.extend(rows);
    if lines.len() == 1 {
        return;
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<_> = (0..heads.len()).map(|column| width(column).unwrap_or(0)).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let text = cells.collect::<Vec<_>>().join("   ");
        writeln!(out, "{}", text.trim_end()).expect(INFALLIBLE);
    }
    out.push('\n');
}

pub(super) fn logs(arguments: &LogsArguments) -> Result<Outcome> {
    let path = &arguments.place.dir;
    let none = || format!("there is no testbed in {}; start one with `up`", path.display());
    let dir = Dir::find(path)?.with_context(none)?;
    let plan = Plan::load(&dir)?.with_context(none)?;
    let roles = if arguments.names.is_empty() {
        let mut roles = vec![Role::ApiServer, Role::Controller];
        roles.extend(plan.has_relays().then_some(Role::Relay));
        roles.extend(plan.topology.nodes.iter().map(|node| Role::Node(node.name.clone())));
        roles
    } else {
        let parse = |name: &String| {
            let Ok(role) = name.parse::<Role>();
            if let Role::Node(node) = &role {
                plan.node(node)?;
            }
            Ok(role)
        };
        arguments.names.iter().map(parse).collect::<Result<_>>()?
    };
    let mut out = io::stdout().lock();
    let mut readers = Vec::new();
    for role in &roles {
        let mut reader = LogReader { path: dir.log(role), role: role.to_string(), at: 0 };
        let text = reader.more()?;
        let lines: Vec<_> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(arguments.tail)..] {
            if !reader.print(&mut out, line, roles.len())? {
                return Ok(Outcome::success(String::new()));
            }
        }
        readers.push(reader);
    }
    if arguments.follow {
        follow(&mut readers, &mut out)?;
    }
    Ok(Outcome::success(String::new()))
}

/// Prints what comes, until nobody reads it any more.
fn follow(readers: &mut [LogReader], out: &mut impl io::Write) -> Result<()> {
    let clock = Clock::system();
    let of = readers.len();
    loop {
        clock.wait_until(clock.now() + LOOK);
        for reader in &mut *readers {
            for line in reader.more()?.lines() {
                if !reader.print(out, line, of)? {
                    return Ok(());
                }
            }
        }
    }
}

/// A log that grows.
struct LogReader {
    path: std::path::PathBuf,
    role: String,
    at: u64,
}

impl LogReader {
    /// The whole lines that have come since.
    fn more(&mut self) -> Result<String> {
        let failed = || format!("reading {}", self.path.display());
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            // Not started yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(error).with_context(failed),
        };
        file.seek(SeekFrom::Start(self.at)).with_context(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(failed)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.at += whole as u64;
        Ok(String::from_utf8_lossy(&bytes[..whole]).into_owned())
    }

    /// Prints a line, with whose it is where there are several. False if nobody reads any more.
    fn print(&self, out: &mut impl io::Write, line: &str, of: usize) -> Result<bool> {
        let whose = if of > 1 { format!("{:<12} ", self.role) } else { String::new() };
        match writeln!(out, "{whose}{line}") {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error).context("printing"),
        }
    }
}
