//! How a migration goes, as the daemon of its source node tells it.

use std::time::Duration;

use ferry_rpc::{Answers, Progress};
use futures::{Stream, StreamExt, stream};

use crate::cluster::connection::Cluster;
use crate::cluster::daemon;

/// How long to wait before a daemon is asked again that has not answered.
const PAUSE: Duration = Duration::from_secs(1);

/// What is heard.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Update {
    /// Where it is.
    Progress(Box<Progress>),
    /// The daemon cannot be asked, and why. Told once; it is tried again.
    Deaf(String),
}

struct Watched<'a> {
    cluster: &'a Cluster,
    node: String,
    uid: String,
    answers: Option<Answers<Progress>>,
    is_over: bool,
    is_told: bool,
}

/// All that the daemon of `node` says of a migration. It never ends, but falls silent.
pub(super) fn updates<'a>(
    cluster: &'a Cluster,
    node: &str,
    uid: &str,
) -> impl Stream<Item = Update> + use<'a> {
    let watched = Watched {
        cluster,
        node: node.to_owned(),
        uid: uid.to_owned(),
        answers: None,
        is_over: false,
        is_told: false,
    };
    let heard = stream::unfold(watched, |mut watched| async move {
        let update = watched.next().await?;
        Some((update, watched))
    });
    heard.chain(stream::pending())
}

impl Watched<'_> {
    async fn next(&mut self) -> Option<Update> {
        while !self.is_over {
            let trouble = match &mut self.answers {
                None => match self.open().await {
                    Ok(answers) => {
                        self.answers = Some(answers);
                        continue;
                    }
                    Err(error) => format!("{error:#}"),
                },
                Some(answers) => match answers.next().await {
                    Some(Ok(progress)) => {
                        self.is_over = progress.end.is_some();
                        return Some(Update::Progress(Box::new(progress)));
                    }
                    Some(Err(error)) => format!("the daemon of {} broke off: {error}", self.node),
                    None => format!("the daemon of {} has said no more", self.node),
                },
            };
            self.answers = None;
            if !self.is_told {
                self.is_told = true;
                return Some(Update::Deaf(trouble));
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    async fn open(&self) -> anyhow::Result<Answers<Progress>> {
        let daemon = daemon::of_node(self.cluster, &self.node).await?;
        Ok(daemon.watch_migration(&self.uid).await?)
    }
}
