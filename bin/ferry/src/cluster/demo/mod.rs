//! `ferry demo`: a guided tour of live migration, in under a minute.
//!
//! Everything it does is done by the API and by the other commands' code, so whoever has seen it can
//! do the same with `ferry` or `kubectl`. It works in a namespace of its own and takes away what it
//! has made; without a cluster it starts a testbed for the time being.

mod place;
mod tour;

use anyhow::{Result, anyhow, ensure};
use clap::Args;
use tokio::signal::ctrl_c;

use super::ClusterArguments;
use crate::output::{Printer, Status};
use tour::NAMESPACE;

/// See live migration at work: a guided tour in under a minute
///
/// A machine under load, a policy, a migration to a chosen node, a machine that writes faster than
/// its memory can cross and goes post-copy, and a table of what happened. Uses the cluster that a
/// kubeconfig names, or starts a testbed of three nodes for the time being.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Leave the machines and the policy of the tour behind
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    ensure!(
        arguments.cluster.namespace.as_ref().is_none_or(|it| it == NAMESPACE),
        "the tour has a namespace of its own, {NAMESPACE}: leave --namespace out"
    );
    let interrupted = || anyhow!("the tour was interrupted");
    // Whatever was begun is taken away before it ends.
    let place = tokio::select! {
        biased;
        _ = ctrl_c() => return Err(interrupted()),
        place = Box::pin(place::find(&arguments.cluster, out)) => place?,
    };
    let toured = tokio::select! {
        biased;
        _ = ctrl_c() => Err(interrupted()),
        toured = Box::pin(tour::run(&place.cluster, out)) => toured,
    };
    if !arguments.keep {
        tour::clear(&place.cluster).await;
    }
    toured
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_tour_refuses_another_namespace_than_its_own() {
        let cluster = ClusterArguments { kubeconfig: None, namespace: Some("finance".to_owned()) };
        let arguments = Arguments { keep: false, cluster };
        let error = run(&arguments, &mut Printer::new()).await.unwrap_err();
        assert!(error.to_string().contains("leave --namespace out"), "{error}");
    }
}
