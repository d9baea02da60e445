//! Values of options: each function reads one, or says what it accepts.

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ferry_config::Semantics;

/// Units of time, by what their number is followed by, in milliseconds.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60 * 1000), ("h", 60 * 60 * 1000)];

/// A day: longer than anybody waits for a node.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// An address to listen at.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an IP address and a port, such as 127.0.0.1:9443".to_owned())
}

/// A span of time that is not zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let found = UNITS.iter().find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)));
    let millis = found.and_then(|(number, unit)| {
        let is_number = !number.is_empty() && number.bytes().all(|each| each.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(unit)
    });
    millis
        .map(Duration::from_millis)
        .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
        .ok_or_else(|| {
            "give a number with its unit, such as 500ms, 40s, 2m or 1h, up to 24h".to_owned()
        })
}

/// One of the two semantics.
pub(super) fn semantics() -> impl TypedValueParser<Value = Semantics> {
    PossibleValuesParser::new(Semantics::ALL.map(Semantics::name))
        .try_map(|name| name.parse::<Semantics>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_time_is_a_number_with_a_unit() {
        for (text, millis) in
            [("250ms", 250), ("40s", 40_000), ("2m", 120_000), ("24h", 86_400_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "40", "-1s", "+1s", "0s", "25h", "1.5s", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
