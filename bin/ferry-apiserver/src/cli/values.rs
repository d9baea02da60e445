//! Values of options: each function reads one, or says what it accepts.

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ferry_api::NameRule;
use ferry_config::Semantics;

use crate::tls::Names;

/// Units of time, by what their number is followed by.
const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];

/// As long as the authority: nothing that it has signed is good for longer.
const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// An address to listen at.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an IP address and a port, such as 127.0.0.1:6443".to_owned())
}

/// A name in the server's certificate.
pub(super) fn server_name(text: &str) -> Result<String, String> {
    Names::new([text]).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// One of the two semantics.
pub(super) fn semantics() -> impl TypedValueParser<Value = Semantics> {
    PossibleValuesParser::new(Semantics::ALL.map(Semantics::name))
        .try_map(|name| name.parse::<Semantics>())
}

/// A node.
pub(super) fn node(text: &str) -> Result<String, String> {
    NameRule::DnsSubdomain.check(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// A group of a user.
pub(super) fn group(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("a group has a name".to_owned()) } else { Ok(text.to_owned()) }
}

/// How long credentials are good.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let found = UNITS.iter().find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)));
    let seconds = found.and_then(|(number, unit)| {
        let is_number = !number.is_empty() && number.bytes().all(|each| each.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(unit)
    });
    seconds
        .map(Duration::from_secs)
        .filter(|lifetime| !lifetime.is_zero() && *lifetime <= LONGEST_LIFETIME)
        .ok_or_else(|| "give a number of s, m, h or d, such as 365d, up to 3650d".to_owned())
}

/// Where a server is.
pub(super) fn url(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").unwrap_or_default();
    let is_url = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && host.bytes().all(|byte| byte.is_ascii_graphic());
    if is_url {
        Ok(text.to_owned())
    } else {
        Err("give a URL such as https://127.0.0.1:6443".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_a_number_with_a_unit() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("90m", Some(5400)),
            ("12h", Some(43200)),
            ("3650d", Some(315_360_000)),
            ("3651d", None),
            ("0d", None),
            ("d", None),
            ("+1d", None),
            ("1", None),
            ("1.5h", None),
            ("99999999999999999999d", None),
        ] {
            let parsed = lifetime(text).ok().map(|lifetime| lifetime.as_secs());
            assert_eq!(parsed, seconds, "{text}");
        }
    }

    #[test]
    fn a_server_is_found_by_https() {
        for (text, good) in [
            ("https://127.0.0.1:6443", true),
            ("https://[::1]:6443", true),
            ("https://lab.example/prefix", true),
            ("http://lab.example", false),
            ("https://", false),
            ("https://a b", false),
        ] {
            assert_eq!(url(text).is_ok(), good, "{text}");
        }
    }
}
