//! Which copies of guests run, as each guest process says it itself: from outside of everything that
//! decides about it.
//!
//! Every guest process of every node is found by its socket as soon as it is there, and asked. When it
//! starts and stops it tells by events, with the microsecond; looks say only since when it is known
//! and until when it was there. So two copies that overlap by a microsecond are found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use anyhow::{Result, anyhow, ensure};
use ferry_harness::{Mark, Qmp, Testbed};
use ferry_qmp::QueryStatus;
use serde_json::Value;

/// How often to look for guests that are new or gone.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks at all guests of a testbed until it is let go.
pub(crate) struct Copies {
    stop: Sender<()>,
    looker: JoinHandle<Vec<Copy>>,
}

/// A guest process that was found.
struct Copy {
    machine: String,
    pod: String,
    node: String,
    qmp: Qmp,
    since: Mark,
    /// When it was asked, when it had answered, and whether it ran.
    looks: Vec<(Duration, Duration, bool)>,
    is_gone: bool,
}

/// A time in which a copy ran, in time after 1970.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    from: Duration,
    to: Duration,
    pod: String,
    node: String,
}

/// When which copies of each machine ran.
#[derive(Debug)]
pub(crate) struct Runs(BTreeMap<String, Vec<Run>>);

impl Copies {
    /// Begins to look.
    pub(crate) fn watch(testbed: &Testbed) -> Self {
        let nodes = testbed.dir().path().join("nodes");
        let (stop, stopped) = mpsc::channel();
        let looker = thread::spawn(move || {
            let mut copies = Vec::new();
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                look(&nodes, &mut copies);
            }
            look(&nodes, &mut copies);
            copies
        });
        Self { stop, looker }
    }

    /// Ends the looking, and says what was seen.
    pub(crate) fn seen(self) -> Result<Runs> {
        drop(self.stop);
        let copies = self.looker.join().map_err(|_| anyhow!("the looker has panicked"))?;
        let mut runs = BTreeMap::<String, Vec<Run>>::new();
        for copy in copies {
            runs.entry(copy.machine.clone()).or_default().extend(copy.runs());
        }
        for runs in runs.values_mut() {
            runs.sort();
        }
        Ok(Runs(runs))
    }
}

impl Runs {
    /// Checks that never two copies of a machine ran at once, and returns the longest time in which
    /// none did, between its first moment and its last.
    pub(crate) fn check(&self) -> Result<Duration> {
        let mut longest = Duration::ZERO;
        for (machine, runs) in &self.0 {
            let Some((mut last, rest)) = runs.split_first() else { continue };
            for run in rest {
                ensure!(
                    run.pod == last.pod || run.from >= last.to,
                    "two copies of {machine} ran at once: {last:?} and {run:?}"
                );
                longest = longest.max(run.from.saturating_sub(last.to));
                last = if run.to > last.to { run } else { last };
            }
        }
        Ok(longest)
    }

    /// How many copies of a machine have run.
    pub(crate) fn copies_of(&self, machine: &str) -> usize {
        let pods = self.0.get(machine).into_iter().flatten().map(|run| run.pod.as_str());
        pods.collect::<BTreeSet<_>>().len()
    }
}

/// Finds those that are new, and asks all.
fn look(nodes: &Path, copies: &mut Vec<Copy>) {
    for socket in sockets(nodes) {
        let is_known = |copy: &Copy| !copy.is_gone && socket.parent() == Some(&copy.dir(nodes));
        if !copies.iter().any(is_known) {
            // One that listens no more, or is not ready yet and will be the next time.
            copies.extend(Copy::find(&socket));
        }
    }
    for copy in copies.iter_mut().filter(|copy| !copy.is_gone) {
        copy.look();
    }
}

