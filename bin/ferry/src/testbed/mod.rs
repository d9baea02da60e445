//! `ferry testbed`.

mod cli;
mod link;
mod show;
mod up;

use anyhow::Context;
use ferry_harness::serve_links;

pub(crate) use cli::TestbedArguments;
use cli::TestbedCommand;

use crate::output::Outcome;

pub(crate) fn run(arguments: &TestbedArguments) -> Outcome {
    let done = match &arguments.command {
        TestbedCommand::Up(arguments) => up::up(arguments),
        TestbedCommand::Down(arguments) => up::down(arguments),
        TestbedCommand::Status(arguments) => show::status(arguments),
        TestbedCommand::Logs(arguments) => show::logs(arguments),
        TestbedCommand::Link(arguments) => link::link(arguments),
        TestbedCommand::Relay(place) => {
            serve_links(&place.dir).map(|()| Outcome::success(String::new()))
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
