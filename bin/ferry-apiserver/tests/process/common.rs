//! A server that runs, and a client of it that knows HTTP and nothing of Kubernetes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The program, to be run in `dir`.
pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry-apiserver"));
    command.current_dir(dir).stdin(Stdio::null());
    command
}

/// A server. It is killed when it is let go.
pub(crate) struct Server {
    dir: TempDir,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Server {
    /// One on an empty directory, with more arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start_in(dir, arguments)
    }

    /// One in a directory where there may have been another.
    pub(crate) fn start_in(dir: TempDir, arguments: &[&str]) -> Self {
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let mut command = command(dir.path());
        command
            .args(["--data-dir", "data", "--listen", "127.0.0.1:0"])
            .args(["--write-kubeconfig", "kubeconfig"])
            .args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let log = fs::read_to_string(dir.path().join("log")).unwrap();
        assert!(line.starts_with("ferry-apiserver is ready at https://127.0.0.1:"), "{line}{log}");
        Self { dir, child, output }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Tells it something.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for its end: the exit code, and where it was.
    pub(crate) fn ended(mut self) -> (Option<i32>, TempDir) {
        let code = self.child.wait().unwrap().code();
        let mut rest = String::new();
        self.output.read_line(&mut rest).unwrap();
        assert_eq!(rest, "", "it printed more than where it is");
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        (code, dir)
    }

    /// What the program prints when it is run beside it.
    pub(crate) fn beside(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = command(self.dir.path()).args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// A client that is its administrator.
    pub(crate) async fn admin(&self) -> Client {
        client(&self.read("kubeconfig")).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A client with a kubeconfig.
pub(crate) async fn client(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap()).unwrap()
}

/// The answer to a GET, or the code with which it is refused.
pub(crate) async fn get(client: &Client, path: &str) -> Result<String, u16> {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    client.request_text(request).await.map_err(|error| match error {
        kube::Error::Api(status) => status.code,
        other => panic!("{path}: {other:?}"),
    })
}
