//! Which capabilities of migrations go together.

use std::collections::BTreeSet;

use super::Refusal;
use crate::words::{
    MigrationCapability, MigrationCapabilityStatus, MultiFdCompression, Parameters,
};

/// Which capabilities are on.
///
/// ```
/// use ferry_qmp::rules::{Abilities, Capabilities, Multifd};
/// use ferry_qmp::words::{MigrationCapability, MigrationCapabilityStatus, Parameters};
///
/// let abilities = Abilities {
///     capabilities: Capabilities::from_iter([
///         MigrationCapability::Multifd,
///         MigrationCapability::PostcopyRam,
///     ]),
///     multifd: Multifd::WithoutPostcopy,
/// };
/// let on = |capability| MigrationCapabilityStatus { capability, state: true };
/// let parameters = Parameters::default();
///
/// let some = Capabilities::default()
///     .change(&[on(MigrationCapability::Multifd)], &abilities, &parameters)?;
/// let refusal = some
///     .change(&[on(MigrationCapability::PostcopyRam)], &abilities, &parameters)
///     .unwrap_err();
/// assert_eq!(refusal.to_string(), "Postcopy is not yet compatible with multifd");
/// # Ok::<(), ferry_qmp::rules::Refusal>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<MigrationCapability>);

/// What a machine can do at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// The capabilities that it has.
    pub capabilities: Capabilities,
    /// What it can do while it uses several connections.
    pub multifd: Multifd,
}

/// What a machine can do while it uses several connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multifd {
    /// Switch to post-copy, as QEMU from 10.1 on and ferry's guest.
    WithPostcopy,
    /// Not switch to post-copy, as QEMU up to 10.0.
    WithoutPostcopy,
}

impl Capabilities {
    /// Whether a capability is on.
    pub fn has(&self, capability: MigrationCapability) -> bool {
        self.0.contains(&capability)
    }

    /// Those that are on.
    pub fn iter(&self) -> impl Iterator<Item = MigrationCapability> + '_ {
        self.0.iter().copied()
    }

    /// All, whether they are on or not: the answer to `query-migrate-capabilities`.
    // PARITY: migration/options.c#qmp_query_migrate_capabilities
    pub fn report(&self) -> Vec<MigrationCapabilityStatus> {
        let all = MigrationCapability::ALL.iter();
        all.map(|&capability| MigrationCapabilityStatus { capability, state: self.has(capability) })
            .collect()
    }

    /// These capabilities with changes, all or none.
    // PARITY: migration/options.c#qmp_migrate_set_capabilities
    pub fn change(
        &self,
        changes: &[MigrationCapabilityStatus],
        abilities: &Abilities,
        parameters: &Parameters,
    ) -> Result<Self, Refusal> {
        let mut after = self.clone();
        for change in changes {
            if change.state {
                after.0.insert(change.capability);
            } else {
                after.0.remove(&change.capability);
            }
        }
        after.check(abilities, parameters)?;
        Ok(after)
    }

    fn check(&self, abilities: &Abilities, parameters: &Parameters) -> Result<(), Refusal> {
        if let Some(&capability) = self.0.difference(&abilities.capabilities.0).next() {
            return Err(Refusal::Unsupported { capability });
        }
        let plain =
            parameters.multifd_compression == MultiFdCompression::None && !parameters.uses_tls();
        for rule in RULES.iter().filter(|rule| self.has(rule.capability)) {
            let holds = match rule.wants {
                Wants::Not(other) => !self.has(other),
                Wants::Also(other) => self.has(other),
                Wants::NotMultifd => match abilities.multifd {
                    Multifd::WithPostcopy => true,
                    Multifd::WithoutPostcopy => !self.has(MigrationCapability::Multifd),
                },
                Wants::PlainMultifd => {
                    plain
                        && self.has(MigrationCapability::Multifd)
                        && !self.has(MigrationCapability::Xbzrle)
                }
            };
            if !holds {
                return Err(Refusal::Capabilities { complaint: rule.complaint });
            }
        }
        Ok(())
    }
}

impl FromIterator<MigrationCapability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = MigrationCapability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().collect())
    }
}

/// What a capability wants of others.
struct Rule {
    capability: MigrationCapability,
    wants: Wants,
    complaint: &'static str,
}

enum Wants {
    /// That one must be off.
    Not(MigrationCapability),
    /// That one must be on.
    Also(MigrationCapability),
    /// No multifd, on machines that cannot have both.
    NotMultifd,
    /// Multifd without compression, TLS or xbzrle.
    PlainMultifd,
}

