//! `ferry testbed`.

mod cli;
mod up;

use anyhow::Context;

pub(crate) use cli::TestbedArguments;
use cli::TestbedCommand;

use crate::output::Outcome;

pub(crate) fn run(arguments: &TestbedArguments) -> Outcome {
    let done = match &arguments.command {
        TestbedCommand::Up(arguments) => up::up(arguments),
        TestbedCommand::Down(arguments) => up::down(arguments),
        TestbedCommand::Status(_) | TestbedCommand::Logs(_) | TestbedCommand::Relay(_) => {
            Err(anyhow::anyhow!("not yet"))
        }
    };
    done.unwrap_or_else(|error| Outcome::failure([format!("{error:#}")]))
}

/// Runs what waits for an API server.
fn wait_for<T>(what: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("a runtime for the network")?;
    runtime.block_on(what)
}
