//! Whether somebody may ask this node: the API server knows.

use std::time::Duration;

use ferry_rpc::server::{Access, Caller};
use ferry_rpc::{Refusal, RefusalKind};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::time::timeout;

/// How long the API server may take to answer, while somebody waits.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Asks the API server whether a caller may get `nodes/proxy` of this node, as kubelets do.
pub(crate) struct Review {
    /// The way to the API server.
    pub(crate) client: Client,
    /// This node's name.
    pub(crate) node: String,
}

impl Access for Review {
    // PARITY: pkg/kubelet/server/auth.go#GetRequestAttributes
    async fn may_ask(&self, caller: &Caller) -> Result<bool, Refusal> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(caller.user.clone()),
                groups: Some(caller.groups.clone()),
                resource_attributes: Some(ResourceAttributes {
                    verb: Some("get".to_owned()),
                    resource: Some("nodes".to_owned()),
                    subresource: Some("proxy".to_owned()),
                    name: Some(self.node.clone()),
                    version: Some("v1".to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let params = PostParams::default();
        let answer = timeout(ANSWER_LIMIT, reviews.create(&params, &review)).await;
        let unknown = |why: String| {
            let message = format!("the API server does not say who may ask: {why}");
            Refusal::new(RefusalKind::Unavailable, message)
        };
        match answer {
            Ok(Ok(review)) => Ok(review.status.is_some_and(|status| status.allowed)),
            Ok(Err(error)) => Err(unknown(error.to_string())),
            Err(_) => Err(unknown(format!("no answer within {ANSWER_LIMIT:?}"))),
        }
    }
}
