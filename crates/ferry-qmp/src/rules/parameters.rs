//! Which values parameters of migrations may have.

use super::{Capabilities, Refusal};
use crate::words::{
    MigrateSetParameters, MigrationCapability, Milliseconds, MultiFdCompression, Parameters,
};
use ferry_units::PageSize;

/// QEMU's largest `downtime-limit`, 2000 s.
// PARITY: migration/options.c#migrate_params_check
pub const MAX_DOWNTIME_LIMIT: Milliseconds = Milliseconds(2_000_000);

impl Parameters {
    /// These parameters with changes, all or none.
    ///
    /// `page` is the size of the guest's pages, below which a cache of them makes no sense.
    ///
    /// ```
    /// use ferry_qmp::rules::Capabilities;
    /// use ferry_qmp::words::{MigrateSetParameters, Milliseconds, Parameters};
    /// use ferry_units::PageSize;
    ///
    /// let limit = |downtime_limit| MigrateSetParameters {
    ///     downtime_limit: Some(Milliseconds(downtime_limit)),
    ///     ..MigrateSetParameters::default()
    /// };
    /// let none = Capabilities::default();
    ///
    /// let parameters = Parameters::default().change(&limit(20), &none, PageSize::KIB_4)?;
    /// assert_eq!(parameters.downtime_limit, Milliseconds(20));
    /// let refusal = parameters.change(&limit(2_000_001), &none, PageSize::KIB_4).unwrap_err();
    /// assert_eq!(
    ///     refusal.to_string(),
    ///     "Parameter 'downtime_limit' expects an integer in the range of 0 to (2000 * 1000) ms"
    /// );
    /// # Ok::<(), ferry_qmp::rules::Refusal>(())
    /// ```
    // PARITY: migration/options.c#qmp_migrate_set_parameters
    pub fn change(
        &self,
        changes: &MigrateSetParameters,
        capabilities: &Capabilities,
        page: PageSize,
    ) -> Result<Self, Refusal> {
        let after = self.changed(changes);
        after.check(capabilities, page)?;
        Ok(after)
    }

    /// Checks in QEMU's order, so that of several faults the same one is named.
    // PARITY: migration/options.c#migrate_params_check
    fn check(&self, capabilities: &Capabilities, page: PageSize) -> Result<(), Refusal> {
        let cache = self.xbzrle_cache_size;
        let cache_fits = cache >= page.bytes() && cache.get().is_power_of_two();
        let throttles = self.cpu_throttle_initial..=99;
        for (holds, parameter, expects) in [
            within(self.throttle_trigger_threshold, 1..=100, "throttle_trigger_threshold"),
            within(self.cpu_throttle_initial, 1..=99, "cpu_throttle_initial"),
            within(self.cpu_throttle_increment, 1..=99, "cpu_throttle_increment"),
            (
                self.downtime_limit <= MAX_DOWNTIME_LIMIT,
                "downtime_limit",
                "expects an integer in the range of 0 to (2000 * 1000) ms",
            ),
            (self.multifd_channels >= 1, "multifd_channels", "expects a value between 1 and 255"),
            (self.multifd_zlib_level <= 9, "multifd_zlib_level", "expects a value between 0 and 9"),
            (
                (1..=9).contains(&self.multifd_qatzip_level),
                "multifd_qatzip_level",
                "expects a value between 1 and 9",
            ),
            (
                self.multifd_zstd_level <= 20,
                "multifd_zstd_level",
                "expects a value between 0 and 20",
            ),
            (
                cache_fits,
                "xbzrle_cache_size",
                "expects a power of two no less than the target page size",
            ),
            (
                throttles.contains(&self.max_cpu_throttle),
                "max_cpu_throttle",
                "expects an integer in the range of cpu_throttle_initial to 99",
            ),
        ]
        .into_iter()
        .chain(self.announcements())
        {
            if !holds {
                return Err(Refusal::Parameter { parameter, expects });
            }
        }
        self.check_modes(capabilities)?;
        self.check_dirty_limit()
    }

    fn announcements(&self) -> [Check; 4] {
        const UP_TO_100_S: &str = "expects a value between 0 and 100000";
        [
            (self.announce_initial.0 <= 100_000, "announce_initial", UP_TO_100_S),
            (self.announce_max.0 <= 100_000, "announce_max", UP_TO_100_S),
            (self.announce_rounds <= 1000, "announce_rounds", "expects a value between 0 and 1000"),
            // Zero is refused, whatever the text says.
            (
                (1..=10_000).contains(&self.announce_step.0),
                "announce_step",
                "expects a value between 0 and 10000",
            ),
        ]
    }

    fn check_modes(&self, capabilities: &Capabilities) -> Result<(), Refusal> {
        let is_plain = self.multifd_compression == MultiFdCompression::None && !self.uses_tls();
        let wants_plain = [
            (
                MigrationCapability::ZeroCopySend,
                "Zero copy only available for non-compressed non-TLS multifd migration",
            ),
            (
                MigrationCapability::MappedRam,
                "Mapped-ram only available for non-compressed non-TLS multifd migration",
            ),
        ];
        match wants_plain.into_iter().find(|(capability, _)| capabilities.has(*capability)) {
            Some((_, complaint)) if !is_plain => Err(Refusal::Capabilities { complaint }),
            Some(_) | None => Ok(()),
        }
    }

