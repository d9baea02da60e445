//! What the command line may say.

mod values;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ferry_config::Semantics;
use ferry_runtime::program::LogArguments;

const EXAMPLES: &str = "\
Examples:
  A cluster of its own, and kubectl on it:
  ferry-apiserver --data-dir ferry-data --write-kubeconfig ferry.kubeconfig &
  kubectl --kubeconfig ferry.kubeconfig get vm,vmi -A

  On any free port, with users from a file and a name by which other hosts call it:
  ferry-apiserver --data-dir ferry-data --listen 0.0.0.0:0 --token-auth-file tokens.csv \\
      --tls-san lab.example

Exit codes: 0 when it was told to end, 1 when it could not start or go on, 2 when the command line is
wrong.";

const KUBECONFIG_EXAMPLES: &str = "\
Examples:
  Somebody who may only look, once a role says so:
  ferry-apiserver kubeconfig --data-dir ferry-data --user alice -o alice.kubeconfig
  kubectl create clusterrolebinding alice --clusterrole=view --user=alice

  A node of the cluster, and the controller:
  ferry-apiserver kubeconfig --data-dir ferry-data --user system:node:node-1 --group system:nodes
  ferry-apiserver kubeconfig --data-dir ferry-data --user system:ferry:controller

  A token for an hour:
  ferry-apiserver kubeconfig --data-dir ferry-data --user bob --group dev --token --lifetime 1h";

const CERTIFICATES_EXAMPLES: &str = "\
Example:
  ferry-apiserver certificates --data-dir ferry-data --node node-1 --address 127.0.1.1 -o node-1-identity";

/// A Kubernetes API server for live migration, on one machine
///
/// It serves the kinds of KubeVirt and what belongs to them to kubectl, oc, virtctl and every
/// Kubernetes client, keeps them in a journal in its data directory, and needs nothing else. At the
/// first start it makes a certificate authority of its own there.
#[derive(Debug, Parser)]
#[command(
    name = "ferry-apiserver",
    version,
    verbatim_doc_comment,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Kubeconfig(KubeconfigArguments),
    Certificates(CertificatesArguments),
    /// Print a script that completes ferry-apiserver's options in a shell
    ///
    /// For bash: source <(ferry-apiserver completion bash)
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Where everything is kept; made if it is not there
    #[arg(long, value_name = "DIR", required = true)]
    data_dir: Option<PathBuf>,

    /// Where to listen; with port 0, at any free port
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:6443", value_parser = values::address)]
    pub(crate) listen: SocketAddr,

    /// Write a kubeconfig for the administrator to this file, once the server is ready
    ///
    /// It holds a key: only its owner may read it. What is in the file is replaced.
    #[arg(long, value_name = "PATH")]
    pub(crate) write_kubeconfig: Option<PathBuf>,

    /// Users with tokens, a line each: token,user,uid,"group1,group2"
    #[arg(long, value_name = "CSV")]
    pub(crate) token_auth_file: Option<PathBuf>,

    /// Another name or address by which clients call the server; may be given more than once
    ///
    /// 127.0.0.1, ::1, localhost, kubernetes.default.svc and the address of --listen are always among
    /// them.
    #[arg(long, value_name = "NAME", value_parser = values::server_name)]
    pub(crate) tls_san: Vec<String>,

    /// Whose behaviour counts where KubeVirt's documentation and its code differ
    ///
    /// An example of the documentation has a VirtualMachine in migrations.kubevirt.io/v1alpha1. With
    /// documented it is taken for one of kubevirt.io/v1, with a warning; with kubevirt there is no
    /// such kind. Clients can tell from discovery. Give the controller and the nodes the same.
    #[arg(long, value_name = "SEMANTICS", default_value_t = Semantics::Documented, value_parser = values::semantics())]
    pub(crate) semantics: Semantics,

    #[command(flatten)]
    pub(crate) log: LogArguments,
}

/// Make credentials for somebody, as a kubeconfig
///
/// They are signed with the keys in the data directory, so whoever may read that may be anybody. The
/// server need not run. What the user may do is up to roles: see the examples.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = KUBECONFIG_EXAMPLES)]
pub(crate) struct KubeconfigArguments {
    /// The server's data directory
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,

    /// The user that they are for
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,

    /// A group that the user is in; may be given more than once
    #[arg(long = "group", value_name = "GROUP", value_parser = values::group)]
    pub(crate) groups: Vec<String>,

    /// A token instead of a client certificate
    #[arg(long)]
    pub(crate) token: bool,

