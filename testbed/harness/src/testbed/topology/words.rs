//! The words of a topology: each is a text that is read once, and says what would have been read
//! where it cannot be.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ferry_api::Quantity;
use ferry_units::{Bytes, BytesPerSecond};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::size_text;

/// Bits of a card's speed, by what their number is followed by; `tc` has the same.
const BITS: [(&str, u64); 4] =
    [("Gbit", 1_000_000_000), ("Mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];

/// Spans of time, by what their number is followed by. Longer ones first: `ms` ends with `s`.
const SPANS: [(&str, u64); 3] = [("us", 1), ("ms", 1_000), ("s", 1_000_000)];

/// More than any network takes.
const LONGEST_LATENCY: Duration = Duration::from_secs(10);

/// Less than a relay can carry evenly: one piece of a connection takes half a second.
const LEAST_SPEED: BytesPerSecond = BytesPerSecond::new(32 << 10);

/// What stands where a text belongs: people leave out the quotes of `1024`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "give a text")]
pub(super) enum Written {
    /// In quotes, or not a number.
    Text(String),
    /// A number.
    Number(serde_json::Number),
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// A word that is read from what is written, and written back as it would be.
macro_rules! word {
    ($name:ident) => {
        impl TryFrom<Written> for $name {
            type Error = String;

            fn try_from(written: Written) -> Result<Self, String> {
                written.to_string().parse()
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.to_string()
            }
        }
    };
}

/// A size: a quantity such as `4Gi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "String")]
pub struct Size(pub Bytes);

word!(Size);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.parse::<Quantity>().and_then(Quantity::to_bytes_rounded_up).ok();
        let bytes = bytes.filter(|bytes| !bytes.is_zero());
        bytes.map(Self).ok_or_else(|| format!("{text:?}: give a size above zero, such as 4Gi"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size_text(self.0))
    }
}

/// The speed of a link: in bytes per second as `bandwidthPerMigration` has it (`125Mi`), or in bits
/// as a card has it (`1Gbit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "String")]
pub struct LinkSpeed(pub BytesPerSecond);

word!(LinkSpeed);

impl FromStr for LinkSpeed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let in_bits = BITS.iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, bits)));
        let speed = match in_bits {
            Some((number, bits)) => {
                number.parse::<u64>().ok().and_then(|n| Some(n.checked_mul(*bits)? / 8))
            }
            None => text
                .parse::<Quantity>()
                .and_then(Quantity::to_rate_rounded_down)
                .ok()
                .map(BytesPerSecond::get),
        };
        let speed = speed.map(BytesPerSecond::new).filter(|speed| *speed >= LEAST_SPEED);
        speed.map(Self).ok_or_else(|| {
            format!(
                "{text:?}: give a speed of at least {LEAST_SPEED}, in bytes per second such as 125Mi, \
                 or in bits such as 1Gbit"
            )
        })
    }
}

impl fmt::Display for LinkSpeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&size_text(Bytes::new(self.0.get())))
    }
}

/// How much later arrives what is sent over a link, one way: `500us`, `2ms`, `1s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "String")]
pub struct Latency(pub Duration);

word!(Latency);

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found =
            SPANS.iter().find_map(|(unit, micros)| Some((text.strip_suffix(unit)?, micros)));
        let micros = match found {
            _ if text == "0" => Some(0),
            Some((number, micros)) => {
                number.parse::<u64>().ok().and_then(|n| n.checked_mul(*micros))
            }
            None => None,
        };
        let latency = micros.map(Duration::from_micros).filter(|it| *it <= LONGEST_LATENCY);
        latency.map(Self).ok_or_else(|| {
            format!("{text:?}: give a number of us, ms or s, such as 2ms, up to 10s")
        })
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        match micros {
            micros if micros % 1_000_000 == 0 => write!(f, "{}s", micros / 1_000_000),
            micros if micros % 1_000 == 0 => write!(f, "{}ms", micros / 1_000),
            micros => write!(f, "{micros}us"),
        }
    }
}

/// What keeps pods from a node that do not tolerate it, as `kubectl taint` takes it:
/// `key=value:Effect` or `key:Effect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "String")]
pub struct Taint(String);

word!(Taint);

impl FromStr for Taint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        use ferry_api::NameRule;
        let well_formed = text.rsplit_once(':').is_some_and(|(what, effect)| {
            let (key, value) = what.split_once('=').unwrap_or((what, ""));
            matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute")
                && NameRule::LabelKey.check(key).is_ok()
                && NameRule::LabelValue.check(value).is_ok()
        });
        if well_formed {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "{text:?}: give KEY=VALUE:EFFECT or KEY:EFFECT, such as dedicated=db:NoSchedule; effects \
             are NoSchedule, PreferNoSchedule and NoExecute"
        ))
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_in_bytes_or_in_bits() {
        for (text, bytes) in [
            ("125Mi", Some(125 << 20)),
            ("1Gbit", Some(125_000_000)),
            ("100Mbit", Some(12_500_000)),
            ("262144bit", Some(32 << 10)),
            ("131072", Some(131_072)),
            ("1bit", None),
            ("0", None),
            ("-1Gbit", None),
            ("1.5Gbit", None),
            ("fast", None),
            ("99999999999999999999Gbit", None),
        ] {
            let parsed = text.parse::<LinkSpeed>().ok().map(|speed| speed.0.get());
            assert_eq!(parsed, bytes, "{text}");
        }
    }

    #[test]
    fn latencies_have_units_and_are_written_as_they_are_read() {
        for (text, micros) in [
            ("500us", Some(500)),
            ("2ms", Some(2_000)),
            ("10s", Some(10_000_000)),
            ("0", Some(0)),
            ("11s", None),
            ("2", None),
            ("ms", None),
            ("1m", None),
            ("-1ms", None),
        ] {
            let parsed = text.parse::<Latency>().ok();
            assert_eq!(parsed.map(|it| it.0.as_micros()), micros, "{text}");
            if let Some(latency) = parsed.filter(|latency| *latency != Latency::default()) {
                assert_eq!(latency.to_string(), text);
            }
        }
    }

    #[test]
    fn taints_are_as_kubectl_takes_them() {
        for (text, holds) in [
            ("dedicated=db:NoSchedule", true),
            ("example.com/gpu:NoExecute", true),
            ("a:PreferNoSchedule", true),
            ("a=b", false),
            ("a=b:Sometimes", false),
            ("=b:NoSchedule", false),
            ("a b=c:NoSchedule", false),
        ] {
            assert_eq!(text.parse::<Taint>().is_ok(), holds, "{text}");
        }
    }

    #[test]
    fn sizes_are_quantities_above_zero() {
        for (text, size) in
            [("4Gi", Some("4Gi")), ("1e9", Some("976562.5Ki")), ("0", None), ("4Gx", None)]
        {
            let parsed = text.parse::<Size>().ok().map(|size| size.0);
            match size {
                Some("4Gi") => assert_eq!(parsed, Some(Bytes::from_gib(4))),
                Some(_) => assert_eq!(parsed, Some(Bytes::new(1_000_000_000))),
                None => assert_eq!(parsed, None, "{text}"),
            }
        }
    }
}
