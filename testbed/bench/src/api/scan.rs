//! Finding one word in an answer without reading all of it: a client that parsed would cost more
//! than the server that it measures.

use memchr::memmem;

/// The text behind `marker`, up to the next quote.
pub(super) fn text_after<'a>(answer: &'a [u8], marker: &str) -> Option<&'a str> {
    let start = memmem::find(answer, marker.as_bytes())? + marker.len();
    let rest = &answer[start..];
    let end = rest.iter().position(|&byte| byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok()
}

/// Finds the numbers behind a marker in a stream that arrives in pieces.
pub(super) struct Numbers {
    marker: memmem::Finder<'static>,
    digits: usize,
    /// What may be the beginning of one.
    rest: Vec<u8>,
}

impl Numbers {
    pub(super) fn new(marker: &'static [u8], digits: usize) -> Self {
        Self { marker: memmem::Finder::new(marker), digits, rest: Vec::new() }
    }

    /// Takes the next piece, and tells each number that is complete now.
    pub(super) fn push(&mut self, piece: &[u8], mut tell: impl FnMut(u32)) {
        self.rest.extend_from_slice(piece);
        let marker = self.marker.needle().len();
        let whole = marker + self.digits;
        let mut from = 0;
        while let Some(found) = self.marker.find(&self.rest[from..]) {
            let start = from + found;
            let Some(all) = self.rest.get(start..start + whole) else { break };
            let digits = std::str::from_utf8(&all[marker..]).ok();
            if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
                tell(number);
            }
            from = start + whole;
        }
        // A marker may have begun in what is left, but no longer than it is.
        let kept = from.max(self.rest.len().saturating_sub(whole - 1));
        self.rest.drain(..kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_between_a_marker_and_a_quote() {
        let answer = br#"{"metadata":{"resourceVersion":"17","continue":""},"items":[]}"#;
        for (marker, text) in [
            (r#""resourceVersion":""#, Some("17")),
            (r#""continue":""#, Some("")),
            (r#""uid":""#, None),
            ("[]", None),
        ] {
            assert_eq!(text_after(answer, marker), text, "{marker}");
        }
    }

    #[test]
    fn numbers_are_found_once_wherever_the_stream_is_cut() {
        let stream = b"..\"fan-0007\"...\"fan-\"fan-0010..\"fan-x..";
        for size in 1..=stream.len() {
            let mut numbers = Numbers::new(b"\"fan-", 4);
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                numbers.push(piece, |number| found.push(number));
            }
            // The second marker swallows what follows it; names of ours do not look like that.
            assert_eq!(found, [7], "in pieces of {size}");
        }
        let mut numbers = Numbers::new(b"\"fan-", 4);
        let mut found = Vec::new();
        let all = b"\"fan-0001\"\"fan-0002\"";
        for piece in all.chunks(3) {
            numbers.push(piece, |number| found.push(number));
        }
        assert_eq!(found, [1, 2]);
    }
}
