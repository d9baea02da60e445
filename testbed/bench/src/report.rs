//! The report: for people, and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::aims::Limit;
use crate::criteria::Criteria;
use crate::ratios::ratios;
use crate::results::Results;
use crate::shape::Shape;

/// For people.
pub(crate) fn text(criteria: &Criteria, shape: &Shape, results: &Results) -> String {
    let mut text = String::new();
    write(&mut text, criteria, shape, results).expect("a string takes everything");
    text
}

fn write(
    text: &mut String,
    criteria: &Criteria,
    shape: &Shape,
    results: &Results,
) -> std::fmt::Result {
    for (name, value) in shape.lines() {
        writeln!(text, "{name:<32}{value}")?;
    }
    writeln!(text, "\n{:<44}{:>10} {:<10}{:>10}{:>10}  rounds", "", "median", "", "least", "most")?;
    for (figure, samples) in results.all() {
        let (median, unit) = (samples.median(), samples.unit.name());
        let [median, least, most] = [median, samples.least(), samples.most()].map(digits);
        let count = samples.count();
        writeln!(text, "{figure:<44}{median:>10} {unit:<10}{least:>10}{most:>10}  {count}")?;
    }
    writeln!(text, "\n{:<76}{:>10}", "ratio of medians", "")?;
    for ratio in ratios(criteria.ratios, results) {
        let what = format!("{} / {}", ratio.figure, ratio.of);
        writeln!(text, "{what:<76}{:>10.2} x", ratio.value)?;
    }
    writeln!(text, "\n{:<76}{:>10}{:>12}", "aim", "limit", "median")?;
    for aim in criteria.aims {
        let limit = match aim.limit {
            Limit::AtLeast(limit) => format!(">= {limit}"),
            Limit::AtMost(limit) => format!("<= {limit}"),
        };
        let value =
            aim.value(results).map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let (what, unit, outcome) = (aim.what, aim.unit.name(), aim.outcome(results).name());
        writeln!(text, "{what:<76}{limit:>10}{value:>12} {unit:<10}{outcome}")?;
    }
    writeln!(text)?;
    for condition in criteria.conditions {
        writeln!(text, "{condition}")?;
    }
    for failure in results.failures() {
        writeln!(text, "\nnot measured: {failure}")?;
    }
    Ok(())
}

/// Large numbers have digits enough before the point.
fn digits(value: f64) -> String {
    if value < 10_000.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// For programs.
pub(crate) fn json(criteria: &Criteria, shape: &Shape, results: &Results) -> String {
    let machine: serde_json::Map<_, _> = shape
        .lines()
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .into_iter()
        .collect();
    let figures: Vec<_> = results
        .all()
        .map(|(figure, samples)| {
            json!({
                "figure": figure,
                "unit": samples.unit.name(),
                "median": samples.median(),
                "least": samples.least(),
                "most": samples.most(),
                "rounds": samples.count(),
            })
        })
        .collect();
    let aims: Vec<_> = criteria
        .aims
        .iter()
        .map(|aim| {
            let (name, limit) = match aim.limit {
                Limit::AtLeast(limit) => ("atLeast", limit),
                Limit::AtMost(limit) => ("atMost", limit),
            };
            json!({
                "aim": aim.what,
                "unit": aim.unit.name(),
                name: limit,
                "median": aim.value(results),
                "outcome": aim.outcome(results).name(),
            })
        })
        .collect();
    let ratios: Vec<_> = ratios(criteria.ratios, results)
        .iter()
        .map(|each| json!({ "figure": each.figure, "of": each.of, "ratio": each.value }))
        .collect();
    let report = json!({
        "machine": machine,
        "conditions": criteria.conditions,
        "figures": figures,
        "ratios": ratios,
        "aims": aims,
        "notMeasured": results.failures(),
    });
    format!("{report:#}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Measured, Unit};
    use crate::transfer::CRITERIA;

    #[test]
    fn both_forms_tell_figures_aims_and_failures() {
        let shape = Shape::of_this_machine().unwrap();
        let mut results = Results::default();
        results.add(Measured::new("overhead", Unit::Mebibytes, 9.25));
        results.add(Measured::new("puts", Unit::PerSecond, 1_234_567.8));
        results.fail("bulk 2: no guest".to_owned());
        let text = text(&CRITERIA, &shape, &results);
        for part in ["9.25 MiB", "1234568 /s", "MISSED", "not measured: bulk 2: no guest", "<= 8"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let json: Value = serde_json::from_str(&json(&CRITERIA, &shape, &results)).unwrap();
        assert_eq!(json["figures"][0]["median"], 9.25);
        assert_eq!(json["aims"][13]["outcome"], "MISSED");
        assert_eq!(json["aims"][0]["median"], Value::Null);
    }
}
