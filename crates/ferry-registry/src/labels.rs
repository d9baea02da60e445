//! The labels of an object, in one piece of memory: a map of them takes a quarter of what the object
//! itself does.

use std::fmt;

/// What stands after each key and each value. Neither can have it.
const END: char = '\0';

/// The labels of an object, by key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels(Box<str>);

impl Labels {
    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    /// All labels, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut texts = self.0.split_terminator(END);
        std::iter::from_fn(move || Some((texts.next()?, texts.next()?)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Labels by key. What can be no label is left out.
impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(labels: I) -> Self {
        let mut text = String::new();
        for (key, value) in labels {
            if !key.contains(END) && !value.contains(END) {
                for part in [key, value] {
                    text.push_str(part);
                    text.push(END);
                }
            }
        }
        Self(text.into_boxed_str())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_by_key() {
        let labels: Labels =
            [("a", "1"), ("b", ""), ("", "x"), ("c\0", "no")].into_iter().collect();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", ""), ("", "x")]);
        for (key, value) in [("a", Some("1")), ("b", Some("")), ("", Some("x")), ("1", None)] {
            assert_eq!(labels.get(key), value, "{key:?}");
        }
        assert_eq!(format!("{labels:?}"), r#"{"a": "1", "b": "", "": "x"}"#);
        assert!(Labels::default().is_empty());
        assert_eq!(Labels::default().iter().next(), None);
    }
}
