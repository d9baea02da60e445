//! How a command line, and the device state, says what a guest works on.
//!
//! ```text
//!   workload = pattern { "," key "=" value }
//!   pattern  = "idle" | "sequential" | "random" | "hotspot" | "zipf" | "disk"
//!            | "phased:" phase { "+" phase }
//!   phase    = "(" workload ")" "/" duration
//!   duration = number ( "ms" | "s" | "m" | "h" )
//! ```
//!
//! | key | value | for |
//! |---|---|---|
//! | `rate` | bytes per second, or `max` | all |
//! | `working-set` | bytes | all |
//! | `read-share` | percent | all |
//! | `contents` | `random`, `text`, `zero`, `mixed` | all |
//! | `hot-writes`, `hot-pages` | percent, both needed | `hotspot` |
//! | `exponent` | a number, needed | `zipf` |
//! | `disk-rate` | bytes per second, needed | `disk` |
//!
//! Sizes may end in `Ki`, `Mi`, `Gi` or `Ti`. So `random,rate=100Mi,working-set=512Mi,read-share=20`,
//! or `phased:(random,rate=1Gi)/500ms+(idle)/2s`.

use std::fmt;
use std::str::FromStr;

use ferry_units::{Bytes, BytesPerSecond};
use thiserror::Error;

use crate::words::{
    DiskOptions, Empty, HotspotOptions, Milliseconds, Phase, PhasedOptions, Workload,
    WorkloadContents, WorkloadPattern, ZipfOptions,
};

/// A text that says no workload.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WorkloadTextError {
    /// Something else is expected at some place.
    #[error("\"{found}\" in a workload, where {expected} is expected")]
    Unexpected {
        /// What is there, to the end of the text.
        found: String,
        /// What should be.
        expected: &'static str,
    },

    /// A value that its key does not take.
    #[error("{key}={value} in a workload: {key} takes {accepted}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is accepted.
        accepted: &'static str,
    },

    /// A key that this kind of workload has no use for.
    #[error("{key} in a workload that is {kind}: {accepted}")]
    Key {
        /// The key.
        key: String,
        /// The kind.
        kind: String,
        /// Which keys there are.
        accepted: &'static str,
    },

    /// A key that is said twice.
    #[error("{key} is said twice in a workload")]
    Twice {
        /// The key.
        key: String,
    },

    /// A key without which this kind of workload means nothing.
    #[error("a workload that is {kind} needs {key}")]
    Needed {
        /// The kind.
        kind: String,
        /// The key.
        key: &'static str,
    },

    /// Phases in phases in phases.
    #[error("phases are nested too deep in a workload: a phase has no phases")]
    Nested,
}

/// How deep the text may be nested before it is refused: one deeper than a workload may be, so that
/// the check of workloads can say where.
const DEEPEST: u8 = 2;

/// Reads a workload. Whether a guest can work on it is a question for that guest.
///
/// ```
/// use ferry_qmp::{WorkloadText, parse_workload};
///
/// let workload = parse_workload("hotspot,hot-writes=90,hot-pages=10,rate=1024Mi")?;
/// let printed = WorkloadText(&workload).to_string();
/// assert_eq!(printed, "hotspot,hot-writes=90,hot-pages=10,rate=1Gi");
/// # Ok::<(), ferry_qmp::WorkloadTextError>(())
/// ```
///
/// # Errors
/// [`WorkloadTextError`] says what stands where something else is expected.
pub fn parse(text: &str) -> Result<Workload, WorkloadTextError> {
    let mut parser = Parser { rest: text };
    let workload = parser.workload(DEEPEST)?;
    if parser.rest.is_empty() { Ok(workload) } else { Err(parser.unexpected("a comma or the end")) }
}

struct Parser<'a> {
    rest: &'a str,
}

/// What keys have said.
#[derive(Default)]
struct Said<'a> {
    values: Vec<(&'a str, &'a str)>,
}