pub(super) fn sockets(nodes: &Path) -> Vec<PathBuf> {
    let entries = |dir: &Path| {
        let found = fs::read_dir(dir).into_iter().flatten().flatten();
        found.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let guests = entries(nodes).into_iter().flat_map(|node| entries(&node.join("guests")));
    let socket = |guest: PathBuf| {
        // QEMU serves one client at each of its sockets, and the first is its node's.
        let named = |name: &str| Some(guest.join(name)).filter(|socket| socket.exists());
        named("monitor.sock").or_else(|| named("qmp.sock").filter(|_| !is_qemu(&guest)))
    };
    guests.filter_map(socket).collect()
}

/// Whether a guest is QEMU, whose other socket may not be there yet.
fn is_qemu(guest: &Path) -> bool {
    let journal = fs::read(guest.join("guest.json")).unwrap_or_default();
    let journal: Value = serde_json::from_slice(&journal).unwrap_or_default();
    journal["spec"]["machine"] == "qemu"
}

impl Copy {
    fn find(socket: &Path) -> Option<Self> {
        let dir = socket.parent()?;
        let journal: Value =
            serde_json::from_slice(&fs::read(dir.join("guest.json")).ok()?).ok()?;
        let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
        let qmp = Qmp::connect(socket).ok()?;
        Some(Self {
            machine: journal["spec"]["name"].as_str()?.to_owned(),
            pod: name(dir)?,
            node: name(dir.parent()?.parent()?)?,
            since: qmp.mark(),
            qmp,
            looks: Vec::new(),
            is_gone: false,
        })
    }

    fn dir(&self, nodes: &Path) -> PathBuf {
        nodes.join(&self.node).join("guests").join(&self.pod)
    }

    fn look(&mut self) {
        let asked = now();
        let Ok(status) = self.qmp.execute(&QueryStatus) else {
            self.is_gone = true;
            return;
        };
        let look = (asked, now(), status.running);
        // What lies between two looks of the same answer is told by events, if there was anything.
        match self.looks.as_mut_slice() {
            [.., before, last] if before.2 == look.2 && last.2 == look.2 => *last = look,
            _ => self.looks.push(look),
        }
    }

    /// When it ran.
    fn runs(&self) -> Vec<Run> {
        let events = self.qmp.events(self.since);
        let changes: Vec<_> = events
            .iter()
            .filter_map(|notice| match notice.name() {
                "RESUME" => Some((notice.at.as_duration()?, true)),
                "STOP" | "SHUTDOWN" => Some((notice.at.as_duration()?, false)),
                _ => None,
            })
            .collect();
        self.between(&changes)
    }

    /// Puts what it told by itself and what it answered into one line.
    fn between(&self, changes: &[(Duration, bool)]) -> Vec<Run> {
        let mut told = changes.to_vec();
        for (asked, answered, runs) in &self.looks {
            // An answer that crossed a change says nothing about before and after.
            if !changes.iter().any(|(at, _)| asked <= at && at <= answered) {
                told.push((*answered, *runs));
            }
        }
        told.sort();
        let mut runs = Vec::new();
        let mut since = None;
        for (at, is_running) in told {
            match (since, is_running) {
                (None, true) => since = Some((at, at)),
                (Some((from, _)), true) => since = Some((from, at)),
                (Some((from, _)), false) => {
                    runs.push(self.run(from, at));
                    since = None;
                }
                (None, false) => {}
            }
        }
        runs.extend(since.map(|(from, to)| self.run(from, to)));
        runs
    }

    fn run(&self, from: Duration, to: Duration) -> Run {
        Run { from, to, pod: self.pod.clone(), node: self.node.clone() }
    }
}

/// The clock by which guests tell their events.
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[test]
fn two_copies_at_once_are_found_and_a_pause_is_measured() {
    let run = |pod: &str, from: u64, to: u64| Run {
        from: Duration::from_millis(from),
        to: Duration::from_millis(to),
        pod: pod.to_owned(),
        node: "node-1".to_owned(),
    };
    let runs = |runs: &[Run]| Runs([("web".to_owned(), runs.to_vec())].into());
    let good = runs(&[run("a", 0, 50), run("a", 50, 90), run("b", 97, 200)]);
    assert_eq!(good.check().unwrap(), Duration::from_millis(7));
    assert_eq!(good.copies_of("web"), 2);
    for bad in [
        [run("a", 0, 50), run("b", 49, 90)].as_slice(),
        &[run("a", 0, 50), run("b", 10, 20)],
        &[run("a", 0, 50), run("a", 20, 30), run("b", 40, 60)],
    ] {
        assert!(runs(bad).check().unwrap_err().to_string().contains("at once"), "{bad:?}");
    }
}
