//! Values of the command line that several commands take.

use std::time::Duration;

use ferry_api::{NameError, NameRule};

/// Units of time, the smallest first, with their seconds.
const UNITS: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3600)];

/// A time such as `90s`, `5m` or `1h30m`; a bare number is in seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time; use 30s, 5m, 1h30m or a number of seconds");
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit = UNITS.iter().find(|(name, _)| tail.starts_with(name)).ok_or_else(wrong)?;
        let part = number.checked_mul(unit.1).ok_or_else(wrong)?;
        seconds = seconds.checked_add(part).ok_or_else(wrong)?;
        rest = &tail[unit.0.len()..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// A label of a node: `kubernetes.io/hostname=node-2`.
pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) =
        text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            format!("{text:?} is no label; use KEY=VALUE, such as kubernetes.io/hostname=node-2")
        })?;
    let wrong = |what: &str, error: NameError| format!("{what} is no part of a label: {error}");
    NameRule::LabelKey.check(key).map_err(|error| wrong(&format!("{key:?}"), error))?;
    NameRule::LabelValue.check(value).map_err(|error| wrong(&format!("{value:?}"), error))?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_kubectl_takes_them() {
        for (text, seconds) in [
            ("30s", Some(30)),
            ("5m", Some(300)),
            ("1h30m", Some(5400)),
            ("0", Some(0)),
            ("12", Some(12)),
            ("", None),
            ("m", None),
            ("5 m", None),
            ("-1s", None),
            ("99999999999999999999s", None),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(duration(text).ok(), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn a_label_has_a_key_and_a_value() {
        for (text, expected) in [
            ("zone=east", Some(("zone", "east"))),
            ("node-role.kubernetes.io/worker=", Some(("node-role.kubernetes.io/worker", ""))),
            ("a=b=c", None),
            ("bad key=x", None),
            ("zone=x y", None),
            ("zone", None),
            ("=east", None),
        ] {
            let found = label(text).ok();
            let found = found.as_ref().map(|(key, value)| (key.as_str(), value.as_str()));
            assert_eq!(found, expected, "{text}");
        }
    }
}
