//! The commands that talk to a cluster.
//!
//! Each has a file of its own: what its command line may say, and what it does. All of them reach
//! the cluster through a [`Cluster`], print through a [`Printer`](crate::output::Printer), and end
//! with a [`Status`](crate::output::Status) or an error, which becomes one message.

mod apply;
mod cancel;
mod connection;
mod console;
mod cordon;
mod daemon;
mod delete;
mod demo;
mod drain;
pub(crate) mod dump;
mod evacuate_cancel;
mod get;
mod kinds;
mod kubeconfig;
mod machine;
mod migrate;
mod power;
mod presses;
mod problem;
mod report;
mod resources;
mod until;
mod values;
mod verify;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::output::{INTERRUPTED, Printer, Status};

use cordon::Intake;
use machine::Verb;
use problem::Problems;

/// Which cluster, and which of its namespaces.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClusterArguments {
    /// Where the cluster is, and who one is to it
    ///
    /// Without it: $KUBECONFIG, then ./.ferry/kubeconfig, then ~/.kube/config.
    #[arg(long, value_name = "PATH")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// The namespace; without it, that of the kubeconfig, which is mostly default
    #[arg(short = 'n', long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Apply(apply::Arguments),
    Delete(delete::Arguments),
    Get(get::Arguments),
    Migrate(migrate::Arguments),
    Cancel(cancel::Arguments),
    Drain(drain::Arguments),
    EvacuateCancel(evacuate_cancel::Arguments),
    /// Have a node take no new guests
    Cordon(cordon::Arguments),
    /// Have a node take new guests again
    Uncordon(cordon::Arguments),
    /// Start a virtual machine
    Start(power::Arguments),
    /// Stop a virtual machine
    Stop(power::Arguments),
    /// Stop a virtual machine and start it again
    Restart(power::Arguments),
    /// Have a guest stand still
    Pause(power::Arguments),
    /// Have a guest go on
    Unpause(power::Arguments),
    Verify(verify::Arguments),
    Console(console::Arguments),
    Report(report::Arguments),
    Demo(demo::Arguments),
}

/// Runs a command and says how it went.
pub(crate) fn run(command: Command) -> ExitCode {
    let mut out = Printer::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(command.run(&mut out));
            // A question at the terminal that nobody has answered waits for nobody.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error).context("cannot wait for anything on this machine"),
    };
    match outcome {
        Ok(Status::Success) => ExitCode::SUCCESS,
        Ok(Status::Failure) => ExitCode::FAILURE,
        Ok(Status::Interrupted) => ExitCode::from(INTERRUPTED),
        // A reader that has seen enough (`ferry … | head`) is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            for problem in Problems::told(&error) {
                out.note(&format!("error: {problem}"));
            }
            ExitCode::FAILURE
        }
    }
}

impl Command {
    async fn run(self, out: &mut Printer) -> Result<Status> {
        match self {
            Self::Apply(arguments) => apply::run(&arguments, out).await,
            Self::Delete(arguments) => delete::run(&arguments, out).await,
            Self::Get(arguments) => get::run(&arguments, out).await,
            Self::Migrate(arguments) => Box::pin(migrate::run(&arguments, out)).await,
            Self::Cancel(arguments) => cancel::run(&arguments, out).await,
            Self::EvacuateCancel(arguments) => evacuate_cancel::run(&arguments, out).await,
            Self::Drain(arguments) => drain::run(&arguments, out).await,
            Self::Cordon(arguments) => cordon::run(&arguments, Intake::Closed, out).await,
            Self::Uncordon(arguments) => cordon::run(&arguments, Intake::Open, out).await,
            Self::Start(arguments) => power::run(&arguments, Verb::Start, out).await,
            Self::Stop(arguments) => power::run(&arguments, Verb::Stop, out).await,
            Self::Restart(arguments) => power::run(&arguments, Verb::Restart, out).await,
            Self::Pause(arguments) => power::run(&arguments, Verb::Pause, out).await,
            Self::Unpause(arguments) => power::run(&arguments, Verb::Unpause, out).await,
            Self::Verify(arguments) => verify::run(&arguments, out).await,
            Self::Console(arguments) => console::run(&arguments, out).await,
            Self::Report(arguments) => report::run(&arguments, out).await,
            Self::Demo(arguments) => Box::pin(demo::run(&arguments, out)).await,
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