    fn check_dirty_limit(&self) -> Result<(), Refusal> {
        if !(1..=1000).contains(&self.x_vcpu_dirty_limit_period.0) {
            let parameter = "x-vcpu-dirty-limit-period";
            return Err(Refusal::Parameter {
                parameter,
                expects: "expects a value between 1 and 1000",
            });
        }
        if self.vcpu_dirty_limit < 1 {
            let parameter = "vcpu_dirty_limit";
            return Err(Refusal::Parameter { parameter, expects: "must be greater than 1 MB/s" });
        }
        Ok(())
    }
}

/// Whether a parameter is right, what QEMU calls it in messages, and what it should be.
type Check = (bool, &'static str, &'static str);

fn within(value: u8, range: std::ops::RangeInclusive<u8>, parameter: &'static str) -> Check {
    let expects = match range.end() {
        100 => "expects an integer in the range of 1 to 100",
        _ => "expects an integer in the range of 1 to 99",
    };
    (range.contains(&value), parameter, expects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::MigrationParameters;
    use ferry_units::Bytes;

    #[track_caller]
    fn check(change: impl FnOnce(&mut MigrateSetParameters), refusal: &str) {
        let mut changes = MigrateSetParameters::default();
        change(&mut changes);
        let none = Capabilities::default();
        let after = Parameters::default().change(&changes, &none, PageSize::KIB_4);
        let said = after.map_or_else(|refusal| refusal.to_string(), |_| String::new());
        assert_eq!(said, refusal);
    }

    #[test]
    fn parity_ranges_are_qemus_and_so_are_the_refusals() {
        let milliseconds = |value| Some(Milliseconds(value));
        check(|p| p.multifd_channels = Some(255), "");
        check(
            |p| p.multifd_channels = Some(0),
            "Parameter 'multifd_channels' expects a value between 1 and 255",
        );
        check(
            |p| p.throttle_trigger_threshold = Some(101),
            "Parameter 'throttle_trigger_threshold' expects an integer in the range of 1 to 100",
        );
        check(
            |p| p.cpu_throttle_initial = Some(100),
            "Parameter 'cpu_throttle_initial' expects an integer in the range of 1 to 99",
        );
        check(
            |p| p.max_cpu_throttle = Some(19),
            "Parameter 'max_cpu_throttle' expects an integer in the range of \
             cpu_throttle_initial to 99",
        );
        check(|p| p.downtime_limit = milliseconds(0), "");
        check(
            |p| p.xbzrle_cache_size = Some(Bytes::new(4095)),
            "Parameter 'xbzrle_cache_size' expects a power of two no less than the target page \
             size",
        );
        check(
            |p| p.announce_step = milliseconds(0),
            "Parameter 'announce_step' expects a value between 0 and 10000",
        );
        check(
            |p| p.vcpu_dirty_limit = Some(0),
            "Parameter 'vcpu_dirty_limit' must be greater than 1 MB/s",
        );
        check(
            |p| p.x_vcpu_dirty_limit_period = milliseconds(1001),
            "Parameter 'x-vcpu-dirty-limit-period' expects a value between 1 and 1000",
        );
    }

    #[test]
    fn parity_of_several_faults_qemus_first_is_named() {
        check(
            |p| {
                p.announce_step = Some(Milliseconds(0));
                p.multifd_channels = Some(0);
            },
            "Parameter 'multifd_channels' expects a value between 1 and 255",
        );
    }

    #[test]
    fn what_needs_plain_connections_refuses_others() {
        let zero_copy = Capabilities::from_iter([MigrationCapability::ZeroCopySend]);
        let changes = MigrateSetParameters {
            multifd_compression: Some(MultiFdCompression::Zstd),
            ..MigrateSetParameters::default()
        };
        let refusal = Parameters::default().change(&changes, &zero_copy, PageSize::KIB_4);
        assert_eq!(
            refusal.unwrap_err().to_string(),
            "Zero copy only available for non-compressed non-TLS multifd migration"
        );
    }

    #[test]
    fn no_credentials_are_an_empty_name() {
        let changes = MigrateSetParameters {
            tls_creds: Some(crate::qapi::StrOrNull::Null),
            tls_hostname: Some("node-b".into()),
            ..MigrateSetParameters::default()
        };
        let none = Capabilities::default();
        let after = Parameters::default().change(&changes, &none, PageSize::KIB_4).unwrap();
        assert!(!after.uses_tls());
        let reported = MigrationParameters::from(&after);
        assert_eq!(reported.tls_creds.as_deref(), Some(""));
        assert_eq!(reported.tls_hostname.as_deref(), Some("node-b"));
        assert_eq!(reported.block_bitmap_mapping, None);
    }
}
