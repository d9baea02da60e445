//! Guests, played: what their processes do with the orders of their nodes, and what they report.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ferry_reconcile::guest::{
    Arriving, GuestEnd, GuestReport, GuestSpec, GuestState, Leaving, LeavingEnd, Listening,
    MigrationMode, MigrationReport, Order,
};
use ferry_units::WallTime;

/// A process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) node: String,
    pub(crate) spec: GuestSpec,
    pub(crate) state: GuestState,
    pub(crate) migration: Option<MigrationReport>,
    /// Whether vCPUs run.
    pub(crate) runs: bool,
    /// Whether it waits for a guest from elsewhere.
    is_target: bool,
    /// Whether it was asked to shut down.
    is_asked: bool,
    /// The pod that it is sent to.
    pub(crate) peer: Option<String>,
}

/// All of them, by the uid of the pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes {
    pub(crate) all: BTreeMap<String, Process>,
    /// All orders that were obeyed, in words.
    pub(crate) obeyed: Vec<String>,
    ports: u16,
}

/// The address of every node.
pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

fn crashed(why: &str) -> GuestState {
    GuestState::Ended(GuestEnd::Crashed { why: why.to_owned() })
}

fn never_came(why: &str) -> GuestState {
    GuestState::Ended(GuestEnd::NeverCame { why: why.to_owned() })
}

impl Process {
    pub(crate) fn leaving(&self) -> Option<&Leaving> {
        match &self.migration {
            Some(MigrationReport::Leaving(leaving)) => Some(leaving),
            _ => None,
        }
    }

    fn leaving_mut(&mut self) -> Option<&mut Leaving> {
        match &mut self.migration {
            Some(MigrationReport::Leaving(leaving)) => Some(leaving),
            _ => None,
        }
    }

    pub(crate) fn arriving(&self) -> Option<&Arriving> {
        match &self.migration {
            Some(MigrationReport::Arriving(arriving)) => Some(arriving),
            _ => None,
        }
    }

    fn arriving_mut(&mut self) -> Option<&mut Arriving> {
        match &mut self.migration {
            Some(MigrationReport::Arriving(arriving)) => Some(arriving),
            _ => None,
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, GuestState::Ended(_))
    }

    /// Whether it is being sent.
    pub(crate) fn is_leaving(&self) -> bool {
        !self.has_ended() && self.leaving().is_some_and(|leaving| leaving.end.is_none())
    }
}

impl Processes {
    pub(crate) fn reports(&self, node: &str) -> Vec<GuestReport> {
        let own = self.all.iter().filter(|(_, process)| process.node == node);
        own.map(|(uid, process)| GuestReport {
            pod_uid: uid.clone(),
            state: process.state.clone(),
            migration: process.migration.clone(),
        })
        .collect()
    }

    /// Obeys an order of a node.
    pub(crate) fn order(&mut self, node: &str, order: &Order, now: WallTime) {
        let before = format!("{:?}", self.all);
        match order {
            Order::Start(spec) => self.spawn(node, spec, false),
            Order::Await(spec) => self.spawn(node, spec, true),
            Order::Listen(listen) => {
                self.ports += 1;
                let listening = Listening { address: ADDRESS, port: self.ports };
                if let Some(process) = self.all.get_mut(&listen.pod_uid)
                    && process.state == GuestState::Waiting
                    && process.migration.is_none()
                {
                    process.migration = Some(MigrationReport::Arriving(Arriving {
                        migration_uid: listen.migration_uid.clone(),
                        listening: Some(listening),
                        resumed: None,
                        completed: None,
                        failure: None,
                    }));
                }
            }
            Order::Migrate(migrate) => self.send(&migrate.pod_uid, migrate, now),
            Order::Abort { pod_uid, migration_uid } => self.abort(pod_uid, migration_uid, now),
            Order::Pause { pod_uid } => {
                self.turn(pod_uid, &GuestState::Running, GuestState::Paused);
            }
            Order::Resume { pod_uid } => {
                self.turn(pod_uid, &GuestState::Paused, GuestState::Running);
            }
            Order::ShutDown { pod_uid, .. } => {
                if let Some(process) = self.all.get_mut(pod_uid) {
                    process.is_asked = true;
                }
            }
            Order::Kill { pod_uid } => self.end(pod_uid, "killed", now),
            Order::Forget { pod_uid } => {
                assert!(self.all[pod_uid].has_ended(), "a guest that has not ended is forgotten");
                self.all.remove(pod_uid);
            }
        }
        if before != format!("{:?}", self.all) {
            self.obeyed.push(format!("{node}: {}", in_words(order)));
        }
    }