/// In the order in which QEMU checks them.
// PARITY: migration/options.c#migrate_caps_check
const RULES: &[Rule] = {
    use MigrationCapability as C;
    use Wants::{Also, Not, NotMultifd, PlainMultifd};
    const fn rule(capability: C, wants: Wants, complaint: &'static str) -> Rule {
        Rule { capability, wants, complaint }
    }
    &[
        rule(
            C::PostcopyRam,
            Not(C::XIgnoreShared),
            "Postcopy is not compatible with ignore-shared",
        ),
        rule(C::PostcopyRam, NotMultifd, "Postcopy is not yet compatible with multifd"),
        rule(
            C::ZeroCopySend,
            PlainMultifd,
            "Zero copy only available for non-compressed non-TLS multifd migration",
        ),
        rule(C::PostcopyPreempt, Also(C::PostcopyRam), "Postcopy preempt requires postcopy-ram"),
        rule(
            C::SwitchoverAck,
            Also(C::ReturnPath),
            "Capability 'switchover-ack' requires capability 'return-path'",
        ),
        rule(
            C::DirtyLimit,
            Not(C::AutoConverge),
            "dirty-limit conflicts with auto-converge either of then available currently",
        ),
        rule(C::Multifd, Not(C::Xbzrle), "Multifd is not compatible with xbzrle"),
        rule(C::MappedRam, Not(C::Xbzrle), "Mapped-ram migration is incompatible with xbzrle"),
        rule(
            C::MappedRam,
            Not(C::PostcopyRam),
            "Mapped-ram migration is incompatible with postcopy",
        ),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use MigrationCapability as C;

    fn refusal(capabilities: &[C], multifd: Multifd) -> String {
        let all = C::ALL.iter().copied().collect();
        let abilities = Abilities { capabilities: all, multifd };
        let on =
            |capability: &C| MigrationCapabilityStatus { capability: *capability, state: true };
        let changes: Vec<_> = capabilities.iter().map(on).collect();
        let after = Capabilities::default().change(&changes, &abilities, &Parameters::default());
        after.map_or_else(|refusal| refusal.to_string(), |_| String::new())
    }

    #[test]
    fn parity_pairs_are_refused_in_qemus_words() {
        for (capabilities, complaint) in [
            (&[C::Multifd, C::PostcopyRam][..], "Postcopy is not yet compatible with multifd"),
            (&[C::Multifd, C::Xbzrle], "Multifd is not compatible with xbzrle"),
            (
                &[C::ZeroCopySend],
                "Zero copy only available for non-compressed non-TLS multifd migration",
            ),
            (&[C::ZeroCopySend, C::Multifd], ""),
            (&[C::PostcopyPreempt], "Postcopy preempt requires postcopy-ram"),
            (&[C::PostcopyPreempt, C::PostcopyRam], ""),
            (&[C::SwitchoverAck], "Capability 'switchover-ack' requires capability 'return-path'"),
            (
                &[C::DirtyLimit, C::AutoConverge],
                "dirty-limit conflicts with auto-converge either of then available currently",
            ),
            (&[C::MappedRam, C::PostcopyRam], "Mapped-ram migration is incompatible with postcopy"),
        ] {
            assert_eq!(refusal(capabilities, Multifd::WithoutPostcopy), complaint);
        }
        assert_eq!(refusal(&[C::Multifd, C::PostcopyRam], Multifd::WithPostcopy), "");
    }

    #[test]
    fn what_a_machine_lacks_is_refused_and_changes_nothing_else() {
        let abilities = Abilities {
            capabilities: Capabilities::from_iter([C::Events]),
            multifd: Multifd::WithPostcopy,
        };
        let changes = [C::Events, C::RdmaPinAll]
            .map(|capability| MigrationCapabilityStatus { capability, state: true });
        let refusal = Capabilities::default().change(&changes, &abilities, &Parameters::default());
        assert_eq!(refusal.unwrap_err().to_string(), "Capability 'rdma-pin-all' is not supported");
    }

    #[test]
    fn a_report_lists_all_in_qemus_order() {
        let report = Capabilities::from_iter([C::Events]).report();
        assert_eq!(report.len(), C::ALL.len());
        let on: Vec<_> = report.iter().filter(|each| each.state).collect();
        assert_eq!(on, [&MigrationCapabilityStatus { capability: C::Events, state: true }]);
    }
}
