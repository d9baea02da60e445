//! What a guest can do of what QEMU can, and what those who drive it want of that.

use std::time::Duration;

use ferry_qmp::WireError;
use ferry_qmp::rules::{Abilities, Capabilities, Multifd};
use ferry_qmp::words::{
    MigMode, MigrateSetCapabilities, MigrateSetParameters, MigrationCapability as C,
    MultiFdCompression, Parameters, ZeroPageDetection,
};
use ferry_transfer::{BeforeSwitchover, MAX_CHANNELS, PostCopy, Settings, Tail, ThrottleSettings};
use ferry_units::{BytesPerSecond, PageSize};

/// The capabilities that may be switched on. Some are how this engine always works, and make no
/// difference: pages that a vCPU waits for have a connection of their own (`postcopy-preempt`), both
/// sides talk (`return-path`), and another guest is refused (`validate-uuid`).
const CAPABILITIES: [C; 8] = [
    C::AutoConverge,
    C::Events,
    C::PostcopyRam,
    C::ReturnPath,
    C::PauseBeforeSwitchover,
    C::Multifd,
    C::ValidateUuid,
    C::PostcopyPreempt,
];

/// Capabilities and parameters.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) capabilities: Capabilities,
    pub(super) parameters: Parameters,
}

impl Config {
    /// What a guest has that was just started on a host with so many cores.
    pub(super) fn new(cores: usize) -> Self {
        let channels = u8::try_from(cores.clamp(1, 2)).expect("it is 1 or 2");
        let parameters = Parameters { multifd_channels: channels, ..Parameters::default() };
        Self { capabilities: Capabilities::default(), parameters }
    }

    pub(super) fn set_capabilities(
        &mut self,
        command: &MigrateSetCapabilities,
    ) -> Result<(), WireError> {
        let abilities = Abilities {
            capabilities: CAPABILITIES.into_iter().collect(),
            multifd: Multifd::WithPostcopy,
        };
        let changes = &command.capabilities;
        self.capabilities = self.capabilities.change(changes, &abilities, &self.parameters)?;
        Ok(())
    }

    pub(super) fn set_parameters(
        &mut self,
        command: &MigrateSetParameters,
    ) -> Result<(), WireError> {
        let after = self.parameters.change(command, &self.capabilities, PageSize::KIB_4)?;
        check(&after)?;
        self.parameters = after;
        Ok(())
    }

    /// How many connections carry pages.
    pub(super) fn channels(&self) -> u8 {
        if self.capabilities.has(C::Multifd) { self.parameters.multifd_channels } else { 1 }
    }

    /// Whether pages of zeros are looked for.
    pub(super) fn zero_pages(&self) -> ZeroPageDetection {
        self.parameters.zero_page_detection
    }

    /// What the engine is to do.
    pub(super) fn settings(&self) -> Settings {
        let parameters = &self.parameters;
        let limit = |rate: BytesPerSecond| (rate.get() > 0).then_some(rate);
        let throttle = ThrottleSettings {
            trigger: parameters.throttle_trigger_threshold,
            initial: parameters.cpu_throttle_initial,
            increment: parameters.cpu_throttle_increment,
            max: parameters.max_cpu_throttle,
            tail: if parameters.cpu_throttle_tailslow { Tail::Slow } else { Tail::Even },
        };
        let has = |capability| self.capabilities.has(capability);
        Settings {
            bandwidth: limit(parameters.max_bandwidth),
            post_copy_bandwidth: limit(parameters.max_postcopy_bandwidth),
            switchover_bandwidth: limit(parameters.avail_switchover_bandwidth),
            downtime_limit: Duration::from_millis(parameters.downtime_limit.0),
            throttle: has(C::AutoConverge).then_some(throttle),
            post_copy: if has(C::PostcopyRam) { PostCopy::Allowed } else { PostCopy::Off },
            before_switchover: if has(C::PauseBeforeSwitchover) {
                BeforeSwitchover::Wait
            } else {
                BeforeSwitchover::Go
            },
        }
    }
}

/// Refuses what QEMU can do and this machine cannot.
fn check(parameters: &Parameters) -> Result<(), WireError> {
    let refused = [
        (
            parameters.multifd_channels > MAX_CHANNELS,
            "Parameter 'multifd_channels' expects a value between 1 and 16",
        ),
        (
            parameters.multifd_compression != MultiFdCompression::None,
            "Parameter 'multifd_compression' expects 'none'",
        ),
        (parameters.mode != MigMode::Normal, "Parameter 'mode' expects 'normal'"),
        (parameters.direct_io, "Parameter 'direct_io' expects 'false'"),
        (!parameters.tls_authz.is_empty(), "Parameter 'tls_authz' expects an empty string"),
        (
            parameters.block_bitmap_mapping.is_some(),
            "Parameter 'block_bitmap_mapping' is not supported",
        ),
    ];
    match refused.into_iter().find(|(is_refused, _)| *is_refused) {
        Some((_, why)) => Err(WireError::generic(why)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_qmp::words::MigrationCapabilityStatus;

    fn set(capability: C) -> Result<(), String> {
        let capabilities = vec![MigrationCapabilityStatus { capability, state: true }];
        Config::new(2)
            .set_capabilities(&MigrateSetCapabilities { capabilities })
            .map_err(|error| error.desc)
    }

    #[test]
    fn capabilities_that_this_engine_lacks_are_refused() {
        for capability in [C::Multifd, C::PostcopyRam, C::AutoConverge, C::Events] {
            assert_eq!(set(capability), Ok(()));
        }
        for capability in [C::Xbzrle, C::MappedRam, C::XColo, C::ZeroCopySend, C::DirtyLimit] {
            assert!(set(capability).unwrap_err().contains("is not supported"), "{capability}");
        }
    }

    #[test]
    fn parameters_that_this_engine_cannot_honour_are_refused_and_change_nothing() {
        let mut config = Config::new(8);
        assert_eq!(config.parameters.multifd_channels, 2);
        for change in [
            MigrateSetParameters { multifd_channels: Some(17), ..Default::default() },
            MigrateSetParameters {
                multifd_compression: Some(MultiFdCompression::Zstd),
                ..Default::default()
            },
            MigrateSetParameters { mode: Some(MigMode::CprReboot), ..Default::default() },
            MigrateSetParameters { direct_io: Some(true), ..Default::default() },
        ] {
            let before = config.parameters.clone();
            let refused = config.set_parameters(&change).unwrap_err();
            assert!(refused.desc.starts_with("Parameter '"), "{}", refused.desc);
            assert_eq!(config.parameters, before);
        }
    }

    #[test]
    fn zero_is_without_limit_and_throttling_is_off_unless_it_is_wanted() {
        let mut config = Config::new(1);
        assert_eq!(config.settings().bandwidth, Some(BytesPerSecond::from_mib(128)));
        assert_eq!((config.settings().throttle, config.channels()), (None, 1));
        let change = MigrateSetParameters {
            max_bandwidth: Some(BytesPerSecond::new(0)),
            multifd_channels: Some(4),
            ..Default::default()
        };
        config.set_parameters(&change).unwrap();
        assert_eq!((config.settings().bandwidth, config.channels()), (None, 1));
        config.capabilities = [C::Multifd, C::AutoConverge].into_iter().collect();
        assert!(config.settings().throttle.is_some() && config.channels() == 4);
    }
}
