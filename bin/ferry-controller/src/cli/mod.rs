//! What the command line may say.

mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ferry_config::Semantics;
use ferry_runtime::program::LogArguments;

const EXAMPLES: &str = "\
Examples:
  The control plane of a cluster whose API server has its data in ferry-data:
  ferry-apiserver kubeconfig --data-dir ferry-data --user system:ferry:controller -o controller.kubeconfig
  ferry-controller --kubeconfig controller.kubeconfig

  Its health and its figures at a port of their own:
  ferry-controller --kubeconfig controller.kubeconfig --status-listen 127.0.0.1:9443
  curl http://127.0.0.1:9443/metrics

Exit codes: 0 when it was told to end, 1 when it could not start or go on, 2 when the command line is
wrong.";

/// The control plane: it makes machines run, gives their pods nodes, and moves them
///
/// It watches the objects of a cluster and does what they ask for: instances and pods of virtual
/// machines, nodes for pods, slots for migrations and every phase of those, the emptying of nodes, the
/// life of nodes, and what HyperConverged says. It keeps nothing: killed at any moment, it goes on
/// where it was. Run one for each cluster, or several with --leader-elect.
#[derive(Debug, Parser)]
#[command(
    name = "ferry-controller",
    version,
    verbatim_doc_comment,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    mut_arg("log", |arg| arg.default_value(ferry_client::LOG_FILTER)),
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) run: RunArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a script that completes ferry-controller's options in a shell
    ///
    /// For bash: source <(ferry-controller completion bash)
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// How to reach the API server, and as whom: system:ferry:controller may do all that is needed
    #[arg(long, value_name = "PATH", required = true)]
    kubeconfig: Option<PathBuf>,

    /// Whose behaviour counts where KubeVirt's documentation and its code differ
    #[arg(long, value_name = "SEMANTICS", default_value_t = Semantics::Documented, value_parser = values::semantics())]
    pub(crate) semantics: Semantics,

    /// How long a node may be silent before it counts as not ready, such as 40s or 2m
    #[arg(long, value_name = "TIME", default_value = "40s", value_parser = values::duration)]
    pub(crate) node_grace: Duration,

    /// Where to serve /healthz, /readyz and /metrics; with port 0, at any free port
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0", value_parser = values::address)]
    pub(crate) status_listen: SocketAddr,

    /// Write the address of those to this file, once they are served
    #[arg(long, value_name = "PATH")]
    pub(crate) status_address_file: Option<PathBuf>,

    /// Work only while it holds the lease kube-system/ferry-controller: of several controllers one
    /// works, and another one goes on if that ends
    #[arg(long)]
    pub(crate) leader_elect: bool,

    #[command(flatten)]
    pub(crate) log: LogArguments,
}

impl RunArguments {
    /// The kubeconfig. Other commands have options of their own, so clap wants it to be optional here.
    pub(crate) fn kubeconfig(&self) -> &Path {
        self.kubeconfig.as_deref().expect("there is no running without it, says the attribute")
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let cli = Cli::try_parse_from(["ferry-controller", "--kubeconfig", "k"]).unwrap();
        assert_eq!(cli.run.kubeconfig(), Path::new("k"));
        assert_eq!(cli.run.semantics, Semantics::Documented);
        assert_eq!(cli.run.node_grace, ferry_reconcile::NODE_GRACE);
        assert!(!cli.run.leader_elect);
        assert_eq!(cli.run.status_listen, "127.0.0.1:0".parse().unwrap());
        assert_eq!(cli.run.log.log.to_string(), ferry_client::LOG_FILTER);
    }

    #[test]
    fn each_bad_flag_is_named_with_its_value_and_what_is_accepted() {
        for (arguments, said) in [
            (&[][..], "--kubeconfig <PATH>"),
            (&["--kubeconfig", "k", "--node-grace", "40"], "'40' for '--node-grace <TIME>'"),
            (&["--kubeconfig", "k", "--node-grace", "0s"], "such as 500ms, 40s, 2m or 1h"),
            (&["--kubeconfig", "k", "--semantics", "x"], "[possible values: documented, kubevirt]"),
            (&["--kubeconfig", "k", "--status-listen", "80"], "such as 127.0.0.1:9443"),
            (&["--kubeconfig", "k", "completion"], "completion"),
        ] {
            let error = Cli::try_parse_from([&["ferry-controller"], arguments].concat());
            let error = error.unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
            let text = error.to_string();
            assert!(text.contains(said), "{arguments:?}: no {said:?}: {text}");
        }
    }
}
