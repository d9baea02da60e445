//! Finding one word in an answer without reading all of it: a client that parsed would cost more
//! than the server that it measures.

use std::mem;

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
        // One byte less than a marker with its number.
        let most = self.marker.needle().len() + self.digits - 1;
        let mut seam = mem::take(&mut self.rest);
        if !seam.is_empty() {
            // What begins in there is complete in here; what begins behind it is not.
            seam.extend_from_slice(&piece[..piece.len().min(most)]);
            self.search(&seam, &mut tell);
        }
        self.search(piece, &mut tell);
        if seam.is_empty() || piece.len() >= most {
            seam.clear();
            seam.extend_from_slice(&piece[piece.len().saturating_sub(most)..]);
        } else {
            seam.drain(..seam.len().saturating_sub(most));
        }
        self.rest = seam;
    }

    fn search(&self, text: &[u8], mut tell: impl FnMut(u32)) {
        for start in self.marker.find_iter(text) {
            let digits = start + self.marker.needle().len();
            let number = text.get(digits..digits + self.digits);
            let number = number.and_then(|number| std::str::from_utf8(number).ok());
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                tell(number);
            }
        }
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
            assert_eq!(found, [7, 10], "in pieces of {size}");
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
