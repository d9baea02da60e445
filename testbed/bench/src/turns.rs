//! Cases, taken in turns: all of them once, then all again.

use std::time::Instant;

use anyhow::Result;

use crate::cli::Rounds;
use crate::results::{Measured, Results};

/// Something that takes some figures, once.
pub(crate) struct Case {
    name: String,
    take: Box<dyn Fn() -> Result<Vec<Measured>>>,
}

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        take: impl Fn() -> Result<Vec<Measured>> + 'static,
    ) -> Self {
        Self { name: name.into(), take: Box::new(take) }
    }
}

/// Takes every figure, all cases once and then all again, so that a slow minute of the machine
/// falls on all of them. A case that fails is told in the report.
pub(crate) fn take(cases: &[Case], rounds: &Rounds) -> Results {
    let only = rounds.only.as_deref().unwrap_or_default();
    let mut results = Results::default();
    for round in 1..=rounds.rounds {
        for case in cases.iter().filter(|case| case.name.contains(only)) {
            let start = Instant::now();
            let name = &case.name;
            match (case.take)() {
                Ok(measured) => measured.into_iter().for_each(|each| results.add(each)),
                Err(error) => results.fail(format!("{name}, round {round}: {error:#}")),
            }
            eprintln!("round {round} of {}: {name}, {:.1?}", rounds.rounds, start.elapsed());
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Unit;
    use anyhow::bail;

    #[test]
    fn each_case_is_taken_in_each_round_and_a_failure_is_told() {
        let cases = [
            Case::new("one works", || Ok(vec![Measured::new("x", Unit::Count, 1.0)])),
            Case::new("one fails", || bail!("no server")),
            Case::new("other", || bail!("not wanted")),
        ];
        let results = take(&cases, &Rounds { rounds: 2, only: Some("one".to_owned()) });
        let all: Vec<_> = results.all().map(|(name, samples)| (name, samples.count())).collect();
        assert_eq!(all, [("x", 2)]);
        assert_eq!(
            results.failures(),
            ["one fails, round 1: no server", "one fails, round 2: no server"]
        );
    }
}
