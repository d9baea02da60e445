//! Rust source without what the compiler does not run: comments, and what is in quotes.
//!
//! A rule that forbids a word must not trip over the sentence that explains it. Every other
//! character keeps its line and its column.

/// `text` with blanks in place of comments and of what is in quotes.
pub fn code(text: &str) -> String {
    let mut scanner = Scanner { rest: text, out: String::with_capacity(text.len()) };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.out
}

/// Whether `line` of code holds `word`, not as a part of a longer name. A word may be a path, and
/// one that ends in `::` or `(` may be followed by anything.
pub fn has_word(line: &str, word: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let begins = !word.starts_with(in_name) || !line[..start].ends_with(in_name);
        let ends = !word.ends_with(in_name) || !line[start + word.len()..].starts_with(in_name);
        begins && ends
    })
}

struct Scanner<'a> {
    rest: &'a str,
    out: String,
}

impl Scanner<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            self.blank(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment(self.rest));
        } else if let Some((open, close)) = raw_string(self.rest) {
            self.quoted(open, |body| body.find(&close), close.len());
        } else if self.rest.starts_with('"') {
            self.quoted(1, |body| closing(body, '"'), 1);
        } else if let Some(length) = character(self.rest) {
            self.keep(1);
            self.blank(length);
            self.keep(1);
        } else {
            self.keep_name_or_character();
        }
    }

    /// Keeps the quotes, of `open` and `close` bytes, and blanks what is between them. One that is
    /// never closed, which the compiler refuses, ends with the file.
    fn quoted(&mut self, open: usize, end: impl Fn(&str) -> Option<usize>, close: usize) {
        self.keep(open);
        match end(self.rest) {
            Some(length) => {
                self.blank(length);
                self.keep(close);
            }
            None => self.blank(self.rest.len()),
        }
    }

    /// A whole name at once, so that the end of one is not taken for the prefix of a string.
    fn keep_name_or_character(&mut self) {
        let name = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        self.keep(name.unwrap_or(self.rest.len()).max(first));
    }

    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length);
        self.out.push_str(kept);
        self.rest = rest;
    }

    fn blank(&mut self, length: usize) {
        let (blanked, rest) = self.rest.split_at(length);
        self.out.extend(blanked.chars().map(|c| if c == '\n' { c } else { ' ' }));
        self.rest = rest;
    }
}

/// The length of the block comment that `text` starts with; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the opening of the raw string that `text` starts with, and its closing.
fn raw_string(text: &str) -> Option<(usize, String)> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '#']))
    })?;
    let hashes = text[prefix.len()..].chars().take_while(|c| *c == '#').count();
    let open = prefix.len() + hashes + 1;
    text[prefix.len() + hashes..]
        .starts_with('"')
        .then(|| (open, format!("\"{}", "#".repeat(hashes))))
}

/// Where the first `quote` is that no backslash escapes.
fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    body.char_indices().find_map(|(index, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(index)
    })
}

/// The length of what is in the character literal that `text` starts with; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    if body.starts_with('\\') {
        return closing(body, '\'');
    }
    let first = body.chars().next()?.len_utf8();
    body[first..].starts_with('\'').then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_quotes_are_blank_and_all_else_is_kept() {
        for (text, expected) in [
            ("a // todo!()\nb", "a           \nb"),
            ("a /* b /* c */ d */ e", "a                   e"),
            ("/* a\n b */ c", "    \n      c"),
            (r#"f("todo!() \" x") + 1"#, r#"f("            ") + 1"#),
            (r##"f(r#"a " b"#, c)"##, r##"f(r#"     "#, c)"##),
            (r#"f(br"\", c)"#, r#"f(br" ", c)"#),
            ("b\"x\" c\"y\"", "b\" \" c\" \""),
            ("fn f<'a>(x: &'a str) { '\"' }", "fn f<'a>(x: &'a str) { ' ' }"),
            (r"['\'', '\\', 'ß'] // x", r"['  ', '  ', ' ']     "),
            ("r#type + bar\"x\"", "r#type + bar\" \""),
            ("\"never closed", "\"            "),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn this_file_keeps_its_lines() {
        let text = include_str!("rust_text.rs");
        let code = code(text);
        assert_eq!(code.lines().count(), text.lines().count());
        assert!(code.contains("fn this_file_keeps_its_lines()"));
        assert!(!code.contains("A rule that forbids a word"));
    }

    #[test]
    fn a_word_is_no_part_of_a_longer_one() {
        for (line, word, found) in [
            ("let t = std::time::Instant::now();", "Instant::now", true),
            ("let t = MyInstant::now();", "Instant::now", false),
            ("let t = Instant::nowhere();", "Instant::now", false),
            ("brand::new()", "rand::", false),
            ("use rand::Rng;", "rand::", true),
            ("brand::new(rand::x())", "rand::", true),
            ("todo!()", "todo!(", true),
        ] {
            assert_eq!(has_word(line, word), found, "{line} {word}");
        }
    }
}