    fn spawn(&mut self, node: &str, spec: &GuestSpec, is_target: bool) {
        self.all.entry(spec.pod_uid.clone()).or_insert_with(|| Process {
            node: node.to_owned(),
            spec: spec.clone(),
            state: GuestState::Starting,
            migration: None,
            runs: false,
            is_target,
            is_asked: false,
            peer: None,
        });
    }

    fn turn(&mut self, uid: &str, from: &GuestState, to: GuestState) {
        if let Some(process) = self.all.get_mut(uid).filter(|process| process.state == *from) {
            process.runs = to == GuestState::Running;
            process.state = to;
        }
    }

    fn send(&mut self, uid: &str, migrate: &ferry_reconcile::guest::Migrate, now: WallTime) {
        let is_there = |process: &Process| {
            let listening = process.arriving().and_then(|arriving| arriving.listening);
            process.state == GuestState::Waiting
                && listening.is_some_and(|it| it.port == migrate.port)
        };
        let peer = self.all.iter().find(|(_, it)| is_there(it)).map(|(uid, _)| uid.clone());
        let Some(process) = self.all.get_mut(uid) else { return };
        let is_known =
            process.leaving().is_some_and(|it| it.migration_uid == migrate.migration_uid);
        let can = matches!(process.state, GuestState::Running | GuestState::Paused);
        if is_known || !can {
            return;
        }
        let end = peer.is_none().then(|| LeavingEnd::Failed {
            reason: "nobody listens".to_owned(),
            at: now,
            aborted: false,
        });
        process.migration = Some(MigrationReport::Leaving(Leaving {
            migration_uid: migrate.migration_uid.clone(),
            started: Some(now),
            mode: MigrationMode::PreCopy,
            end,
            abort_failed: false,
        }));
        process.peer = peer;
    }

    fn abort(&mut self, uid: &str, migration_uid: &str, now: WallTime) {
        let Some(process) = self.all.get_mut(uid) else { return };
        if !process.is_leaving() {
            return;
        }
        let is_held = process.state == GuestState::Held;
        let Some(leaving) = process.leaving_mut() else { return };
        if leaving.migration_uid != migration_uid {
            return;
        }
        if is_held {
            leaving.abort_failed = true;
        } else {
            self.stay(uid, "Live migration aborted ", now, true);
        }
    }

    /// The guest stays where it is; what waited for it has waited in vain.
    fn stay(&mut self, uid: &str, reason: &str, now: WallTime, aborted: bool) {
        let Some(process) = self.all.get_mut(uid) else { return };
        if process.state == GuestState::Held {
            process.state = GuestState::Running;
            process.runs = true;
        }
        let reason = reason.to_owned();
        if let Some(leaving) = process.leaving_mut() {
            leaving.end = Some(LeavingEnd::Failed { reason, at: now, aborted });
        }
        let peer = process.peer.clone();
        if let Some(peer) = peer.and_then(|peer| self.all.get_mut(&peer))
            && !peer.has_ended()
        {
            assert!(!peer.runs, "the source takes back a guest that runs at the target");
            peer.state = never_came("the source has failed");
        }
    }

