//! The daemons of a testbed as processes: started, found, told something, ended.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::census::{Member, ProcessId, What, census};
use super::launch::{credentials, launch};
use super::links::{LinkOrder, LinkState, Wiring, wiring};
use super::plan::check_free;
use super::topology::Links;
use super::{Dir, Plan, Programs, Role};

/// How much of a log a message shows.
const SHOWN: u64 = 4 << 10;

/// How often to look whether a process is still there: nobody tells of others' children.
const PAUSE: Duration = Duration::from_millis(2);

/// How long a daemon may take to end when it is asked to: it flushes a journal, or says goodbye to
/// clients. Well above what any of them grants its own.
pub(super) const GRACE: Duration = Duration::from_secs(15);

/// How long the kernel may take to end a process.
const KILLED: Duration = Duration::from_secs(10);

/// The daemons of a testbed.
#[derive(Debug)]
pub(crate) struct Daemons {
    pub(crate) dir: Dir,
    pub(crate) plan: Plan,
    programs: Programs,
    /// Those that this process has started: it has to wait for their ends, and knows how they were.
    children: Mutex<Vec<Started>>,
}

#[derive(Debug)]
struct Started {
    role: Role,
    child: Child,
    at: SystemTime,
    /// How much was in its log before.
    log_from: u64,
}

impl Daemons {
    pub(crate) fn new(dir: Dir, plan: Plan, programs: Programs) -> Self {
        Self { dir, plan, programs, children: Mutex::default() }
    }

    /// Which programs run.
    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// All that belong to the testbed, in the order in which they start.
    pub(crate) fn roles(&self) -> Vec<Role> {
        let mut roles = vec![Role::ApiServer, Role::Controller];
        roles.extend(self.plan.has_relays().then_some(Role::Relay));
        let nodes = self.plan.topology.nodes.iter();
        roles.extend(nodes.map(|node| Role::Node(node.name.clone())));
        roles
    }

    /// Those that do not run.
    pub(crate) fn missing(&self) -> Result<Vec<Role>> {
        let members = census(&self.dir)?;
        let runs =
            |role: &Role| members.iter().any(|member| member.what == What::Daemon(role.clone()));
        Ok(self.roles().into_iter().filter(|role| !runs(role)).collect())
    }

    /// The process of a daemon, if it runs.
    pub(crate) fn find(&self, role: &Role) -> Result<Option<ProcessId>> {
        let what = What::Daemon(role.clone());
        Ok(census(&self.dir)?
            .into_iter()
            .find(|member| member.what == what)
            .map(|member| member.id))
    }

