//! What a suite has beside its figures: how to read them, what to compare, what was aimed at.

use crate::aims::Aim;

/// By what the figures of a suite are judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Criteria {
    /// Under which conditions they are taken. A reader who does not know them is misled.
    pub(crate) conditions: &'static [&'static str],
    /// Figures whose medians are divided by those of others.
    pub(crate) ratios: &'static [(&'static str, &'static str)],
    pub(crate) aims: &'static [Aim],
}
