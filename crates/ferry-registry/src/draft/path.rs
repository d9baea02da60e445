//! Paths in the words of Kubernetes' strict decoder: `spec.volumes[0].name`.

/// Adds a field to a path.
pub(super) fn push_field(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// Adds the place in a list to a path.
pub(super) fn push_index(path: &mut String, index: usize) {
    path.extend(["[", index.to_string().as_str(), "]"]);
}
