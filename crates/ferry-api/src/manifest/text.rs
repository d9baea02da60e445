//! The two languages of manifests, each into JSON values.

use std::borrow::Cow;
use std::io::Read;

use serde_json::Value;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

use crate::manifest::value::{DEEPEST_NESTING, Strict};

/// The largest number of documents, and of values in all of them, that one text may hold: a dump
/// of the largest clusters has a few million.
const MOST_DOCUMENTS: usize = 1_000_000;
const MOST_VALUES: usize = 50_000_000;

/// The values that the aliases of one text may stand for: so many, as many more for each of its
/// bytes, and never more than the last. Ten lines of YAML can stand for more values than a machine
/// has bytes, and each costs about a microsecond. An alias of a template of 50 values in 30 bytes of
/// its machine, as long manifests have them by the hundred, stands for 2 a byte.
const ALIASED_VALUES: usize = 10_000;
const ALIASED_VALUES_PER_BYTE: usize = 8;
const MOST_ALIASED_VALUES: usize = 1_000_000;

/// Likewise for the bytes of all texts within one text, those behind aliases among them: a long one
/// behind an anchor can be said again in three bytes. Without aliases they are about as many as the
/// text has, however they are escaped.
const SCALAR_BYTES: usize = 1 << 20;
const SCALAR_BYTES_PER_BYTE: usize = 8;

/// Documents up to the first that cannot be read, whose error comes last.
type Values = Vec<Result<Value, String>>;

pub(super) fn read_json(text: &str) -> Values {
    let mut values = Values::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Strict>() {
        match value {
            Ok(Strict(value)) => values.push(Ok(value)),
            Err(error) => {
                values.push(Err(error.to_string()));
                break;
            }
        }
    }
    values
}

pub(super) fn read_yaml(text: &str) -> Values {
    let mut bytes = text.as_bytes();
    let mut reader: &mut dyn Read = &mut bytes;
    let mut values = Values::new();
    let room = Room::of(text.len());
    for value in serde_saphyr::read_with_options::<_, Strict>(&mut reader, options(room)) {
        match value {
            Ok(Strict(value)) => values.push(Ok(value)),
            Err(error) => {
                values.push(Err(error.render_with_formatter(&InOurWords(room))));
                break;
            }
        }
    }
    values
}

/// What a text may stand for, by its length.
#[derive(Clone, Copy)]
struct Room {
    aliased_values: usize,
    scalar_bytes: usize,
}

impl Room {
    const fn of(bytes: usize) -> Self {
        let values = ALIASED_VALUES.saturating_add(bytes.saturating_mul(ALIASED_VALUES_PER_BYTE));
        let scalars = SCALAR_BYTES.saturating_add(bytes.saturating_mul(SCALAR_BYTES_PER_BYTE));
        Self {
            aliased_values: if values < MOST_ALIASED_VALUES { values } else { MOST_ALIASED_VALUES },
            scalar_bytes: scalars,
        }
    }
}

/// YAML as Kubernetes' library reads it, but for keys that stand twice.
fn options(room: Room) -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST_NESTING,
            max_documents: MOST_DOCUMENTS,
            max_nodes: MOST_VALUES,
            max_events: MOST_VALUES,
            max_recorded_anchor_events: room.aliased_values,
            max_recorded_anchor_bytes: room.scalar_bytes,
            // One anchor may well serve hundreds of machines.
            enforce_alias_anchor_ratio: false,
            // The text is in memory already.
            max_reader_input_bytes: None,
            max_total_scalar_bytes: room.scalar_bytes,
            max_total_comment_bytes: usize::MAX,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: room.aliased_values,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        // Refused by `Strict`, which says what to do.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

/// The library's messages, where they speak to people who write Rust rather than manifests.
struct InOurWords(Room);

impl MessageFormatter for InOurWords {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        match error {
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                Cow::Owned(format!("the key \"{key}\" stands here twice"))
            }
            // Only keys have to be texts.
            Error::NullIntoString { .. } => Cow::Borrowed("a key must be a text, this is empty"),
            Error::Unexpected { expected: "string scalar", .. } => Cow::Borrowed(
                "a key must be a text; a template such as {{ .Values.name }} is rendered first",
            ),
            Error::UnknownAnchor { .. } => Cow::Borrowed("this alias has no anchor before it"),
            Error::RecursiveReferencesRequireWeakTypes { .. } => {
                Cow::Borrowed("an alias cannot stand within its own anchor")
            }
            Error::AliasReplayLimitExceeded { .. } => self.0.aliases(),
            Error::Budget { breach, .. } => match breach {
                BudgetBreach::Depth { .. } => {
                    Cow::Owned(format!("nested more than {DEEPEST_NESTING} deep"))
                }
                BudgetBreach::RecordedAnchorEvents { .. } => self.0.aliases(),
                BudgetBreach::RecordedAnchorBytes { .. } | BudgetBreach::ScalarBytes { .. } => {
                    Cow::Owned(format!(
                        "its texts and what aliases make of them have more than {} bytes",
                        self.0.scalar_bytes
                    ))
                }
                _ => UserMessageFormatter.format_message(error),
            },
            _ => UserMessageFormatter.format_message(error),
        }
    }
}

impl Room {
    fn aliases(self) -> Cow<'static, str> {
        Cow::Owned(format!("aliases stand for more than {} values", self.aliased_values))
    }
}