    /// How long they are good, such as 90m, 12h or 365d
    #[arg(long, value_name = "TIME", default_value = "365d", value_parser = values::lifetime)]
    pub(crate) lifetime: Duration,

    /// Where the server is; where it has listened last if this is not given
    #[arg(long, value_name = "URL", value_parser = values::url)]
    pub(crate) server: Option<String>,

    /// The file to write, for its owner only; standard output if it is not given
    #[arg(long, short = 'o', value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
}

/// Make the certificates of a node, signed by the cluster's authority
///
/// The directory is one that QEMU's tls-creds-x509 takes: ca-cert.pem, and for both ends of a
/// connection server-cert.pem, server-key.pem, client-cert.pem and client-key.pem. Nodes speak to each
/// other with them, and their guests move over TLS. As a server the node may be called by its name, by
/// localhost and by the addresses given. The API server need not run.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = CERTIFICATES_EXAMPLES)]
pub(crate) struct CertificatesArguments {
    /// The server's data directory
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,

    /// The node that they are for
    #[arg(long, value_name = "NAME", value_parser = values::node)]
    pub(crate) node: String,

    /// An address of the node; may be given more than once
    #[arg(long = "address", value_name = "IP")]
    pub(crate) addresses: Vec<IpAddr>,

    /// How long they are good, such as 90m, 12h or 365d
    #[arg(long, value_name = "TIME", default_value = "365d", value_parser = values::lifetime)]
    pub(crate) lifetime: Duration,

    /// The directory to write them to, for its owner only; made if it is not there
    #[arg(long, short = 'o', value_name = "DIR")]
    pub(crate) output: PathBuf,
}

impl ServeArguments {
    /// Where everything is kept. Other commands have options of their own, so clap wants it to be
    /// optional here.
    pub(crate) fn data_dir(&self) -> &Path {
        self.data_dir.as_deref().expect("there is no serving without it, says the attribute")
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
        let cli = Cli::try_parse_from(["ferry-apiserver", "--data-dir", "d"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.listen, "127.0.0.1:6443".parse().unwrap());
        assert_eq!(cli.serve.log.log.to_string(), "info");
        assert_eq!(cli.serve.semantics, Semantics::Documented);
    }

    #[test]
    fn another_command_needs_only_its_own_options() {
        let arguments =
            ["ferry-apiserver", "kubeconfig", "--data-dir", "d", "--user", "u", "--group", "g"];
        let cli = Cli::try_parse_from(arguments).unwrap();
        let Some(Command::Kubeconfig(arguments)) = cli.command else { panic!("no kubeconfig") };
        assert_eq!((arguments.user.as_str(), arguments.groups.len()), ("u", 1));
        assert_eq!(arguments.lifetime, Duration::from_secs(365 * 24 * 60 * 60));
    }

    #[test]
    fn each_bad_flag_is_named_with_its_value_and_what_is_accepted() {
        for (arguments, said) in [
            (&[][..], "--data-dir <DIR>"),
            (&["--data-dir", "d", "--listen", "6443"], "'--listen <IP:PORT>': give an IP address"),
            (&["--data-dir", "d", "--listen", "localhost:1"], "such as 127.0.0.1:6443"),
            (&["--data-dir", "d", "--tls-san", "a b"], "neither an IP address nor a DNS name"),
            (
                &["--data-dir", "d", "--semantics", "Documented"],
                "[possible values: documented, kubevirt]",
            ),
            (&["--data-dir", "d", "--log-format", "yaml"], "[possible values: text, json]"),
            (&["kubeconfig", "--data-dir", "d"], "--user <NAME>"),
            (&["kubeconfig", "--data-dir", "d", "--user", "u", "--lifetime", "1y"], "'1y'"),
            (&["kubeconfig", "--data-dir", "d", "--user", "u", "--lifetime", "0s"], "365d"),
            (&["kubeconfig", "--data-dir", "d", "--user", "u", "--server", "x:1"], "https://"),
            (&["--data-dir", "d", "kubeconfig"], "kubeconfig"),
            (&["certificates", "--data-dir", "d", "-o", "o"], "--node <NAME>"),
            (&["certificates", "--data-dir", "d", "-o", "o", "--node", "N_1"], "lower case"),
            (
                &["certificates", "--data-dir", "d", "--node", "n", "-o", "o", "--address", "x"],
                "'x' for '--address <IP>'",
            ),
        ] {
            let error = Cli::try_parse_from([&["ferry-apiserver"], arguments].concat());
            let error = error.unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
            let text = error.to_string();
            assert!(text.contains(said), "{arguments:?}: no {said:?}: {text}");
        }
    }
}
