//! Reading texts as C's `sscanf` does, on which QEMU's addresses rest.

/// A text that is read from its start.
pub(super) struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Reads `prefix`, if that is next.
    pub(super) fn skip(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Reads what precedes `end`, or the end of the text: at least a character, and at most `most`
    /// bytes. `%64[^:]` in C.
    pub(super) fn until(&mut self, end: char, most: usize) -> Option<&'a str> {
        let len = self.rest.find(end).unwrap_or(self.rest.len());
        let len = (0..=len.min(most)).rev().find(|&len| self.rest.is_char_boundary(len))?;
        let (read, rest) = self.rest.split_at(len);
        self.rest = rest;
        (!read.is_empty()).then_some(read)
    }
}

/// Reads a switch among options that begin with commas: `,name`, `,name=on` or `,name=off`.
// PARITY: util/qemu-sockets.c#inet_parse_flag
pub(super) fn flag(options: &str, name: &str) -> Result<Option<bool>, String> {
    let Some((_, rest)) = options.split_once(&format!(",{name}")) else { return Ok(None) };
    let (value, is_followed_by_none) = match rest.split_once(',') {
        Some((value, after)) => (value, after.starts_with(',')),
        None => (rest, false),
    };
    match value {
        "" | "=on" if !is_followed_by_none => Ok(Some(true)),
        "=off" if !is_followed_by_none => Ok(Some(false)),
        _ => Err(format!("error parsing '{name}' flag '{rest}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_at_an_end_or_a_length() {
        let mut scan = Scan::new("host:port");
        assert_eq!(scan.until(':', 64), Some("host"));
        assert!(scan.skip(":"));
        assert_eq!(scan.until(',', 2), Some("po"));
        assert_eq!(scan.rest(), "rt");
        assert_eq!(Scan::new(":x").until(':', 64), None);
        assert_eq!(Scan::new("é").until(':', 1), None);
    }

    #[test]
    fn parity_a_switch_may_stand_alone() {
        for (options, value) in [
            ("", Ok(None)),
            (",ipv4", Ok(Some(true))),
            (",ipv4=on,x", Ok(Some(true))),
            (",x,ipv4=off", Ok(Some(false))),
            (",ipv4=on,,x", Err("error parsing 'ipv4' flag '=on,,x'".to_owned())),
        ] {
            assert_eq!(flag(options, "ipv4"), value, "{options}");
        }
    }
}
