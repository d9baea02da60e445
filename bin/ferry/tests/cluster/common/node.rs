//! A node's daemon that says what a test wants: the service of ferry-rpc on an address of its own,
//! with certificates of the cluster, and the Node object that leads there.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use ferry_harness::Program;
use ferry_rpc::server::{Answers, Nobody, Node, serve};
use ferry_rpc::{
    Concluded, Conclusion, Console, Guest, GuestName, Outcome, Progress, Refusal, Reopened, Story,
    Verification,
};
use ferry_runtime::identity::{Identity, Role, VerifyPeer};
use futures::stream;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Cluster;

/// What the daemon says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) progress: Vec<Progress>,
    pub(crate) story: Option<Story>,
    pub(crate) verification: Option<Verification>,
    pub(crate) console: Vec<&'static str>,
}

/// A daemon that runs until it is let go.
pub(crate) struct ScriptedNode {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl ScriptedNode {
    /// Starts the daemon of `name` and says where it is.
    pub(crate) fn start(cluster: &Cluster, name: &str, script: Script) -> Self {
        let dir = cluster.dir().join(format!("identity-{name}"));
        let made = Command::new(Program::ferry_apiserver().unwrap().path())
            .arg("certificates")
            .arg("--data-dir")
            .arg(cluster.server.data_dir())
            .args(["--node", name, "--address", "127.0.0.1", "--output"])
            .arg(&dir)
            .status();
        assert!(made.unwrap().success());
        let identity = Identity::load(&dir, Role::Server, VerifyPeer::Yes).unwrap();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let tls = identity.server().unwrap();
                let until = async { drop(stopped.await) };
                serve(listener, tls, Arc::new(script), Nobody, until).await.unwrap();
            });
        });
        let address: SocketAddr = told.recv().unwrap();
        cluster.node_at(name, address);
        Self { address, _stop: stop }
    }
}

impl Cluster {
    /// A Node that says where its daemon is, or is not.
    pub(crate) fn node_at(&self, name: &str, address: SocketAddr) {
        self.apply(&format!("{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}}}"));
        let patch = Patch::Merge(json!({
            "status": {
                "addresses": [{ "type": "InternalIP", "address": address.ip().to_string() }],
                "daemonEndpoints": { "kubeletEndpoint": { "Port": address.port() } },
            },
        }));
        let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(self.client());
        let params = PatchParams::default();
        self.runtime.block_on(nodes.patch_status(name, &params, &patch)).unwrap();
    }
}

impl Node for Script {
    async fn outcome(&self, _uid: String) -> Result<Outcome, Refusal> {
        Err(Refusal::not_found("no such migration"))
    }

    async fn recover(&self, _uid: String) -> Result<Reopened, Refusal> {
        Err(Refusal::not_found("no such migration"))
    }

    async fn conclude(&self, _uid: String, _with: Conclusion) -> Result<Concluded, Refusal> {
        Err(Refusal::not_found("no such migration"))
    }

    async fn watch_migration(&self, _uid: String) -> Result<Answers<Progress>, Refusal> {
        Ok(Box::pin(stream::iter(self.progress.clone().into_iter().map(Ok))))
    }

    async fn story(&self, _uid: String) -> Result<Story, Refusal> {
        self.story.clone().ok_or_else(|| Refusal::not_found("no migration of that uid left here"))
    }

    async fn guests(&self) -> Result<Vec<Guest>, Refusal> {
        Ok(Vec::new())
    }

    async fn verify(&self, guest: GuestName) -> Result<Verification, Refusal> {
        let found = self.verification.clone();
        found.ok_or_else(|| Refusal::not_found(format!("{guest} is not here")))
    }

    async fn console(
        &self,
        _guest: GuestName,
        console: Console,
    ) -> Result<Answers<Vec<u8>>, Refusal> {
        // So far: only the first piece.
        let pieces = match console {
            Console::SoFar => self.console.iter().take(1).copied().collect::<Vec<_>>(),
            Console::Follow => self.console.clone(),
        };
        Ok(Box::pin(stream::iter(pieces.into_iter().map(|text| Ok(text.as_bytes().to_vec())))))
    }
}
