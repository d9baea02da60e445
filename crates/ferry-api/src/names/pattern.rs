//! A small matcher for the regular expressions that Kubernetes' messages and schemas quote, so
//! that tests can hold the checks against them. Each step returns every place where a match may
//! end, which is slow and hard to get wrong.

use std::collections::BTreeSet;

/// Whether all of `text` matches `pattern`: characters, `[a-z]`, `( | )`, `\.`, `? * +`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern = pattern.strip_prefix('^').and_then(|p| p.strip_suffix('$')).unwrap_or(pattern);
    let mut rest = pattern.as_bytes();
    let regex = Regex::alternatives(&mut rest);
    assert!(rest.is_empty(), "{pattern} is not understood");
    regex.ends(text.as_bytes(), 0).contains(&text.len())
}

enum Regex {
    /// One byte within one of the ranges.
    Class(Vec<(u8, u8)>),
    Sequence(Vec<Regex>),
    Alternatives(Vec<Regex>),
    /// So many times or more often; `Some` gives the most.
    Repeat(Box<Regex>, usize, Option<usize>),
}

impl Regex {
    fn alternatives(rest: &mut &[u8]) -> Self {
        let mut alternatives = vec![Self::sequence(rest)];
        while rest.first() == Some(&b'|') {
            *rest = &rest[1..];
            alternatives.push(Self::sequence(rest));
        }
        Self::Alternatives(alternatives)
    }

    fn sequence(rest: &mut &[u8]) -> Self {
        let mut items = Vec::new();
        while !matches!(rest.first(), None | Some(b'|' | b')')) {
            let item = Box::new(Self::item(rest));
            let (item, read) = match rest.first() {
                Some(b'?') => (Self::Repeat(item, 0, Some(1)), 1),
                Some(b'*') => (Self::Repeat(item, 0, None), 1),
                Some(b'+') => (Self::Repeat(item, 1, None), 1),
                _ => (*item, 0),
            };
            *rest = &rest[read..];
            items.push(item);
        }
        Self::Sequence(items)
    }

    fn item(rest: &mut &[u8]) -> Self {
        let (first, tail) = rest.split_first().expect("an item follows");
        *rest = tail;
        match first {
            b'(' => {
                let group = Self::alternatives(rest);
                *rest = rest.strip_prefix(b")").expect("the group ends");
                group
            }
            b'[' => {
                let end = rest.iter().position(|byte| *byte == b']').expect("the class ends");
                let mut class = &rest[..end];
                *rest = &rest[end + 1..];
                let mut ranges = Vec::new();
                while let Some((from, tail)) = class.split_first() {
                    (ranges, class) = match tail {
                        [b'-', to, tail @ ..] => ([ranges, vec![(*from, *to)]].concat(), tail),
                        tail => ([ranges, vec![(*from, *from)]].concat(), tail),
                    };
                }
                Self::Class(ranges)
            }
            b'\\' => {
                let (escaped, tail) = rest.split_first().expect("something is escaped");
                *rest = tail;
                Self::Class(vec![(*escaped, *escaped)])
            }
            literal => Self::Class(vec![(*literal, *literal)]),
        }
    }

    /// Where a match that starts at `start` may end.
    fn ends(&self, text: &[u8], start: usize) -> BTreeSet<usize> {
        match self {
            Self::Class(ranges) => text
                .get(start)
                .filter(|byte| ranges.iter().any(|(from, to)| (from..=to).contains(byte)))
                .map(|_| start + 1)
                .into_iter()
                .collect(),
            Self::Sequence(items) => items.iter().fold(BTreeSet::from([start]), |starts, item| {
                starts.into_iter().flat_map(|start| item.ends(text, start)).collect()
            }),
            Self::Alternatives(all) => all.iter().flat_map(|one| one.ends(text, start)).collect(),
            Self::Repeat(item, least, most) => {
                let mut ends = BTreeSet::new();
                let mut current = BTreeSet::from([start]);
                for times in 0.. {
                    if times >= *least {
                        ends.extend(&current);
                    }
                    current = current.iter().flat_map(|start| item.ends(text, *start)).collect();
                    if current.is_empty() || most.is_some_and(|most| times == most) {
                        break;
                    }
                }
                ends
            }
        }
    }
}
