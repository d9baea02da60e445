//! Which policy applies to a virtual machine, and why.

use std::fmt;

use ferry_config::Semantics;

use crate::configuration::EffectiveConfiguration;
use crate::matching::{Mismatch, Score, Subject, match_policy};
use crate::policy::Policy;
use crate::preference::{Criterion, PolicySet, compare};

/// What applies to a virtual machine, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution<'a> {
    /// Every setting with its origin.
    pub configuration: EffectiveConfiguration,
    /// The policy that applies.
    pub applied: Option<&'a Policy>,
    /// What became of each policy: the applied one, then those that it outranks, best first, then
    /// those that do not match, by name.
    pub verdicts: Vec<PolicyVerdict<'a>>,
    /// The policy that would apply under the other semantics, where that is another one.
    pub under_other_semantics: Option<&'a Policy>,
}

/// What became of a policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyVerdict<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// What became of it.
    pub verdict: Verdict<'a>,
}

/// What became of a policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict<'a> {
    /// It applies.
    Applied {
        /// Its matching labels.
        score: Score,
        /// The best of those that it outranks, and by what.
        over: Option<Comparison<'a>>,
    },
    /// It matches, and another one is preferred.
    Outranked {
        /// Its matching labels.
        score: Score,
        /// The one that applies, and by what.
        by: Comparison<'a>,
    },
    /// It does not match.
    NotMatched(Mismatch<'a>),
}

/// Another policy that matches, and what decided between the two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison<'a> {
    /// The other one.
    pub policy: &'a Policy,
    /// Its matching labels.
    pub score: Score,
    /// What decided.
    pub criterion: Criterion,
}

/// Resolves the settings of `subject`.
pub fn resolve<'a>(
    subject: &Subject<'a>,
    policies: &'a PolicySet,
    cluster: &EffectiveConfiguration,
    semantics: Semantics,
) -> Resolution<'a> {
    let matches: Vec<_> =
        policies.by_name().iter().map(|policy| match_policy(policy, subject)).collect();
    // The one that is preferred among all is preferred among those that match.
    let ranked = |semantics| {
        policies.preference(semantics).iter().filter_map(|&position| {
            let policy = &policies.by_name()[position];
            matches[position].ok().map(|score| Candidate { policy, score })
        })
    };
    let candidates: Vec<_> = ranked(semantics).collect();
    let applied = candidates.first().map(|candidate| candidate.policy);
    let other = ranked(semantics.other()).next().map(|candidate| candidate.policy);
    let mut verdicts = verdicts_of(&candidates, semantics);
    verdicts.extend(policies.by_name().iter().zip(&matches).filter_map(|(policy, matched)| {
        let mismatch = matched.err()?;
        Some(PolicyVerdict { policy, verdict: Verdict::NotMatched(mismatch) })
    }));
    Resolution {
        configuration: match applied {
            Some(policy) => cluster.with_policy(policy),
            None => cluster.clone(),
        },
        applied,
        verdicts,
        under_other_semantics: other
            .filter(|other| applied.is_none_or(|applied| applied.name() != other.name())),
    }
}

/// A policy that matches.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    policy: &'a Policy,
    score: Score,
}

/// The verdicts on policies that match, the preferred one first.
fn verdicts_of<'a>(ranked: &[Candidate<'a>], semantics: Semantics) -> Vec<PolicyVerdict<'a>> {
    let Some((winner, losers)) = ranked.split_first() else {
        return Vec::new();
    };
    let comparison = |loser: &Candidate<'a>, with: &Candidate<'a>| Comparison {
        policy: with.policy,
        score: with.score,
        criterion: compare(winner.policy, loser.policy, semantics).1,
    };
    let over = losers.first().map(|next| comparison(next, next));
    let applied = Verdict::Applied { score: winner.score, over };
    let mut verdicts = vec![PolicyVerdict { policy: winner.policy, verdict: applied }];
    verdicts.extend(losers.iter().map(|loser| {
        let verdict = Verdict::Outranked { score: loser.score, by: comparison(loser, winner) };
        PolicyVerdict { policy: loser.policy, verdict }
    }));
    verdicts
}

/// The verdict in one word, as `ferry explain -o json` has it.
impl Verdict<'_> {
    /// `applied`, `outranked` or `not-matched`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "applied",
            Self::Outranked { .. } => "outranked",
            Self::NotMatched(_) => "not-matched",
        }
    }
}

impl fmt::Display for PolicyVerdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::NotMatched(mismatch) => mismatch.fmt(f),
            Verdict::Applied { score, over: None } => {
                write!(f, "{}, and no other policy matches", Labels(score.total()))
            }
            Verdict::Applied { score, over: Some(over) } => {
                describe(f, (self.policy, *score), over, Won::This)
            }
            Verdict::Outranked { score, by } => describe(f, (self.policy, *score), by, Won::Other),
        }
    }
}

/// Which of two compared policies is preferred.
#[derive(Clone, Copy)]
enum Won {
    This,
    Other,
}

fn describe(
    f: &mut fmt::Formatter<'_>,
    (this, score): (&Policy, Score),
    other: &Comparison<'_>,
    won: Won,
) -> fmt::Result {
    let name = other.policy.name();
    let before = match won {
        Won::This => "before",
        Won::Other => "after",
    };
    write!(f, "{}", Labels(score.total()))?;
    match other.criterion {
        Criterion::MatchingLabels => write!(f, ", {name} has {}", other.score.total()),
        Criterion::LabelKeys => write!(
            f,
            ", as many as {name}; its label keys ({}) come {before} those of {name} ({}) in \
             alphabetical order",
            this.label_keys().join(", "),
            other.policy.label_keys().join(", "),
        ),
        Criterion::VmLabels => write!(
            f,
            ", as many as {name}; {} of them {} the VM's, of {name}'s {}",
            score.vm,
            if score.vm == 1 { "is" } else { "are" },
            other.score.vm,
        ),
        Criterion::Name => {
            write!(f, ", as many as {name}; all else is equal, and its name comes {before} {name}")
        }
    }
}

struct Labels(usize);

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("selects everything (0 matching labels)"),
            1 => f.write_str("1 matching label"),
            more => write!(f, "{more} matching labels"),
        }
    }
}