impl<'a> Parser<'a> {
    fn workload(&mut self, depth: u8) -> Result<Workload, WorkloadTextError> {
        let kind = self.word();
        let phases = match kind {
            "phased" => Some(self.phases(depth)?),
            "idle" | "sequential" | "random" | "hotspot" | "zipf" | "disk" => None,
            _ => {
                self.rest = if kind.is_empty() { self.rest } else { kind };
                let expected = "idle, sequential, random, hotspot, zipf, disk or phased:(...)/time";
                return Err(self.unexpected(expected));
            }
        };
        let mut said = Said::default();
        while self.eat(",") {
            let key = self.word();
            if !self.eat("=") {
                return Err(self.unexpected("a key and ="));
            }
            said.note(key, self.word())?;
        }
        let pattern = match (kind, phases) {
            (_, Some(phases)) => WorkloadPattern::Phased(PhasedOptions { phases }),
            ("idle", None) => WorkloadPattern::Idle(Empty::default()),
            ("sequential", None) => WorkloadPattern::Sequential(Empty::default()),
            ("random", None) => WorkloadPattern::Random(Empty::default()),
            ("hotspot", None) => WorkloadPattern::Hotspot(HotspotOptions {
                hot_writes: said.needed(kind, "hot-writes", PERCENT)?,
                hot_pages: said.needed(kind, "hot-pages", PERCENT)?,
            }),
            ("zipf", None) => WorkloadPattern::Zipf(ZipfOptions {
                exponent: said.needed(kind, "exponent", "a number such as 1.1")?,
            }),
            (_, None) => WorkloadPattern::Disk(DiskOptions {
                disk_rate: BytesPerSecond::new(said.needed::<Size>(kind, "disk-rate", SIZE)?.0),
            }),
        };
        let workload = Workload {
            pattern,
            rate: said.rate()?,
            working_set: said.take::<Size>("working-set", SIZE)?.map(|size| Bytes::new(size.0)),
            read_share: said.take("read-share", PERCENT)?,
            contents: said.take::<Contents>("contents", CONTENTS)?.map(|contents| contents.0),
        };
        said.finish(kind).map(|()| workload)
    }

    fn phases(&mut self, depth: u8) -> Result<Vec<Phase>, WorkloadTextError> {
        let depth = depth.checked_sub(1).ok_or(WorkloadTextError::Nested)?;
        self.expect(":", ":(workload)/time")?;
        let mut phases = Vec::new();
        loop {
            self.expect("(", "(workload)/time")?;
            let workload = Box::new(self.workload(depth)?);
            self.expect(")/", ")/time")?;
            let text = self.word();
            let duration = duration(text).ok_or_else(|| WorkloadTextError::Unexpected {
                found: text.to_owned(),
                expected: "a time such as 500ms or 2s",
            })?;
            phases.push(Phase { duration, workload });
            if !self.eat("+") {
                return Ok(phases);
            }
        }
    }

    /// What stands before the next sign.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find([',', '=', ':', '(', ')', '/', '+']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn eat(&mut self, sign: &str) -> bool {
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, sign: &str, expected: &'static str) -> Result<(), WorkloadTextError> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&self, expected: &'static str) -> WorkloadTextError {
        WorkloadTextError::Unexpected { found: self.rest.to_owned(), expected }
    }
}

const PERCENT: &str = "a percentage such as 20";
const SIZE: &str = "a size such as 100Mi";
const CONTENTS: &str = "random, text, zero or mixed";

impl<'a> Said<'a> {
    fn note(&mut self, key: &'a str, value: &'a str) -> Result<(), WorkloadTextError> {
        if self.values.iter().any(|(said, _)| *said == key) {
            return Err(WorkloadTextError::Twice { key: key.to_owned() });
        }
        self.values.push((key, value));
        Ok(())
    }

    fn take<T: FromStr>(
        &mut self,
        key: &'static str,
        accepted: &'static str,
    ) -> Result<Option<T>, WorkloadTextError> {
        let Some(index) = self.values.iter().position(|(said, _)| *said == key) else {
            return Ok(None);
        };
        let (_, value) = self.values.swap_remove(index);
        let refused =
            |_| WorkloadTextError::Value { key: key.to_owned(), value: value.to_owned(), accepted };
        value.parse().map(Some).map_err(refused)
    }

    fn needed<T: FromStr>(
        &mut self,
        kind: &str,
        key: &'static str,
        accepted: &'static str,
    ) -> Result<T, WorkloadTextError> {
        let needed = || WorkloadTextError::Needed { kind: kind.to_owned(), key };
        self.take(key, accepted)?.ok_or_else(needed)
    }

