//! Real processes, and the bytes that they say.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Nothing here takes a tenth of it; what does hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// What the greeting says to everybody.
pub(crate) const GREETING: &str = concat!(
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 0, \"major\": 10}, \"package\": \
     \"ferry-",
    env!("CARGO_PKG_VERSION"),
    "\"}, \"capabilities\": [\"oob\"]}}\r\n"
);

/// A guest in a folder of its own. It is killed when this is dropped.
pub(crate) struct Guest {
    child: Child,
    folder: TempDir,
    log: Receiver<String>,
}

impl Guest {
    /// A guest that can be driven, at the socket `qmp` of its folder.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments)
    }

    pub(crate) fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        let guest = Self::begin(folder, arguments);
        guest.wait_for_log("ready");
        guest
    }

    /// A guest that is just starting.
    pub(crate) fn begin(folder: TempDir, arguments: &[&str]) -> Self {
        let memory = if arguments.contains(&"--memory") { &[][..] } else { &["--memory", "8Mi"] };
        let mut child = command(folder.path())
            .args(["--qmp", "unix:qmp"])
            .args(memory)
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, folder, log }
    }

    /// Waits until a line of the log has this in it.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let mut seen = Vec::new();
        while !seen.last().is_some_and(|line: &String| line.contains(text)) {
            match self.log.recv_timeout(LIMIT) {
                Ok(line) => seen.push(line),
                Err(error) => panic!("no {text:?} in the log ({error}): {seen:#?}"),
            }
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("qmp")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client that has only connected.
    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(&self.path())
    }

    /// A client that has ended its negotiation.
    pub(crate) fn client(&self) -> Wire {
        let mut wire = self.connect();
        assert_eq!(wire.line(), GREETING);
        assert_eq!(
            wire.ask("{'execute': 'qmp_capabilities', 'arguments': {'enable': ['oob']}}"),
            "{\"return\": {}}\r\n"
        );
        wire
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end, and that it has left nothing but what was there.
    pub(crate) fn end(mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        assert!(!self.path().exists(), "the socket was left behind");
        status
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The program, about to run in `folder`.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry-guest"));
    command.current_dir(folder).stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// A client, in bytes.
pub(crate) struct Wire {
    socket: UnixStream,
    reader: BufReader<UnixStream>,
    put_aside: VecDeque<String>,
}

impl Wire {
    pub(crate) fn connect(path: &Path) -> Self {
        let socket = UnixStream::connect(path).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        socket.set_write_timeout(Some(LIMIT)).unwrap();
        let reader = BufReader::new(socket.try_clone().unwrap());
        Self { socket, reader, put_aside: VecDeque::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// The next line, with its end; empty when there are no more.
    pub(crate) fn line(&mut self) -> String {
        if let Some(line) = self.put_aside.pop_front() {
            return line;
        }
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line
    }

    /// So many lines, each without its time and end.
    pub(crate) fn lines(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| without_time(&self.line())).collect()
    }

    /// All lines until the socket closes.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        let mut rest = String::new();
        self.reader.read_to_string(&mut rest).unwrap();
        rest.lines().map(without_time).collect()
    }

    /// The answer to what is sent; events that come before it stay.
    pub(crate) fn ask(&mut self, text: &str) -> String {
        self.send(text);
        let mut events = Vec::new();
        loop {
            let line = self.line();
            assert_ne!(line, "", "no answer to {text}");
            if line.contains("\"event\": ") {
                events.push(line);
                continue;
            }
            self.put_aside.extend(events);
            return line;
        }
    }

    /// The same for a command without arguments.
    pub(crate) fn execute(&mut self, command: &str) -> String {
        self.ask(&format!("{{'execute': '{command}'}}")).trim_end().to_owned()
    }
}

/// A line without its end; an event also without its time.
fn without_time(line: &str) -> String {
    let line = line.trim_end();
    match line.split_once("}, \"event\": ") {
        Some((time, rest)) if time.starts_with("{\"timestamp\": ") => {
            format!("{{\"event\": {rest}")
        }
        _ => line.to_owned(),
    }
}
