//! A cluster of one API server, and `ferry` as its users run it.

mod node;
mod objects;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ferry_harness::{ApiServer, ApiServerBuilder, wait_until};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::runtime::Runtime;

pub(crate) use node::{Script, ScriptedNode};
pub(crate) use objects::*;

/// An API server, a folder, and the means to play the rest of a cluster.
pub(crate) struct Cluster {
    pub(crate) server: ApiServer,
    pub(crate) runtime: Runtime,
    folder: tempfile::TempDir,
}

/// What a run of the program printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

/// A run that goes on beside the test.
pub(crate) struct Going {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// One whose API server is given these arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = ApiServerBuilder::new().arguments(arguments).start().unwrap();
        Self { server, runtime, folder: tempfile::tempdir().unwrap() }
    }

    /// One with these manifests applied.
    pub(crate) fn with(manifests: &[&str]) -> Self {
        let cluster = Self::start();
        for manifest in manifests {
            cluster.apply(manifest);
        }
        cluster
    }

    pub(crate) fn apply(&self, manifest: &str) {
        let run = self.ferry_reading(&["apply", "-f", "-"], manifest);
        assert_eq!(run.code, Some(0), "{run:?}");
    }

    pub(crate) fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file where `ferry` runs.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs `ferry` to its end.
    pub(crate) fn ferry(&self, arguments: &[&str]) -> Run {
        self.ferry_reading(arguments, "")
    }

    /// Runs it where the environment names no cluster.
    pub(crate) fn ferry_alone(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command.env_remove("KUBECONFIG");
        run(&mut command, "")
    }

    /// The same with something on standard input.
    pub(crate) fn ferry_reading(&self, arguments: &[&str], input: &str) -> Run {
        run(&mut self.command(arguments), input)
    }

    /// What a run prints that has to succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let run = self.ferry(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}: {run:?}");
        run.out
    }

    /// What a run complains of that has to fail, printing nothing else.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        let run = self.ferry(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{arguments:?}: {run:?}");
        run.err
    }

    /// Starts a run that goes on.
    pub(crate) fn start_ferry(&self, arguments: &[&str]) -> Going {
        let number = fs::read_dir(self.dir()).unwrap().count();
        let out = self.dir().join(format!("out-{number}"));
        let err = self.dir().join(format!("err-{number}"));
        let mut command = self.command(arguments);
        command.stdin(Stdio::null());
        command.stdout(fs::File::create(&out).unwrap());
        command.stderr(fs::File::create(&err).unwrap());
        Going { child: command.spawn().unwrap(), out, err }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        command
            .args(arguments)
            .current_dir(self.dir())
            .env("HOME", self.dir())
            .env("KUBECONFIG", self.server.kubeconfig());
        command
    }

    /// A client of the administrator's.
    pub(crate) fn client(&self) -> Client {
        self.runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(self.server.kubeconfig()).unwrap();
            let options = KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
            Client::try_from(config).unwrap()
        })
    }
}

fn run(command: &mut Command, input: &str) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads nothing may have ended by now.
    let _written = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Run {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

impl Going {
    pub(crate) fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// Waits until it has printed something, on either side.
    pub(crate) fn wait_for(&self, text: &str) {
        let waited = wait_until(text, || {
            Ok((self.out().contains(text) || self.err().contains(text)).then_some(()))
        });
        assert!(waited.is_ok(), "{text:?} in\n{}{}", self.out(), self.err());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Run {
        let ended = wait_until("its end", || Ok(self.child.try_wait()?));
        let code = ended.unwrap().code();
        Run { out: self.out(), err: self.err(), code }
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let killed = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(killed.unwrap().success());
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // It has ended, or it does now.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A table in which every age, which depends on how fast the test is, is `AGE`.
pub(crate) fn ageless(table: &str) -> String {
    let is_age = |word: &str| {
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
        unit.len() < word.len() && matches!(unit, "s" | "m" | "m0s")
    };
    let mut text = String::new();
    for line in table.lines() {
        let mut words = line.split(' ').peekable();
        let mut shown = Vec::new();
        while let Some(word) = words.next() {
            if !is_age(word) {
                shown.push(word);
                continue;
            }
            shown.push("AGE");
            // As wide as what it stands for.
            for _ in word.len().."AGE".len() {
                let _blank = words.next_if(|next| next.is_empty());
            }
        }
        text.push_str(shown.join(" ").trim_end());
        text.push('\n');
    }
    text
}
