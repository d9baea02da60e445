//! Values of options: each function reads one, or says what it accepts.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use ferry_api::{Quantity, Selector};
use ferry_units::Bytes;
use k8s_openapi::api::core::v1::Taint;

/// What a taint can do.
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// A name in the cluster is at most this long, and so is a label's value that it becomes.
const LONGEST_NAME: usize = 63;

/// What a node is called.
pub(super) fn node_name(text: &str) -> Result<String, String> {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_name = text.len() <= LONGEST_NAME
        && text.split('.').all(|part| {
            part.starts_with(is_end)
                && part.ends_with(is_end)
                && part.chars().all(|c| is_end(c) || c == '-')
        });
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("give at most 63 lower-case letters, digits, dashes and dots, such as node-1"
            .to_owned())
    }
}

/// An address to listen at.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "give an IP address and a port (0 for any), such as 127.0.0.1:0".to_owned())
}

/// The first and the last of some ports.
pub(super) fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let ends = text
        .split_once('-')
        .and_then(|(first, last)| Some((first.parse::<u16>().ok()?, last.parse::<u16>().ok()?)));
    match ends {
        Some((first, last)) if 0 < first && first <= last => Ok(first..=last),
        Some(_) | None => Err("give the first and the last port, such as 49152-49215".to_owned()),
    }
}

/// A size in bytes, as Kubernetes writes quantities.
pub(super) fn size(text: &str) -> Result<Bytes, String> {
    let size = text.parse::<Quantity>().ok().and_then(|it| it.to_bytes_rounded_up().ok());
    size.filter(|size| !size.is_zero())
        .ok_or_else(|| "give a size above 0, such as 4Gi or 512Mi".to_owned())
}

/// A model of CPU: it becomes part of a label.
pub(super) fn cpu_model(text: &str) -> Result<String, String> {
    if is_label("cpu", text) && !text.is_empty() {
        Ok(text.to_owned())
    } else {
        Err("give the name of a model, such as Haswell or EPYC-Milan".to_owned())
    }
}

/// A label.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let wrong = || "give a label as K=V, such as topology.kubernetes.io/zone=east".to_owned();
    let (key, value) = text.split_once('=').ok_or_else(wrong)?;
    if is_label(key, value) { Ok((key.to_owned(), value.to_owned())) } else { Err(wrong()) }
}

/// A taint, with or without a value.
pub(super) fn taint(text: &str) -> Result<Taint, String> {
    let wrong = || {
        format!(
            "give a taint as K=V:EFFECT or K:EFFECT, with one of the effects {}",
            EFFECTS.join(", ")
        )
    };
    let (pair, effect) = text.rsplit_once(':').ok_or_else(wrong)?;
    let (key, value) = match pair.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (pair, None),
    };
    if !EFFECTS.contains(&effect) || !is_label(key, value.unwrap_or_default()) {
        return Err(wrong());
    }
    Ok(Taint {
        key: key.to_owned(),
        value: value.map(str::to_owned),
        effect: effect.to_owned(),
        time_added: None,
    })
}

/// Whether the pair is a label that a cluster accepts.
fn is_label(key: &str, value: &str) -> bool {
    let pair = [(key.to_owned(), value.to_owned())].into();
    !key.is_empty() && Selector::from_labels(&pair).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taint_has_a_key_maybe_a_value_and_an_effect() {
        let taint = |text| taint(text).map(|it| (it.key, it.value, it.effect));
        let text = str::to_owned;
        let with_value = (text("gpu"), Some(text("yes")), text("NoSchedule"));
        assert_eq!(taint("gpu=yes:NoSchedule"), Ok(with_value));
        assert_eq!(taint("a.b/c:NoExecute"), Ok((text("a.b/c"), None, text("NoExecute"))));
        for wrong in ["", ":", "gpu", "gpu:", ":NoSchedule", "gpu=a b:NoSchedule", "gpu:noschedule"]
        {
            assert!(taint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_and_ports_have_bounds() {
        for (name, is_good) in
            [("node-1", true), ("a.b", true), ("", false), ("a..b", false), ("-a", false)]
        {
            assert_eq!(node_name(name).is_ok(), is_good, "{name}");
        }
        assert_eq!(ports("1-1"), Ok(1..=1));
        for wrong in ["1", "1-", "1-70000", "5-4", "a-b", "1-2-3"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
