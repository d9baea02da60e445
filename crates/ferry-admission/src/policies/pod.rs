//! Pods: once on a node, always on that node.

use ferry_api::{FieldError, FieldPath};
use ferry_registry::{Operation, Part, Refusal, Review};

use crate::denial::invalid;
use crate::fields::text;
use crate::identity::{Role, role};
use crate::policies::{pod_change, pod_resources, pod_shape, toleration};

pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    let (old, new) = match review.operation {
        Operation::Create { new } => {
            let mut errors = pod_shape::problems(new);
            // What a guest's pod asks for and puts up with follows from its machine, which has been
            // let in. Refused here, a guest would never start, or never move again.
            if role(review.user) != Role::Component {
                errors.extend(pod_resources::problems(new));
                errors.extend(toleration::problems(new));
            }
            return invalid(review.target, errors);
        }
        Operation::Update { old, new } => (old, new),
        Operation::Delete { .. } => return Ok(()),
    };
    let node = |pod| text(pod, &["spec", "nodeName"]).unwrap_or_default();
    let (before, after) = (node(old), node(new));
    // The status has no say in it, and the registry keeps the spec there.
    if before.is_empty() || before == after {
        let is_main = review.target.part == Part::Main;
        let errors = if is_main { pod_change::problems(old, new) } else { Vec::new() };
        return invalid(review.target, errors);
    }
    match review.target.part {
        // PARITY: pkg/registry/core/pod/storage/storage.go#setPodNodeAndMetadata
        Part::Binding => Err(Refusal::Conflict {
            served: review.target.served,
            name: review.target.name.clone(),
            message: format!("pod {} is already assigned to node \"{before}\"", review.target.name),
        }),
        Part::Main | Part::Status | Part::Finalize => {
            let path = FieldPath::of("spec.nodeName");
            invalid(
                review.target,
                vec![FieldError::invalid(path, after.into(), "a pod stays on its node")],
            )
        }
    }
}
