//! Clients of a machine whose commands take as long as a test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::sync::mpsc::{Receiver, Sender, channel};

use ferry_qmp::{Command, Execute, QUEUE_LIMIT, Reply};

use super::*;

/// Executes `stop` when it is let, and anything else at once.
struct Gated {
    gate: Mutex<Receiver<()>>,
    executed: Sender<&'static str>,
}

impl Executor for Gated {
    fn execute(&self, command: &Command) -> Reply {
        self.executed.send(command.name()).unwrap();
        match command {
            Command::Stop(stop) => {
                self.gate.lock().unwrap().recv().unwrap();
                stop.done()
            }
            Command::QueryYank(query) => query.reply(&Vec::new()),
            other => Reply::from(ferry_qmp::WireError::generic(other.name())),
        }
    }

    fn answered(&self, command: &Command) {
        assert!(matches!(command, Command::Stop(_) | Command::QueryYank(_)));
    }
}

/// A client, and the strings by which its machine hangs.
struct Scene {
    socket: UnixStream,
    lines: BufReader<UnixStream>,
    gate: Sender<()>,
    executed: Receiver<&'static str>,
    gone: Receiver<()>,
    events: Events,
}

impl Scene {
    fn new() -> Self {
        let (socket, machines) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let ((gate, opened), (executed, log), (left, gone)) = (channel(), channel(), channel());
        let executor = Arc::new(Gated { gate: Mutex::new(opened), executed });
        let events = Events::new(Clock::system());
        let server = Server::new(version(), OutOfBand::On);
        let tell = move || left.send(()).unwrap();
        client::serve(machines, server, events.clone(), executor, tell).unwrap();
        let lines = BufReader::new(socket.try_clone().unwrap());
        let mut scene = Self { socket, lines, gate, executed: log, gone, events };
        assert!(scene.line().contains("\"QMP\""));
        scene.send("{'execute': 'qmp_capabilities', 'arguments': {'enable': ['oob']}}");
        assert_eq!(scene.line(), "{\"return\": {}}");
        scene
    }

    fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

const STOP: &str = "{'execute': 'stop'}";
const YANK: &str = "{'exec-oob': 'query-yank'}";

#[test]
fn out_of_band_commands_overtake_those_that_wait() {
    let mut scene = Scene::new();
    scene.send(&STOP.repeat(3));
    assert_eq!(scene.executed.recv(), Ok("stop"));
    scene.send(YANK);
    assert_eq!(scene.line(), "{\"return\": []}");
    for _ in 0..3 {
        scene.gate.send(()).unwrap();
        assert_eq!(scene.line(), "{\"return\": {}}");
    }
}

#[test]
fn a_client_is_not_read_while_as_many_commands_wait_as_can() {
    let mut scene = Scene::new();
    // One is executed, eight wait, and the reader has one in hand for which there is no room.
    scene.send(&STOP.repeat(QUEUE_LIMIT + 2));
    scene.send(YANK);
    assert_eq!(scene.executed.recv(), Ok("stop"));
    assert!(scene.executed.recv_timeout(Duration::from_millis(100)).is_err());
    scene.gate.send(()).unwrap();
    assert_eq!(scene.line(), "{\"return\": {}}");
    let mut two = [scene.executed.recv().unwrap(), scene.executed.recv().unwrap()];
    two.sort_unstable();
    assert_eq!(two, ["query-yank", "stop"]);
}

#[test]
fn a_client_that_says_no_more_is_answered_and_gone() {
    let mut scene = Scene::new();
    scene.send(&STOP.repeat(2));
    scene.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(scene.executed.recv(), Ok("stop"));
    assert!(scene.gone.try_recv().is_err());
    for _ in 0..2 {
        scene.gate.send(()).unwrap();
        assert_eq!(scene.line(), "{\"return\": {}}");
    }
    assert_eq!(scene.line(), "");
    scene.gone.recv().unwrap();
}

#[test]
fn a_client_that_is_hung_up_on_is_told_what_it_asked_for() {
    let mut scene = Scene::new();
    scene.send(STOP);
    assert_eq!(scene.executed.recv(), Ok("stop"));
    scene.events.hang_up();
    scene.gate.send(()).unwrap();
    assert_eq!(scene.line(), "{\"return\": {}}");
    assert_eq!(scene.line(), "");
    scene.gone.recv().unwrap();
}
