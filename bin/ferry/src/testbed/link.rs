//! Breaking and mending links of a testbed.

use anyhow::Result;
use ferry_harness::{LinkOrder, LinkState};

use super::cli::{LinkArguments, LinkChange};
use super::{show, wait_for};
use crate::output::Outcome;

pub(super) fn link(arguments: &LinkArguments) -> Result<Outcome> {
    let links = wait_for(async {
        let cluster = show::open(&arguments.place).await?;
        match &arguments.change {
            LinkChange::Show => cluster.links(),
            LinkChange::Cut(link) => one(&cluster, link, LinkOrder::Cut),
            LinkChange::Unplug(link) => one(&cluster, link, LinkOrder::Unplug),
            LinkChange::Stall(link) => one(&cluster, link, LinkOrder::Stall),
            LinkChange::Restore(link) => one(&cluster, link, LinkOrder::Restore),
            LinkChange::Limit { rate, link } => {
                one(&cluster, link, LinkOrder::Limit { rate: Some(rate.0) })
            }
            LinkChange::Delay { latency, link } => {
                let micros = u64::try_from(latency.0.as_micros()).unwrap_or(u64::MAX);
                one(&cluster, link, LinkOrder::Delay { micros })
            }
        }
    })?;
    let mut text = String::new();
    show::links(&mut text, &links);
    if links.is_empty() {
        text.push_str("No relay stands in any link of this testbed.\n");
    }
    Ok(Outcome::success(text))
}

fn one(
    cluster: &ferry_harness::Cluster,
    link: &super::cli::WhichLink,
    order: LinkOrder,
) -> Result<Vec<LinkState>> {
    Ok(vec![cluster.link(&link.network, &link.node)?.tell(order)?])
}
