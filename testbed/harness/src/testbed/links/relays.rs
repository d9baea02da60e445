//! Links of relays: they are in a process of their own, which does what it is told over a socket, a
//! line of JSON each.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ferry_units::BytesPerSecond;
use serde::{Deserialize, Serialize};

use super::{LinkOrder, LinkState, Wiring};
use crate::relay::{Direction, Relay};
use crate::testbed::dir::private_dir;
use crate::testbed::plan::MIGRATION_PORTS;
use crate::testbed::topology::Link as LinkSpec;
use crate::testbed::{Dir, Plan, Role};

/// The control socket's name.
const SOCKET: &str = "control.sock";

/// The longest order. The longest names of a node and a network have 63 bytes each.
const LONGEST_ORDER: u64 = 4 << 10;

/// How long an answer may take: the relay only changes a setting.
const ANSWER: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    /// Which link, by network and node; all of them without.
    link: Option<(String, String)>,
    #[serde(flatten)]
    order: LinkOrder,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    Links(Vec<LinkState>),
    Error(String),
}

/// The links of a testbed whose nodes are addresses of this machine's loopback: nothing has to be
/// made for them but what the relays' own process makes.
pub(crate) struct Relays<'a> {
    dir: &'a Dir,
    plan: &'a Plan,
}

impl<'a> Relays<'a> {
    pub(crate) fn of(dir: &'a Dir, plan: &'a Plan) -> Self {
        Self { dir, plan }
    }
}

impl Wiring for Relays<'_> {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn make(&self) -> Result<()> {
        Ok(())
    }

    fn remove(&self) -> Result<()> {
        Ok(())
    }

    fn command(&self, _: &Role, program: &Path) -> Result<Command> {
        Ok(Command::new(program))
    }

    fn tell(&self, link: Option<(&str, &str)>, order: LinkOrder) -> Result<Vec<LinkState>> {
        match link {
            None if !self.plan.has_relays() => Ok(Vec::new()),
            Some(link) if !self.plan.has_relays() => bail!(no_relay(link)),
            link => tell(self.dir, link, order),
        }
    }
}

/// A relay in its link.
struct Place {
    network: String,
    node: String,
    spec: LinkSpec,
    relay: Relay,
}

/// Relays everything that the testbed in `path` wants relayed, until the process ends.
///
/// # Errors
/// When an address cannot be had, or nothing is to be relayed.
pub fn serve_links(path: &Path) -> Result<()> {
    let none = || format!("there is no testbed in {}", path.display());
    let dir = Dir::find(path)?.with_context(none)?;
    let plan = Plan::load(&dir)?.with_context(none)?;
    let places = places(&plan)?;
    if places.is_empty() {
        bail!("no link of the testbed in {} is relayed", path.display());
    }
    let failed = || format!("listening at {SOCKET} in {}", dir.relays().display());
    private_dir(&dir.relays()).with_context(failed)?;
    let (_within, socket) = socket(&dir).with_context(failed)?;
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(failed);
        }
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&socket).with_context(failed)?;
    let places = Arc::new(places);
    for client in listener.incoming() {
        // Whoever has gone again needs no answer.
        let Ok(client) = client else { continue };
        let places = Arc::clone(&places);
        thread::Builder::new()
            .name("client".to_owned())
            .spawn(move || serve(&client, &places))
            .context("a thread for a client")?;
    }
    Ok(())
}

/// The control socket, named from within its directory: its path as a whole may be longer than an
/// address of a socket may be. Good as long as the file is open.
fn socket(dir: &Dir) -> io::Result<(File, PathBuf)> {
    let within = File::open(dir.relays())?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", within.as_raw_fd());
    Ok((within, path.into()))
}

fn places(plan: &Plan) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for node in &plan.topology.nodes {
        for attachment in plan.attachments(&node.name)? {
            let Some(from) = attachment.relayed else { continue };
            let (from, to) = (IpAddr::V4(from), IpAddr::V4(attachment.listen));
            let relay = Relay::between(from, to, MIGRATION_PORTS)?;
            let spec = attachment.link;
            let place = Place { network: attachment.network, node: node.name.clone(), spec, relay };
            place.restore();
            places.push(place);
        }
    }
    Ok(places)
}

impl Place {
    fn obey(&self, order: LinkOrder) {
        match order {
            LinkOrder::Cut => self.relay.cut(),
            LinkOrder::Unplug => {
                self.relay.refuse();
                self.relay.cut();
            }
            LinkOrder::Stall => self.relay.stall(),
            LinkOrder::Limit { rate } => self.limit(rate),
            LinkOrder::Delay { micros } => self.delay(Duration::from_micros(micros)),
            LinkOrder::Restore => self.restore(),
            LinkOrder::Show => {}
        }
    }

    fn restore(&self) {
        self.limit(self.spec.link_speed.map(|speed| speed.0));
        self.delay(self.spec.latency.unwrap_or_default().0);
        self.relay.resume();
        self.relay.accept();
    }

    fn limit(&self, rate: Option<BytesPerSecond>) {
        for direction in [Direction::Forth, Direction::Back] {
            self.relay.limit(direction, rate);
        }
    }

