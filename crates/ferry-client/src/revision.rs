//! How new an object is, as its `resourceVersion` says.

/// The revision that a `resourceVersion` means. Kubernetes' are whole numbers that grow with each
/// write; one that is none cannot be compared, and counts as the oldest.
pub(crate) fn revision(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_older_than_everything() {
        for (text, expected) in [(Some("42"), 42), (Some("x1"), 0), (Some(""), 0), (None, 0)] {
            assert_eq!(revision(text), expected);
        }
    }
}
