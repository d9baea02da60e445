//! The cluster as this node sees it, and what the node does about it.
//!
//! A [`Worker`] looks whenever an object or a guest has changed, hands orders to whoever keeps the
//! guests, and carries out plans. The lease is renewed beside it, so that a write that takes long does
//! not make the node look dead.

mod access;
mod keeper;
mod lease;
mod metrics;
mod sweeper;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;

use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstanceMigration};
use ferry_api::{Modelled, View};
use ferry_client::{Cache, Calendar, Selection};
use ferry_reconcile::presence;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod};
use kube::Client;
use tokio::sync::Notify;

pub(crate) use access::Review;
pub(crate) use keeper::Keeper;
pub(crate) use lease::renew;
pub(crate) use metrics::Metrics;
pub(crate) use sweeper::sweep;
pub(crate) use worker::Worker;

/// Follows everything that this node looks at. `changed` is notified of each change, `gone` of each
/// claim that goes.
pub(crate) fn follow(
    client: &Client,
    node: &str,
    changed: &Arc<Notify>,
    gone: &Arc<Notify>,
    calendar: Calendar,
) -> Cache {
    let cache = Cache::new(calendar);
    let all = Selection::all();
    let own = Selection::all().with_fields(&format!("spec.nodeName={node}"));
    follow_kind::<Node>(&cache, client, changed, &all);
    follow_kind::<Pod>(&cache, client, changed, &own);
    follow_kind::<VirtualMachineInstance>(&cache, client, changed, &all);
    follow_kind::<VirtualMachineInstanceMigration>(&cache, client, changed, &all);
    let (changed, gone) = (Arc::clone(changed), Arc::clone(gone));
    cache.follow::<PersistentVolumeClaim>(client, &all, move |_, _, new| {
        changed.notify_one();
        if new.is_none() {
            gone.notify_one();
        }
    });
    cache
}

fn follow_kind<T: Modelled>(
    cache: &Cache,
    client: &Client,
    changed: &Arc<Notify>,
    selection: &Selection,
) {
    let changed = Arc::clone(changed);
    cache.follow::<T>(client, selection, move |_, _, _| changed.notify_one());
}

/// Where the node of that name serves gRPC.
pub(crate) fn peer(cache: &Cache, node: &str) -> Option<SocketAddr> {
    cache.get::<Node>("", node).as_ref().and_then(presence::endpoint)
}