    fn delay(&self, delay: Duration) {
        for direction in [Direction::Forth, Direction::Back] {
            self.relay.delay(direction, delay);
        }
    }

    fn state(&self) -> LinkState {
        LinkState {
            network: self.network.clone(),
            node: self.node.clone(),
            state: self.relay.state().into(),
        }
    }
}

/// Answers a client until it goes.
fn serve(client: &UnixStream, places: &[Place]) {
    let mut reader = BufReader::new(client);
    loop {
        let mut line = String::new();
        match reader.by_ref().take(LONGEST_ORDER).read_line(&mut line) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        let answer = match serde_json::from_str::<Order>(&line) {
            Ok(order) => answer(&order, places),
            Err(error) => Answer::Error(format!("no order: {error}")),
        };
        let text = serde_json::to_string(&answer).expect("an answer is made of texts and numbers");
        if writeln!(&mut &*client, "{text}").is_err() {
            return;
        }
    }
}

fn answer(order: &Order, places: &[Place]) -> Answer {
    let is_meant = |place: &&Place| {
        let link = order.link.as_ref();
        link.is_none_or(|(network, node)| *network == place.network && *node == place.node)
    };
    let meant: Vec<_> = places.iter().filter(is_meant).collect();
    if meant.is_empty() {
        let (network, node) = order.link.clone().unwrap_or_default();
        return Answer::Error(no_relay((&network, &node)));
    }
    for place in &meant {
        place.obey(order.order);
    }
    Answer::Links(meant.into_iter().map(Place::state).collect())
}

fn no_relay((network, node): (&str, &str)) -> String {
    format!(
        "no relay stands between {node} and network {network}: give the network `relay: true` in the \
         topology"
    )
}

/// Tells the relays of the testbed in `dir` something; `link` is a network and a node.
fn tell(dir: &Dir, link: Option<(&str, &str)>, order: LinkOrder) -> Result<Vec<LinkState>> {
    let failed = || format!("asking the relays at {SOCKET} in {}", dir.relays().display());
    let (_within, socket) = socket(dir).with_context(failed)?;
    let stream = UnixStream::connect(&socket).with_context(failed)?;
    stream.set_read_timeout(Some(ANSWER)).with_context(failed)?;
    let link = link.map(|(network, node)| (network.to_owned(), node.to_owned()));
    let order = serde_json::to_string(&Order { link, order }).context("an order as JSON")?;
    writeln!(&mut &stream, "{order}").with_context(failed)?;
    stream.shutdown(Shutdown::Write).with_context(failed)?;
    let mut text = String::new();
    (&stream).read_to_string(&mut text).with_context(failed)?;
    match serde_json::from_str(&text).with_context(failed)? {
        Answer::Links(links) => Ok(links),
        Answer::Error(message) => bail!(message),
    }
}

#[cfg(test)]
mod tests {
    use ferry_config::Semantics;

    use super::*;
    use crate::{Topology, wait_until};

    #[test]
    fn links_do_what_they_are_told_and_become_what_they_were() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::make(temporary.path()).unwrap();
        let text =
            "networks: [{name: fast, linkSpeed: 8Mi, latency: 2ms, nodes: [node-1, node-2]}]";
        let topology = Topology::parse(text, "t").unwrap();
        let plan = Plan::new(&dir, topology, Semantics::Documented, None).unwrap();
        plan.save(&dir).unwrap();
        let path = dir.path().to_owned();
        thread::spawn(move || serve_links(&path).unwrap());
        let show = || tell(&dir, None, LinkOrder::Show);
        let links = wait_until("relays", || Ok(show().ok())).unwrap();
        let names: Vec<_> = links.iter().map(|link| (&*link.network, &*link.node)).collect();
        assert_eq!(names, [("fast", "node-1"), ("fast", "node-2")]);
        let before = links[0].state;
        assert_eq!(before.connections, Some(0));
        assert_eq!(before.limit, Some(BytesPerSecond::from_mib(8)));
        assert_eq!(before.delay_micros, 2000);

        let link = Some(("fast", "node-1"));
        for order in [
            LinkOrder::Stall,
            LinkOrder::Unplug,
            LinkOrder::Limit { rate: None },
            LinkOrder::Delay { micros: 7 },
        ] {
            let links = tell(&dir, link, order).unwrap();
            assert_eq!(links.len(), 1);
            assert_ne!(links[0].state, before, "{order:?}");
            assert_eq!(tell(&dir, link, LinkOrder::Restore).unwrap()[0].state, before, "{order:?}");
        }
        assert_eq!(tell(&dir, link, LinkOrder::Cut).unwrap()[0].state, before);

        let error = tell(&dir, Some(("pod", "node-1")), LinkOrder::Cut).unwrap_err().to_string();
        assert!(error.contains("`relay: true`"), "{error}");
        let (_within, path) = socket(&dir).unwrap();
        let mut stranger = UnixStream::connect(path).unwrap();
        stranger.write_all(b"{\"do\": \"dance\"}\n").unwrap();
        let mut answer = String::new();
        BufReader::new(&stranger).read_line(&mut answer).unwrap();
        assert!(answer.contains("no order: unknown variant `dance`"), "{answer}");
    }
}