    /// `max` is what it is without a word.
    fn rate(&mut self) -> Result<Option<BytesPerSecond>, WorkloadTextError> {
        self.values.retain(|said| *said != ("rate", "max"));
        let rate = self.take::<Size>("rate", "bytes per second such as 100Mi, or max")?;
        Ok(rate.map(|size| BytesPerSecond::new(size.0)))
    }

    fn finish(self, kind: &str) -> Result<(), WorkloadTextError> {
        match self.values.first() {
            None => Ok(()),
            Some((key, _)) => Err(WorkloadTextError::Key {
                key: (*key).to_owned(),
                kind: kind.to_owned(),
                accepted: "keys are rate, working-set, read-share and contents; hot-writes and \
                           hot-pages of hotspot, exponent of zipf, disk-rate of disk",
            }),
        }
    }
}

/// A number with a suffix.
struct Size(u64);

const SUFFIXES: [(&str, u32); 4] = [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];

impl FromStr for Size {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let suffix =
            SUFFIXES.iter().find_map(|(name, bits)| Some((text.strip_suffix(name)?, *bits)));
        let (digits, bits) = suffix.unwrap_or((text, 0));
        let number = number(digits).ok_or(())?;
        number.checked_mul(1 << bits).map(Self).ok_or(())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |bits: u32| self.0 > 0 && self.0.is_multiple_of(1 << bits);
        match SUFFIXES.iter().find(|(_, bits)| whole(*bits)) {
            Some((name, bits)) => write!(f, "{}{name}", self.0 >> bits),
            None => write!(f, "{}", self.0),
        }
    }
}

struct Contents(WorkloadContents);

impl FromStr for Contents {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(Self(match text {
            "random" => WorkloadContents::Random,
            "text" => WorkloadContents::Text,
            "zero" => WorkloadContents::Zero,
            "mixed" => WorkloadContents::Mixed,
            _ => return Err(()),
        }))
    }
}

/// Digits only: `parse` alone takes a plus sign.
fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

fn duration(text: &str) -> Option<Milliseconds> {
    let (digits, millis) =
        UNITS.iter().find_map(|(name, millis)| Some((text.strip_suffix(name)?, millis)))?;
    number(digits)?.checked_mul(*millis).map(Milliseconds)
}

/// Prints a workload so that [`parse`] reads it back.
#[derive(Clone, Copy, Debug)]
pub struct WorkloadText<'a>(pub &'a Workload);

impl fmt::Display for WorkloadText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Workload { pattern, rate, working_set, read_share, contents } = self.0;
        match pattern {
            WorkloadPattern::Idle(_) => write!(f, "idle")?,
            WorkloadPattern::Sequential(_) => write!(f, "sequential")?,
            WorkloadPattern::Random(_) => write!(f, "random")?,
            WorkloadPattern::Hotspot(HotspotOptions { hot_writes, hot_pages }) => {
                write!(f, "hotspot,hot-writes={hot_writes},hot-pages={hot_pages}")?;
            }
            WorkloadPattern::Zipf(ZipfOptions { exponent }) => {
                write!(f, "zipf,exponent={exponent}")?;
            }
            WorkloadPattern::Disk(DiskOptions { disk_rate }) => {
                write!(f, "disk,disk-rate={}", Size(disk_rate.get()))?;
            }
            WorkloadPattern::Phased(PhasedOptions { phases }) => {
                for (index, Phase { duration, workload }) in phases.iter().enumerate() {
                    let before = if index == 0 { "phased:" } else { "+" };
                    write!(f, "{before}({})/{}ms", WorkloadText(workload), duration.0)?;
                }
            }
        }
        if let Some(rate) = rate {
            write!(f, ",rate={}", Size(rate.get()))?;
        }
        if let Some(size) = working_set {
            write!(f, ",working-set={}", Size(size.get()))?;
        }
        if let Some(share) = read_share {
            write!(f, ",read-share={share}")?;
        }
        let contents = contents.map(|contents| match contents {
            WorkloadContents::Random => "random",
            WorkloadContents::Text => "text",
            WorkloadContents::Zero => "zero",
            WorkloadContents::Mixed => "mixed",
        });
        contents.map_or(Ok(()), |contents| write!(f, ",contents={contents}"))
    }
}

#[cfg(test)]
mod tests;
