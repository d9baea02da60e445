//! What a node is asked over gRPC, and by whom.

use anyhow::{Result, ensure};
use ferry_reconcile::guest::Order;
use ferry_rpc::{Console, GuestName, RefusalKind, RpcError};

use crate::common::{BUSY, Cluster, connect, guest};

const POD: &str = "pod-1";

fn kind(error: &RpcError) -> Option<RefusalKind> {
    match error {
        RpcError::Refused(refusal) => Some(refusal.kind),
        _ => None,
    }
}

#[tokio::test]
async fn a_console_is_read_and_followed() -> Result<()> {
    let cluster = Cluster::new()?;
    let node = cluster.node("node-1").await?;
    node.run(&guest(POD, &BUSY)).await?;
    let client = cluster.client(&node, node.identity()).await?;
    let name = GuestName::new("shop", "db");
    let mut followed = client.console(&name, Console::Follow).await?;
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("booted") {
        text.extend(followed.next().await.unwrap()?);
    }
    let said = String::from_utf8(text)?;
    ensure!(said.contains("no image is booted") && said.contains("random,rate=16Mi"), "{said}");
    let mut so_far = client.console(&name, Console::SoFar).await?;
    while let Some(piece) = so_far.next().await {
        ensure!(!piece?.is_empty());
    }
    // It ends with the guest.
    node.guests().order(Order::Kill { pod_uid: POD.to_owned() });
    while let Some(piece) = followed.next().await {
        piece?;
    }
    Ok(())
}

#[tokio::test]
async fn only_those_who_may_are_answered() -> Result<()> {
    let cluster = Cluster::new()?;
    let node = cluster.node("node-1").await?;
    node.run(&guest(POD, &BUSY)).await?;
    let dir = tempfile::tempdir()?;
    let name = GuestName::new("shop", "db");
    for (user, group, may_look, may_recover) in [
        ("admin", "system:masters", true, false),
        ("system:node:node-2", "system:nodes", true, true),
        ("ada", "people", false, false),
    ] {
        let identity = dir.path().join(user);
        cluster.certify(&identity, &["x"], user, group)?;
        let client = cluster.client(&node, &identity).await?;
        let listed = client.guests().await;
        ensure!(listed.is_ok() == may_look, "{user}: {listed:?}");
        let verified = client.verify(&name).await;
        ensure!(verified.is_ok() == may_look, "{user}: {verified:?}");
        let outcome = client.outcome("m").await.unwrap_err();
        let expected = if may_recover { RefusalKind::NotFound } else { RefusalKind::Forbidden };
        ensure!(kind(&outcome) == Some(expected), "{user}: {outcome}");
    }
    let client = cluster.client(&node, node.identity()).await?;
    for (uid, expected) in [("", RefusalKind::Invalid), ("../x", RefusalKind::Invalid)] {
        let refused = client.story(uid).await.unwrap_err();
        ensure!(kind(&refused) == Some(expected), "{refused}");
    }
    let refused = client.verify(&GuestName::new("shop", "web")).await.unwrap_err();
    ensure!(refused.to_string() == "there is no guest shop/web on node-1", "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_client_talks_to_the_node_that_it_means() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let other = Cluster::new()?;
    let stranger = other.node("node-1").await?;
    let address = |node: &crate::common::Node| node.address();
    for (identity, at, name) in [
        (one.identity(), address(&two), "node-1"),
        (stranger.identity(), address(&one), "node-1"),
        (one.identity(), address(&stranger), "node-1"),
    ] {
        // A server's refusal of a client is heard with the first answer.
        let heard = match connect(identity, at, name).await {
            Ok(client) => client.guests().await.map(drop).map_err(Into::into),
            Err(error) => Err(error),
        };
        ensure!(heard.is_err());
    }
    drop(cluster);
    Ok(())
}
