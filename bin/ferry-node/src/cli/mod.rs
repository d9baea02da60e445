//! What the command line may say.

mod values;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ferry_api::Labels;
use ferry_config::Semantics;
use ferry_reconcile::guest::MachineKind;
use ferry_runtime::program::LogArguments;
use ferry_units::Bytes;
use k8s_openapi::api::core::v1::Taint;

use crate::guests::Accelerator;
use crate::networks::{Network, Networks};

const EXAMPLES: &str = "\
Examples:
  A node of a cluster on this machine. Credentials and certificates come from the API server:
  ferry-apiserver kubeconfig --data-dir api --user system:node:node-1 --group system:nodes \\
      -o node-1.kubeconfig
  ferry-apiserver certificates --data-dir api --node node-1 --address 127.0.1.1 --output node-1.pki
  ferry-node --name node-1 --kubeconfig node-1.kubeconfig --identity node-1.pki \\
      --state-dir node-1 --node-ip 127.0.1.1 --memory 4Gi

  The same with a zone, and with a network of its own for migrations:
  ferry-node --name node-1 --kubeconfig node-1.kubeconfig --identity node-1.pki \\
      --state-dir node-1 --node-ip 127.0.1.1 --network migrations=127.0.7.1 \\
      --label topology.kubernetes.io/zone=east

Exit codes: 0 when it was told to end (its guests run on), 1 when it could not start or go on, 2 when
the command line is wrong.";

/// A node of a cluster: it keeps guests, moves them to other nodes, and tells how they are
///
/// Each guest is a process of its own. It runs on when this program ends, and is found again when
/// the program is started with the same --state-dir.
#[derive(Debug, Parser)]
#[command(
    name = "ferry-node",
    version,
    verbatim_doc_comment,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    mut_arg("log", |arg| arg.default_value(ferry_client::LOG_FILTER)),
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) node: Option<NodeArguments>,

    #[command(flatten)]
    pub(crate) log: LogArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a script that completes ferry-node's options in a shell
    ///
    /// For bash: source <(ferry-node completion bash)
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NodeArguments {
    /// What the node is called in the cluster
    #[arg(long, value_name = "NODE", value_parser = values::node_name)]
    pub(crate) name: String,

    /// How to reach the API server, as the user system:node:NODE in the group system:nodes
    #[arg(long, value_name = "PATH")]
    pub(crate) kubeconfig: PathBuf,

    /// Where guests and all that is known of them are kept; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: PathBuf,

    /// A directory with ca-cert.pem, server-cert.pem, server-key.pem, client-cert.pem and
    /// client-key.pem: who this node is to other nodes
    #[arg(long, value_name = "DIR")]
    pub(crate) identity: PathBuf,

    /// The address of the node, which its pods and guests have as well
    #[arg(long, value_name = "IP")]
    pub(crate) node_ip: IpAddr,

    /// Where to listen for gRPC: other nodes and the command line; any free port of --node-ip if it
    /// is not given
    #[arg(long, value_name = "IP:PORT", value_parser = values::address)]
    listen: Option<SocketAddr>,

    /// A network that guests can move over; may be given more than once
    ///
    /// NAME is that of a NetworkAttachmentDefinition. Guests from elsewhere are awaited at LISTEN;
    /// ADVERTISED is what their nodes are told, where something stands in between. The network "pod"
    /// is there without being given, on --node-ip.
    #[arg(long = "network", value_name = "NAME=LISTEN[,ADVERTISED]")]
    networks: Vec<Network>,

    /// The ports at which guests from elsewhere are awaited
    #[arg(long, value_name = "FIRST-LAST", default_value = "49152-49215", value_parser = values::ports)]
    pub(crate) migration_ports: RangeInclusive<u16>,

    /// Memory for guests, such as 4Gi; what the machine has if it is not given
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) memory: Option<Bytes>,

    /// CPUs for guests; what the machine has if it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) cpus: Option<u32>,

    /// The model of CPU that guests see. A node of a newer model takes guests of older ones as well
    #[arg(long, value_name = "NAME", default_value = "Skylake-Server", value_parser = values::cpu_model)]
    pub(crate) cpu_model: String,

    /// A label that the node gets when it is made; may be given more than once
    #[arg(long = "label", value_name = "K=V", value_parser = values::label)]
    labels: Vec<(String, String)>,

    /// A taint that the node gets when it is made; may be given more than once
    #[arg(long = "taint", value_name = "K=V:EFFECT", value_parser = values::taint)]
    pub(crate) taints: Vec<Taint>,

    /// Where claims are that every node can use (ReadWriteMany): the same directory for all nodes. A
    /// directory under --state-dir if it is not given
    #[arg(long, value_name = "DIR")]
    pub(crate) shared_storage: Option<PathBuf>,

    /// The program that is a guest; ferry-guest beside this program, or in $PATH, if it is not given
    #[arg(long, value_name = "PATH")]
    pub(crate) guest_program: Option<PathBuf>,

    /// What guests are whose machines do not say it (the annotation machine.ferry.dev/type): ferry or
    /// qemu. The same on all nodes
    #[arg(long, value_name = "KIND", default_value = "ferry")]
    pub(crate) default_machine: MachineKind,

    /// The program that QEMU guests are; looked for in $PATH if it has no directory
    #[arg(long, value_name = "PATH", default_value = "qemu-system-x86_64")]
    pub(crate) qemu_program: PathBuf,

    /// What executes the instructions of QEMU guests: kvm, tcg, or auto, which is kvm where it works. The
    /// same on all nodes
    #[arg(long, value_name = "ACCELERATOR", default_value = "auto")]
    pub(crate) qemu_accelerator: Accelerator,

    /// What counts where documentation and code of the real system differ: documented or kubevirt
    #[arg(long, value_name = "SEMANTICS", default_value = "documented")]
    pub(crate) semantics: Semantics,

    /// Where to tell over HTTP how the program is: /healthz, /readyz, /metrics. The address is
    /// written to status-address in --state-dir
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0", value_parser = values::address)]
    pub(crate) status_listen: SocketAddr,
}