    /// How its links are made.
    pub(crate) fn wiring(&self) -> Box<dyn Wiring + '_> {
        wiring(&self.dir, &self.plan)
    }

    /// Tells a link something, by network and node, or all of them, and says how they are then.
    pub(crate) fn tell(
        &self,
        link: Option<(&str, &str)>,
        order: LinkOrder,
    ) -> Result<Vec<LinkState>> {
        self.wiring().tell(link, order)
    }

    /// Says who is in the way of a daemon that is to be started.
    pub(crate) fn check(&self, role: &Role) -> Result<()> {
        match role {
            Role::ApiServer => check_free(
                self.plan.api,
                "the API server",
                "stop who listens there, or remove this testbed with `down --purge` and choose another \
                 address with --listen",
            ),
            // It has every port of its namespace.
            Role::Node(_) if self.plan.topology.links == Links::Namespaces => Ok(()),
            Role::Node(name) => check_free(
                self.plan.grpc(name)?,
                &format!("the daemon of {name}"),
                "stop who listens there, or use another --dir, which has other addresses",
            ),
            Role::Controller | Role::Relay => Ok(()),
        }
    }

    /// Makes what daemons need to be somebody, for all of them at once.
    pub(crate) fn make_credentials(&self, roles: &[Role]) -> Result<()> {
        let made: Vec<Result<()>> = thread::scope(|scope| {
            let makers: Vec<_> = roles
                .iter()
                .map(|role| {
                    scope.spawn(|| credentials(&self.dir, &self.plan, &self.programs, role))
                })
                .collect();
            let join = |maker: thread::ScopedJoinHandle<'_, Result<()>>| {
                maker.join().unwrap_or_else(|_| bail!("making credentials has panicked"))
            };
            makers.into_iter().map(join).collect()
        });
        made.into_iter().collect()
    }

    /// Starts a daemon that does not run.
    pub(crate) fn start(&self, role: &Role) -> Result<()> {
        if self.find(role)?.is_some() {
            bail!("{role} runs already");
        }
        let log_from = std::fs::metadata(self.dir.log(role)).map_or(0, |log| log.len());
        let at = SystemTime::now();
        let child = launch(&self.dir, &self.plan, &self.programs, role)?;
        let mut children = self.children();
        children.retain(|started| started.role != *role);
        children.push(Started { role: role.clone(), child, at, log_from });
        Ok(())
    }

    /// When a daemon was started, if that was here.
    pub(crate) fn started_at(&self, role: &Role) -> Option<SystemTime> {
        self.children().iter().find(|started| started.role == *role).map(|started| started.at)
    }

    /// Fails with what it has printed if a daemon that was started here has ended.
    pub(crate) fn check_alive(&self, role: &Role) -> Result<()> {
        let mut children = self.children();
        let Some(started) = children.iter_mut().find(|started| started.role == *role) else {
            return Ok(());
        };
        if let Some(status) =
            started.child.try_wait().context("asking whether a daemon has ended")?
        {
            let log_from = started.log_from;
            drop(children);
            bail!("{role} has ended ({}):\n{}", told(status), self.log(role, log_from)?.trim_end());
        }
        Ok(())
    }

    /// The end of what a daemon has printed, of its last start if that was here.
    pub(crate) fn last_words(&self, role: &Role) -> Result<String> {
        let children = self.children();
        let log_from =
            children.iter().find(|started| started.role == *role).map_or(0, |it| it.log_from);
        drop(children);
        self.log(role, log_from)
    }

    fn log(&self, role: &Role, from: u64) -> Result<String> {
        let path = self.dir.log(role);
        let failed = || format!("reading {}", path.display());
        let mut file = File::open(&path).with_context(failed)?;
        let end = file.seek(SeekFrom::End(0)).with_context(failed)?;
        file.seek(SeekFrom::Start(from.max(end.saturating_sub(SHOWN)))).with_context(failed)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).with_context(failed)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Sends a daemon a signal.
    pub(crate) fn signal(&self, role: &Role, signal: Signal) -> Result<()> {
        let id = self.find(role)?.with_context(|| format!("{role} does not run"))?;
        id.signal(signal)
    }

    /// Ends a daemon as a crash would, and waits until it is gone.
    pub(crate) fn kill(&self, role: &Role) -> Result<()> {
        let id = self.find(role)?.with_context(|| format!("{role} does not run"))?;
        kill(&[id])?;
        self.reap();
        Ok(())
    }

    /// Asks a daemon to end, and waits until it has.
    pub(crate) fn stop(&self, role: &Role) -> Result<()> {
        let id = self.find(role)?.with_context(|| format!("{role} does not run"))?;
        end(&[id])?;
        self.reap();
        Ok(())
    }

    /// Takes note of the ends of our own children, so that none stays behind as a zombie.
    pub(crate) fn reap(&self) {
        for started in self.children().iter_mut() {
            // One that runs is waited for later, and one that cannot be waited for never.
            let _ended = started.child.try_wait();
        }
    }

    fn children(&self) -> std::sync::MutexGuard<'_, Vec<Started>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends every process of a testbed, removes what was made for its links, and says how many processes
/// there were.
pub(crate) fn clear(dir: &Dir, plan: &Plan) -> Result<usize> {
    let count = end_all(dir)?;
    wiring(dir, plan).remove()?;
    Ok(count)
}

/// Ends every process of the testbed in `dir`, and says how many there were. Nodes go before their
/// guests, which would otherwise be reported to have crashed; the API server goes last, so that
/// whoever says goodbye is heard.
pub(crate) fn end_all(dir: &Dir) -> Result<usize> {
    /// More than once only when a daemon has just started something.
    const ROUNDS: usize = 10;
    let mut count = 0;
    for _ in 0..ROUNDS {
        let members = census(dir)?;
        if members.is_empty() {
            return Ok(count);
        }
        count += members.len();
        let those = |wanted: fn(&What) -> bool| -> Vec<ProcessId> {
            let found = members.iter().filter(|member| wanted(&member.what));
            found.map(|Member { id, .. }| *id).collect()
        };
        end(&those(|what| matches!(what, What::Daemon(Role::Node(_) | Role::Controller))))?;
        end(&those(|what| matches!(what, What::Guest { .. })))?;
        end(&those(|what| matches!(what, What::Daemon(Role::Relay | Role::ApiServer))))?;
    }
    let left = census(dir)?;
    if left.is_empty() {
        return Ok(count);
    }
    bail!("{} processes are still there: {:?}", left.len(), left)
}

/// Asks processes to end, waits, and ends those that do not.
fn end(ids: &[ProcessId]) -> Result<()> {
    for id in ids {
        id.signal(Signal::TERM)?;
        // One that stands still hears nothing before it goes on.
        id.signal(Signal::CONT)?;
    }
    if wait_for_ends(ids, GRACE) { Ok(()) } else { kill(ids) }
}

fn kill(ids: &[ProcessId]) -> Result<()> {
    for id in ids {
        id.signal(Signal::KILL)?;
    }
    if wait_for_ends(ids, KILLED) {
        return Ok(());
    }
    let left: Vec<_> = ids.iter().filter(|id| id.is_alive()).map(|id| id.pid).collect();
    bail!("processes {left:?} do not end although they were killed")
}

fn wait_for_ends(ids: &[ProcessId], limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while ids.iter().any(|id| id.is_alive()) {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(PAUSE);
    }
    true
}

fn told(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}
