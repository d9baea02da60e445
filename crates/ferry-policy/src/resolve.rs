//! Which policy applies to a virtual machine, and why.
//!
//! Among the policies that match, the one with the most matching labels wins. What breaks a tie is
//! where the documentation and the code of KubeVirt part:
//!
//! | | documented | kubevirt |
//! |---|---|---|
//! | first | the alphabetically first list of matching label keys | more labels of the VM |
//! | then | the first name | the first name |

use std::cmp::Ordering;
use std::fmt;

use ferry_config::Semantics;

use crate::configuration::EffectiveConfiguration;
use crate::matching::{Mismatch, Score, Subject, match_policy};
use crate::policy::Policy;

/// What applies to a virtual machine, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution<'a> {
    /// Every setting with its origin.
    pub configuration: EffectiveConfiguration,
    /// The policy that applies.
    pub applied: Option<&'a Policy>,
    /// What became of each policy: the applied one, then those that it outranks, best first, then
    /// those that do not match, in the order that they were given in.
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

/// What decides between two policies that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criterion {
    /// The number of matching labels.
    MatchingLabels,
    /// A tie: the alphabetical order of the sorted label keys.
    LabelKeys,
    /// A tie: the number of matching labels of the VM.
    VmLabels,
    /// A tie all the way: the name, byte by byte.
    Name,
}

impl Criterion {
    /// Whether the two had equally many matching labels.
    pub const fn is_tie(self) -> bool {
        match self {
            Self::MatchingLabels => false,
            Self::LabelKeys | Self::VmLabels | Self::Name => true,
        }
    }
}

#[derive(Clone, Copy)]
struct Candidate<'a> {
    policy: &'a Policy,
    score: Score,
}

/// Resolves the settings of `subject`.
///
/// Policies are told apart by name. The result does not depend on their order, but for that of the
/// verdicts on those that do not match.
pub fn resolve<'a>(
    subject: &Subject<'a>,
    policies: &'a [Policy],
    cluster: &EffectiveConfiguration,
    semantics: Semantics,
) -> Resolution<'a> {
    let mut candidates = Vec::new();
    let mut unmatched = Vec::new();
    for policy in policies {
        match match_policy(policy, subject) {
            Ok(score) => candidates.push(Candidate { policy, score }),
            Err(mismatch) => {
                unmatched.push(PolicyVerdict { policy, verdict: Verdict::NotMatched(mismatch) });
            }
        }
    }
    let other = best(&candidates, semantics.other());
    candidates.sort_by(|a, b| compare(a, b, semantics).0);
    let applied = candidates.first().map(|candidate| candidate.policy);
    let mut verdicts = verdicts_of(&candidates, semantics);
    verdicts.append(&mut unmatched);
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

fn best<'a>(candidates: &[Candidate<'a>], semantics: Semantics) -> Option<&'a Policy> {
    candidates.iter().min_by(|a, b| compare(a, b, semantics).0).map(|candidate| candidate.policy)
}

/// The verdicts on policies that match, the preferred one first.
fn verdicts_of<'a>(ranked: &[Candidate<'a>], semantics: Semantics) -> Vec<PolicyVerdict<'a>> {
    let Some((winner, losers)) = ranked.split_first() else {
        return Vec::new();
    };
    let comparison = |with: &Candidate<'a>, criterion| Comparison {
        policy: with.policy,
        score: with.score,
        criterion,
    };
    let over = losers.first().map(|next| comparison(next, compare(winner, next, semantics).1));
    let applied = Verdict::Applied { score: winner.score, over };
    let mut verdicts = vec![PolicyVerdict { policy: winner.policy, verdict: applied }];
    verdicts.extend(losers.iter().map(|loser| {
        let by = comparison(winner, compare(winner, loser, semantics).1);
        let verdict = Verdict::Outranked { score: loser.score, by };
        PolicyVerdict { policy: loser.policy, verdict }
    }));
    verdicts
}

/// Which of two policies is preferred (it is the lesser), and what decides.
// PARITY: pkg/virt-controller/watch/migration/migrationpolicy.go#matchPolicy
fn compare(a: &Candidate<'_>, b: &Candidate<'_>, semantics: Semantics) -> (Ordering, Criterion) {
    let labels = b.score.total().cmp(&a.score.total());
    if labels.is_ne() {
        return (labels, Criterion::MatchingLabels);
    }
    let (tie, criterion) = match semantics {
        Semantics::Documented => {
            (a.policy.label_keys().cmp(b.policy.label_keys()), Criterion::LabelKeys)
        }
        Semantics::KubeVirt => (b.score.vm.cmp(&a.score.vm), Criterion::VmLabels),
    };
    if tie.is_ne() {
        return (tie, criterion);
    }
    (a.policy.name().cmp(b.policy.name()), Criterion::Name)
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