    /// A process ends by force.
    pub(crate) fn end(&mut self, uid: &str, why: &str, now: WallTime) {
        let Some(process) = self.all.get_mut(uid).filter(|it| !it.has_ended()) else { return };
        let was_leaving = process.is_leaving();
        process.state =
            if process.is_target && process.arriving().is_none_or(|it| it.resumed.is_none()) {
                never_came(why)
            } else {
                crashed(why)
            };
        process.runs = false;
        let peer = process.peer.clone();
        if was_leaving && let Some(peer) = peer {
            self.source_is_gone(&peer);
        }
        let sources: Vec<String> = self
            .all
            .iter()
            .filter(|(_, it)| it.is_leaving() && it.peer.as_deref() == Some(uid))
            .map(|(uid, _)| uid.clone())
            .collect();
        for source in sources {
            self.target_is_gone(&source, uid, now);
        }
    }

    fn source_is_gone(&mut self, peer: &str) {
        let Some(target) = self.all.get_mut(peer).filter(|it| !it.has_ended()) else { return };
        match target.arriving() {
            Some(arriving) if arriving.completed.is_some() => {}
            Some(arriving) if arriving.resumed.is_some() => {
                target.runs = false;
                target.state = GuestState::Ended(GuestEnd::Torn { why: "half is lost".to_owned() });
            }
            _ => target.state = never_came("the source is gone"),
        }
    }

    fn target_is_gone(&mut self, source: &str, target: &str, now: WallTime) {
        let arriving = self.all[target].arriving().cloned();
        let has_resumed = arriving.as_ref().is_some_and(|it| it.resumed.is_some());
        let has_all = arriving.as_ref().is_some_and(|it| it.completed.is_some());
        if !has_resumed {
            self.stay(source, "the target is gone", now, false);
            return;
        }
        let process = self.all.get_mut(source).unwrap();
        process.runs = false;
        process.state = GuestState::Ended(if has_all {
            GuestEnd::Moved
        } else {
            GuestEnd::Torn { why: "half is lost".to_owned() }
        });
    }

    /// The instances of whose guests more than one copy runs, by what `of` says.
    pub(crate) fn doubles(&self, of: impl Fn(&GuestSpec) -> String) -> Vec<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for process in self.all.values().filter(|process| process.runs) {
            *counts.entry(of(&process.spec)).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
    }
}

fn in_words(order: &Order) -> String {
    match order {
        Order::Start(spec) => format!("start {}", spec.name),
        Order::Await(spec) => format!("await {}", spec.name),
        Order::Listen(_) => "listen".to_owned(),
        Order::Migrate(migrate) => format!("migrate to {}", migrate.target_node),
        Order::Abort { .. } => "abort".to_owned(),
        Order::Pause { .. } => "pause".to_owned(),
        Order::Resume { .. } => "resume".to_owned(),
        Order::ShutDown { .. } => "shut down".to_owned(),
        Order::Kill { .. } => "kill".to_owned(),
        Order::Forget { .. } => "forget".to_owned(),
    }
}

/// Something that a process does by itself, named by its pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It answers for the first time.
    Boot(String),
    /// What was asked to shut down has.
    ShutDown(String),
    /// The last of the guest crosses: it stands still.
    Stop(String),
    /// The target lets it run.
    Resume(String),
    /// The target lets it run, and fetches the rest.
    PostCopy(String),
    /// The target has all of it.
    Complete(String),
    /// The source hears of that.
    Learn(String),
    /// The link breaks for good, and it is found out who has the guest.
    Cut(String),
    /// It crashes.
    Crash(String),
}

impl Processes {
    /// Everything that can happen now; what need not happen comes last.
    pub(crate) fn deeds(&self) -> Vec<Deed> {
        let mut deeds = Vec::new();
        let mut harm = Vec::new();
        for (uid, process) in self.all.iter().filter(|(_, process)| !process.has_ended()) {
            if process.state == GuestState::Starting {
                deeds.push(Deed::Boot(uid.clone()));
            } else if process.is_asked {
                deeds.push(Deed::ShutDown(uid.clone()));
            }
            harm.push(Deed::Crash(uid.clone()));
            if process.is_leaving() {
                deeds.extend(self.next(uid, process));
                harm.push(Deed::Cut(uid.clone()));
            }
        }
        deeds.extend(harm);
        deeds
    }

