//! From questions on the wire to a [`Node`], and back.

use std::pin::Pin;
use std::sync::Arc;

use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};

use super::access::{nodes_only, permitted};
use super::{Access, Answers, Node};
use crate::field::{Message, migration_uid};
use crate::wire::node_server;
use crate::{Conclusion, GuestName, Refusal, wire};

/// The generated service around a node.
pub(super) struct Service<N, A> {
    pub(super) node: Arc<N>,
    pub(super) access: Arc<A>,
}

type Out<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl<N: Node, A: Access> node_server::Node for Service<N, A> {
    async fn get_outcome(
        &self,
        request: Request<wire::GetOutcomeRequest>,
    ) -> Result<Response<wire::GetOutcomeResponse>, Status> {
        let uid = uid("GetOutcomeRequest", nodes_only(request)?.migration_uid)?;
        Ok(Response::new(self.node.outcome(uid).await?.into()))
    }

    async fn recover(
        &self,
        request: Request<wire::RecoverRequest>,
    ) -> Result<Response<wire::RecoverResponse>, Status> {
        let uid = uid("RecoverRequest", nodes_only(request)?.migration_uid)?;
        Ok(Response::new(self.node.recover(uid).await?.into()))
    }

    async fn conclude(
        &self,
        request: Request<wire::ConcludeRequest>,
    ) -> Result<Response<wire::ConcludeResponse>, Status> {
        let asked = nodes_only(request)?;
        let uid = uid("ConcludeRequest", asked.migration_uid)?;
        let conclusion = Conclusion::read(asked.conclusion).map_err(Refusal::from)?;
        Ok(Response::new(self.node.conclude(uid, conclusion).await?.into()))
    }

    type WatchMigrationStream = Out<wire::MigrationProgress>;

    async fn watch_migration(
        &self,
        request: Request<wire::WatchMigrationRequest>,
    ) -> Result<Response<Self::WatchMigrationStream>, Status> {
        let asked = permitted(request, &*self.access).await?;
        let uid = uid("WatchMigrationRequest", asked.migration_uid)?;
        Ok(stream(self.node.watch_migration(uid).await?, Into::into))
    }

    async fn get_migration_report(
        &self,
        request: Request<wire::GetMigrationReportRequest>,
    ) -> Result<Response<wire::MigrationReport>, Status> {
        let asked = permitted(request, &*self.access).await?;
        let uid = uid("GetMigrationReportRequest", asked.migration_uid)?;
        Ok(Response::new(self.node.story(uid).await?.into()))
    }

    async fn list_guests(
        &self,
        request: Request<wire::ListGuestsRequest>,
    ) -> Result<Response<wire::ListGuestsResponse>, Status> {
        let wire::ListGuestsRequest {} = permitted(request, &*self.access).await?;
        let guests = self.node.guests().await?.into_iter().map(Into::into).collect();
        Ok(Response::new(wire::ListGuestsResponse { guests }))
    }

    async fn verify_guest(
        &self,
        request: Request<wire::VerifyGuestRequest>,
    ) -> Result<Response<wire::VerifyGuestResponse>, Status> {
        let asked = permitted(request, &*self.access).await?;
        let guest = guest("VerifyGuestRequest", asked.guest)?;
        Ok(Response::new(self.node.verify(guest).await?.into()))
    }

    type ReadConsoleStream = Out<wire::ConsoleChunk>;

    async fn read_console(
        &self,
        request: Request<wire::ReadConsoleRequest>,
    ) -> Result<Response<Self::ReadConsoleStream>, Status> {
        let asked = permitted(request, &*self.access).await?;
        let guest = guest("ReadConsoleRequest", asked.guest)?;
        let chunks = self.node.console(guest, asked.follow.into()).await?;
        Ok(stream(chunks, |data| wire::ConsoleChunk { data }))
    }
}

fn uid(message: &'static str, value: String) -> Result<String, Refusal> {
    Ok(migration_uid(message, value)?)
}

fn guest(message: &'static str, value: Option<wire::GuestName>) -> Result<GuestName, Refusal> {
    Ok(Message(message).there("guest", value)?.try_into()?)
}

fn stream<T: 'static, W: 'static>(answers: Answers<T>, write: fn(T) -> W) -> Response<Out<W>> {
    let out = answers.map(move |answer| answer.map(write).map_err(Status::from));
    Response::new(Box::pin(out))
}
