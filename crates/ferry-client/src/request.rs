//! Requests about objects whose kind is a value, and what came of them.

use ferry_api::{Kind, KindVersion};
use kube::core::Request;

/// Requests for the objects of a kind: those of a namespace, or all.
pub(crate) fn collection(kind: Kind, namespace: Option<&str>) -> Request {
    let served = KindVersion::storage(kind);
    let root = if served.group().is_empty() { "/api" } else { "/apis" };
    let (version, plural) = (served.api_version(), kind.definition().plural);
    match namespace.filter(|namespace| !namespace.is_empty()) {
        Some(namespace) => {
            Request::new(format!("{root}/{version}/namespaces/{namespace}/{plural}"))
        }
        None => Request::new(format!("{root}/{version}/{plural}")),
    }
}

/// An error and what it comes from, in one sentence. Where a cause repeats what was said, it is left
/// out.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_path() {
        for (kind, namespace, expected) in [
            (Kind::Pod, Some("a"), "/api/v1/namespaces/a/pods"),
            (Kind::Node, Some(""), "/api/v1/nodes"),
            (Kind::VirtualMachineInstance, None, "/apis/kubevirt.io/v1/virtualmachineinstances"),
            (
                Kind::HyperConverged,
                Some("b"),
                "/apis/hco.kubevirt.io/v1beta1/namespaces/b/hyperconvergeds",
            ),
        ] {
            assert_eq!(collection(kind, namespace).url_path, expected);
        }
    }
}