    fn next(&self, uid: &str, process: &Process) -> Vec<Deed> {
        let peer = process.peer.as_ref().and_then(|peer| self.all.get(peer));
        let arriving = peer.and_then(Process::arriving);
        let (resumed, completed) =
            arriving.map_or((None, None), |arriving| (arriving.resumed, arriving.completed));
        let uid = uid.to_owned();
        match (&process.state, resumed, completed) {
            (GuestState::Held, _, Some(_)) => vec![Deed::Learn(uid)],
            (GuestState::Held, Some(_), None) => vec![Deed::Complete(uid)],
            (GuestState::Held, None, None) => vec![Deed::Resume(uid.clone()), Deed::PostCopy(uid)],
            _ => vec![Deed::Stop(uid)],
        }
    }

    pub(crate) fn perform(&mut self, deed: &Deed, now: WallTime) {
        match deed {
            Deed::Boot(uid) => {
                let process = self.all.get_mut(uid).unwrap();
                process.runs = !process.is_target && !process.spec.starts_paused;
                process.state = match (process.is_target, process.runs) {
                    (true, _) => GuestState::Waiting,
                    (false, true) => GuestState::Running,
                    (false, false) => GuestState::Paused,
                };
            }
            Deed::ShutDown(uid) => {
                self.end(uid, "shut down", now);
                let process = self.all.get_mut(uid).unwrap();
                if process.state == crashed("shut down") {
                    process.state = GuestState::Ended(GuestEnd::ShutDown);
                }
            }
            Deed::Stop(uid) => {
                let process = self.all.get_mut(uid).unwrap();
                process.state = GuestState::Held;
                process.runs = false;
            }
            Deed::PostCopy(uid) => {
                self.all.get_mut(uid).unwrap().leaving_mut().unwrap().mode =
                    MigrationMode::PostCopy;
                self.arrive(uid, now, None);
            }
            Deed::Resume(uid) | Deed::Complete(uid) => self.arrive(uid, now, Some(now)),
            Deed::Learn(uid) => {
                let process = self.all.get_mut(uid).unwrap();
                process.leaving_mut().unwrap().end = Some(LeavingEnd::Completed { at: now });
                process.state = GuestState::Ended(GuestEnd::Moved);
            }
            Deed::Cut(uid) => self.cut(uid, now),
            Deed::Crash(uid) => self.end(uid, "crashed", now),
        }
    }

    fn arrive(&mut self, source: &str, now: WallTime, completed: Option<WallTime>) {
        let peer = self.all[source].peer.clone().unwrap();
        let target = self.all.get_mut(&peer).unwrap();
        target.state = GuestState::Running;
        target.runs = true;
        let arriving = target.arriving_mut().unwrap();
        arriving.resumed.get_or_insert(now);
        arriving.completed = completed;
    }

    fn cut(&mut self, uid: &str, now: WallTime) {
        let peer = self.all[uid].peer.clone().unwrap();
        let arriving = self.all[&peer].arriving().cloned().unwrap();
        match (arriving.resumed, arriving.completed) {
            (None, _) => self.stay(uid, "the link is cut", now, false),
            (Some(_), Some(_)) => self.perform(&Deed::Learn(uid.to_owned()), now),
            (Some(_), None) => {
                let torn = GuestState::Ended(GuestEnd::Torn { why: "it is cut".to_owned() });
                for uid in [uid, peer.as_str()] {
                    let process = self.all.get_mut(uid).unwrap();
                    process.state = torn.clone();
                    process.runs = false;
                }
            }
        }
    }
}