impl NodeArguments {
    /// Where to listen for gRPC.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::new(self.node_ip, 0))
    }

    /// The networks that this node is on, or what of them does not go together.
    pub(crate) fn networks(&self) -> Result<Networks, String> {
        Networks::new(self.node_ip, self.networks.clone())
            .map_err(|error| format!("--network: {error}"))
    }

    pub(crate) fn labels(&self) -> Labels {
        self.labels.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    const LEAST: [&str; 11] = [
        "ferry-node",
        "--name",
        "node-1",
        "--kubeconfig",
        "k",
        "--state-dir",
        "s",
        "--identity",
        "i",
        "--node-ip",
        "127.0.1.1",
    ];

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let cli = Cli::try_parse_from(LEAST).unwrap();
        let node = cli.node.unwrap();
        assert_eq!(node.listen(), "127.0.1.1:0".parse().unwrap());
        assert_eq!(node.migration_ports, 49152..=49215);
        assert_eq!(node.semantics, Semantics::Documented);
        assert_eq!(node.networks().unwrap().names().collect::<Vec<_>>(), ["pod"]);
        assert_eq!(cli.log.log.to_string(), ferry_client::LOG_FILTER);
    }

    #[test]
    fn completion_needs_no_node() {
        let cli = Cli::try_parse_from(["ferry-node", "completion", "bash"]).unwrap();
        assert!(matches!(cli.command, Some(Command::Completion { .. })));
    }

    #[test]
    fn each_bad_flag_is_named_with_its_value_and_what_is_accepted() {
        for (arguments, said) in [
            (&["--name", "Node_1"][..], "'Node_1' for '--name <NODE>'"),
            (&["--listen", "localhost:1"], "such as 127.0.0.1:0"),
            (&["--network", "fast"], "write NAME=ADDRESS"),
            (&["--migration-ports", "2-1"], "such as 49152-49215"),
            (&["--migration-ports", "0-5"], "such as 49152-49215"),
            (&["--memory", "4GB"], "such as 4Gi"),
            (&["--memory", "0"], "such as 4Gi"),
            (&["--cpus", "0"], "1..=4096"),
            (&["--cpu-model", "a b"], "such as Haswell"),
            (&["--label", "zone"], "K=V"),
            (&["--label", "zone=a b"], "'zone=a b'"),
            (&["--taint", "zone=a"], "NoSchedule"),
            (&["--taint", "zone=a:Never"], "NoSchedule"),
            (&["--semantics", "strict"], "documented"),
            (&["--default-machine", "xen"], "there are ferry and qemu"),
            (&["--qemu-accelerator", "hvf"], "accepted are auto, kvm and tcg"),
            (&["--log-format", "yaml"], "[possible values: text, json]"),
        ] {
            let mut line = LEAST.to_vec();
            if arguments[0] == "--name" {
                // What is given twice is refused as such.
                line.drain(1..3);
            }
            line.extend(arguments);
            let error = Cli::try_parse_from(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
            let text = error.to_string();
            assert!(text.contains(said), "{arguments:?}: no {said:?}: {text}");
        }
        let missing = Cli::try_parse_from(["ferry-node", "--name", "n"]).unwrap_err().to_string();
        assert!(missing.contains("--kubeconfig <PATH>"), "{missing}");
    }
}
