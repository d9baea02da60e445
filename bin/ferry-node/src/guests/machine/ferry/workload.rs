//! What a guest works on, as annotations say it.

use std::collections::BTreeMap;

use ferry_qmp::{WorkloadText, parse_workload};

/// What the annotations are called before their own word.
const PREFIX: &str = "workload.ferry.dev/";

/// What a guest works on that is not told what to do: a little of everything, some pages more than
/// others, at a rate at which it costs a host next to nothing.
const LIGHT: &str = "hotspot,hot-writes=80,hot-pages=20,rate=2Mi,read-share=50,contents=mixed";

/// The words of a command line for them.
///
/// # Errors
/// Which annotation is wrong, how, and what is accepted.
pub(super) fn arguments(annotations: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let mut arguments = Vec::new();
    let pattern = annotations.get("pattern").map_or(LIGHT, String::as_str);
    let workload = parse_workload(pattern).map_err(|error| wrong("pattern", pattern, &error))?;
    arguments.extend(["--workload".to_owned(), WorkloadText(&workload).to_string()]);
    for (word, value) in annotations {
        match word.as_str() {
            "pattern" => {}
            "fill" if is_size(value) => arguments.extend(["--fill".to_owned(), value.clone()]),
            "fill" => return Err(wrong(word, value, &"give a size such as 64Mi")),
            "seed" if value.parse::<u64>().is_ok() => {
                arguments.extend(["--seed".to_owned(), value.clone()]);
            }
            "seed" => {
                let accepted = format!("give a number from 0 to {}", u64::MAX);
                return Err(wrong(word, value, &accepted));
            }
            _ => return Err(wrong(word, value, &"there are pattern, fill and seed")),
        }
    }
    Ok(arguments)
}

fn wrong(word: &str, value: &str, why: &dyn std::fmt::Display) -> String {
    format!("the annotation {PREFIX}{word} is \"{value}\": {why}")
}

/// A whole number of bytes, or of Ki, Mi, Gi or Ti of them.
fn is_size(text: &str) -> bool {
    let units = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40)];
    let unit = units.iter().find_map(|(name, bits)| Some((text.strip_suffix(name)?, *bits)));
    let (digits, bits) = unit.unwrap_or((text, 0));
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number && digits.parse().is_ok_and(|number: u64| number.checked_mul(1 << bits).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(annotations: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let owned =
            annotations.iter().map(|(word, value)| ((*word).to_owned(), (*value).to_owned()));
        arguments(&owned.collect())
    }

    #[test]
    fn a_guest_without_annotations_has_a_light_mixed_load() {
        assert_eq!(said(&[]).unwrap(), ["--workload", LIGHT]);
    }

    #[test]
    fn annotations_become_arguments() {
        let all = [("pattern", "random,rate=100Mi"), ("fill", "64Mi"), ("seed", "7")];
        let expected = ["--workload", "random,rate=100Mi", "--fill", "64Mi", "--seed", "7"];
        assert_eq!(said(&all).unwrap(), expected);
    }

    #[test]
    fn a_wrong_annotation_is_named_with_what_is_accepted() {
        for (annotation, text) in [
            (
                ("pattern", "rndom"),
                "workload.ferry.dev/pattern is \"rndom\": \"rndom\" in a workload, where idle,",
            ),
            (("pattern", "random,rate=fast"), "rate takes bytes per second such as 100Mi, or max"),
            (("fill", "64MB"), "workload.ferry.dev/fill is \"64MB\": give a size"),
            (("fill", "16777216Ti"), "give a size"),
            (("fill", ""), "give a size"),
            (("seed", "-1"), "workload.ferry.dev/seed is \"-1\": give a number from 0 to"),
            (("sead", "1"), "workload.ferry.dev/sead is \"1\": there are pattern, fill and seed"),
        ] {
            let refused = said(&[annotation]).unwrap_err();
            assert!(refused.contains(text), "{refused}");
        }
    }
}
