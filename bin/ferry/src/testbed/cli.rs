//! What the command line may say of testbeds.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ferry_config::Semantics;
use ferry_harness::topology::{Latency, LinkSpeed, POD_NETWORK};

use crate::cli::parse_semantics;

const EXAMPLES: &str = "\
Examples:
  ferry testbed up
  export KUBECONFIG=$PWD/.ferry/kubeconfig
  ferry testbed status
  ferry testbed down

  Five nodes, or what a file says:
  ferry testbed up --nodes 5
  ferry testbed up --topology testbed/topologies/slow-network.yaml --dir /tmp/slow

  Nodes in network namespaces, with cables and queues of the kernel (as root):
  ferry testbed up --netns --dir /tmp/real";

/// A whole cluster of processes on this machine: API server, controller, nodes
///
/// Everything of a testbed is in one directory: its kubeconfig, its objects, its logs. Nothing needs
/// to be installed, and nobody needs to be root but for --netns.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = EXAMPLES)]
pub(crate) struct TestbedArguments {
    #[command(subcommand)]
    pub(crate) command: TestbedCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TestbedCommand {
    Up(UpArguments),
    Down(DownArguments),
    Status(StatusArguments),
    Logs(LogsArguments),
    Link(LinkArguments),
    #[command(hide = true)]
    Relay(Place),
}

/// Which testbed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// The testbed's directory
    #[arg(long, value_name = "DIR", default_value = ".ferry", global = true)]
    pub(crate) dir: PathBuf,
}

/// Start a testbed, and wait until its nodes are Ready
///
/// Where a testbed has been, it continues with the same objects, whatever has become of its
/// processes. One that is up stays as it is.
#[derive(Debug, Args)]
pub(crate) struct UpArguments {
    #[command(flatten)]
    pub(crate) place: Place,

    /// So many nodes of 4 GiB; 3 if neither this nor a topology is given
    #[arg(long, value_name = "N", conflicts_with = "topology")]
    pub(crate) nodes: Option<usize>,

    /// What the testbed consists of: a YAML file (docs/testbed.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) topology: Option<PathBuf>,

    /// Each node in a network namespace of its own, with links that the kernel queues for (root only)
    ///
    /// The same as `links: namespaces` in a topology. What that needs, and how it differs from relays, is
    /// in docs/testbed.md.
    #[arg(long)]
    pub(crate) netns: bool,

    /// Where the documentation and KubeVirt's code disagree, follow: documented, kubevirt
    #[arg(long, value_name = "SEMANTICS", value_parser = parse_semantics())]
    pub(crate) semantics: Option<Semantics>,

    /// Where the API server listens; any free port of 127.0.0.1 if this is not given
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

/// Stop every process of a testbed, guests too
///
/// Its objects stay, and `up` continues with them.
#[derive(Debug, Args)]
pub(crate) struct DownArguments {
    #[command(flatten)]
    pub(crate) place: Place,

    /// Remove its directory as well, with everything in it
    #[arg(long)]
    pub(crate) purge: bool,
}

/// Show a testbed's processes, nodes, virtual machines and migrations
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) place: Place,

    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t)]
    pub(crate) output: StatusFormat,
}

/// How a status is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Print what the daemons of a testbed have logged
#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    #[command(flatten)]
    pub(crate) place: Place,

    /// Whose: apiserver, controller, relay, or the name of a node; all of them if none is given
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// Only so many lines of each
    #[arg(long, value_name = "LINES", default_value_t = 200)]
    pub(crate) tail: usize,

    /// Go on printing what they log, until interrupted
    #[arg(short, long)]
    pub(crate) follow: bool,
}

const LINK_EXAMPLES: &str = "\
Examples:
  ferry testbed link show
  ferry testbed link limit 10Mi node-2
  ferry testbed link stall node-2 --network fast
  ferry testbed link restore node-2 --network fast

A link carries what is migrated to its node. It can be broken where a relay stands in it, see `relay`,
`linkSpeed` and `latency` of topologies, or where nodes are in namespaces: then it carries as well what is
migrated from its node, and all of them can be broken.";

/// Break and mend the links of a testbed, and see what they carry
#[derive(Debug, Args)]
#[command(after_long_help = LINK_EXAMPLES)]
pub(crate) struct LinkArguments {
    #[command(flatten)]
    pub(crate) place: Place,

    #[command(subcommand)]
    pub(crate) change: LinkChange,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LinkChange {
    /// Say how all of them are
    Show,
    /// Close every connection; new ones are carried
    Cut(WhichLink),
    /// Close every connection, and each new one at once
    Unplug(WhichLink),
    /// Carry nothing, and close nothing
    Stall(WhichLink),
    /// Carry at most so much in each direction
    Limit {
        /// Bytes a second such as 10Mi, or bits such as 1Gbit
        rate: LinkSpeed,
        #[command(flatten)]
        link: WhichLink,
    },
    /// Deliver so much later in each direction
    Delay {
        /// A number of us, ms or s
        latency: Latency,
        #[command(flatten)]
        link: WhichLink,
    },
    /// Make it what the topology says
    Restore(WhichLink),
}

/// Which link.
#[derive(Debug, Args)]
pub(crate) struct WhichLink {
    /// The node
    pub(crate) node: String,

    /// The network
    #[arg(long, value_name = "NAME", default_value = POD_NETWORK)]
    pub(crate) network: String,
}
