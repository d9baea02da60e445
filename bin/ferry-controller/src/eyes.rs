//! Which objects the controller looks at, and what it does when one changes.

use std::sync::Arc;

use ferry_api::hco::v1beta1::HyperConverged;
use ferry_api::kubevirt::{
    KubeVirt, VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use ferry_api::{MigrationPolicy, NetworkAttachmentDefinition};
use ferry_client::{Cache, Calendar, Selection};
use ferry_reconcile::{Cause, work};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolumeClaim, Pod};
use kube::Client;

use crate::board::Board;

/// Where nodes renew their leases; others are none of the controller's business.
const NODE_LEASES: &str = "kube-node-lease";

/// Follows everything that a reconciler looks at. What a change causes comes on the board.
pub(crate) fn open(client: &Client, board: &Arc<Board>, calendar: Calendar) -> Cache {
    let cache = Cache::new(calendar);
    let all = Selection::all();
    follow::<KubeVirt>(&cache, client, board, &all);
    follow::<HyperConverged>(&cache, client, board, &all);
    follow::<VirtualMachine>(&cache, client, board, &all);
    follow::<VirtualMachineInstance>(&cache, client, board, &all);
    follow::<VirtualMachineInstanceMigration>(&cache, client, board, &all);
    follow::<MigrationPolicy>(&cache, client, board, &all);
    follow::<NetworkAttachmentDefinition>(&cache, client, board, &all);
    follow::<Namespace>(&cache, client, board, &all);
    follow::<Node>(&cache, client, board, &all);
    follow::<Pod>(&cache, client, board, &all);
    follow::<PersistentVolumeClaim>(&cache, client, board, &all);
    follow::<Lease>(&cache, client, board, &all.in_namespace(NODE_LEASES));
    cache
}

fn follow<T: Cause>(cache: &Cache, client: &Client, board: &Arc<Board>, selection: &Selection) {
    let board = Arc::clone(board);
    cache.follow::<T>(client, selection, move |cache, old, new| {
        board.add(work::touched(cache, old, new));
    });
}
