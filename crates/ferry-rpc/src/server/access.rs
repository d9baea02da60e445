//! Who may ask what.

use std::future::Future;

use tonic::{Request, Status};

use super::Caller;
use crate::{Refusal, RefusalKind};

/// Decides about those who are neither nodes nor administrators: whether they may get `nodes/proxy`
/// of this node.
pub trait Access: Send + Sync + 'static {
    /// Whether it may.
    ///
    /// # Errors
    /// When nobody can say now.
    fn may_ask(&self, caller: &Caller) -> impl Future<Output = Result<bool, Refusal>> + Send;
}

/// Lets nobody in but nodes and administrators.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Access for Nobody {
    async fn may_ask(&self, _caller: &Caller) -> Result<bool, Refusal> {
        Ok(false)
    }
}

/// Lets through what nodes only may ask.
pub(super) fn nodes_only<T>(request: Request<T>) -> Result<T, Status> {
    match request.extensions().get::<Caller>() {
        Some(caller) if caller.is_node() => Ok(request.into_inner()),
        caller => Err(forbidden(caller, "this is for nodes to ask")),
    }
}

/// Lets through what people may ask, if these may.
pub(super) async fn permitted<T>(request: Request<T>, access: &impl Access) -> Result<T, Status> {
    let caller = request.extensions().get::<Caller>();
    let may = match caller {
        None => false,
        Some(caller) if caller.is_node() || caller.is_administrator() => true,
        Some(caller) => access.may_ask(caller).await?,
    };
    if may {
        Ok(request.into_inner())
    } else {
        Err(forbidden(caller, "it takes the right to get nodes/proxy"))
    }
}

fn forbidden(caller: Option<&Caller>, why: &str) -> Status {
    let user = caller.map_or("system:anonymous", |caller| caller.user.as_str());
    Refusal::new(RefusalKind::Forbidden, format!("\"{user}\" may not ask a node: {why}")).into()
}
