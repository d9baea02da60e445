//! Taints and tolerations.

use k8s_openapi::api::core::v1;

use super::Unread;
use crate::{FieldProblem, Taint, TaintEffect, ToleratedTaints, Toleration};

pub(super) fn taint(taint: &v1::Taint) -> Result<Taint, Unread> {
    Ok(Taint {
        key: taint.key.clone(),
        value: taint.value.clone().unwrap_or_default(),
        effect: effect(&taint.effect)?,
    })
}

/// An empty operator is `Equal`, an empty effect is every effect, and an empty key is every key
/// where the operator is `Exists`. The operators `Lt` and `Gt`, which Kubernetes tries out behind
/// a feature gate, are refused.
pub(super) fn toleration(toleration: &v1::Toleration) -> Result<Toleration, Unread> {
    let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    let key = given(&toleration.key);
    let taints = match (toleration.operator.as_deref().unwrap_or_default(), key) {
        ("Exists", None) => ToleratedTaints::All,
        ("Exists", Some(key)) => ToleratedTaints::WithKey(key),
        ("" | "Equal", Some(key)) => {
            ToleratedTaints::Equal { key, value: toleration.value.clone().unwrap_or_default() }
        }
        ("" | "Equal", None) => return Err(Unread::at("operator", FieldProblem::NoKey)),
        (unknown, _) => {
            let given = unknown.to_owned();
            let problem = FieldProblem::UnknownOperator { given, known: "Equal or Exists" };
            return Err(Unread::at("operator", problem));
        }
    };
    let effect = given(&toleration.effect).map(|text| effect(&text)).transpose()?;
    Ok(Toleration { taints, effect })
}

fn effect(text: &str) -> Result<TaintEffect, Unread> {
    match text {
        "NoSchedule" => Ok(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Ok(TaintEffect::PreferNoSchedule),
        "NoExecute" => Ok(TaintEffect::NoExecute),
        unknown => {
            let given = unknown.to_owned();
            Err(Unread::at("effect", FieldProblem::UnknownEffect { given }))
        }
    }
}
