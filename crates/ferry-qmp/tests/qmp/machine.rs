//! A machine without a guest. It knows what the QEMU knew with which the transcripts were recorded.

use ferry_qmp::rules::{Abilities, Capabilities, Multifd, Standing};
use ferry_qmp::words::{
    DirtyRateInfo, DirtyRateMeasureMode, DirtyRateStatus, Empty, KvmInfo, MemoryInfo,
    MigrationCapability, MigrationInfo, MigrationParameters, MigrationStatus, NameInfo, Parameters,
    RunState, StatusInfo, TimeUnit, UuidInfo, VersionInfo, VersionTriple, YankInstance,
    YankInstanceChardev,
};
use ferry_qmp::{Command, Execute, OutOfBand, Received, Reply, Server, WireError};
use ferry_units::{Bytes, PageSize};

pub(crate) struct Machine {
    standing: Standing,
    parameters: Parameters,
    abilities: Abilities,
    error: Option<String>,
}

/// The session of a QEMU of Debian's.
pub(crate) fn server() -> Server {
    let qemu = VersionTriple { major: 10, minor: 0, micro: 2 };
    let package = "Debian 1:10.0.2+ds-2+deb13u1~bpo12+1".to_owned();
    Server::new(VersionInfo { qemu, package }, OutOfBand::On)
}

impl Machine {
    pub(crate) fn new(run_state: RunState) -> Self {
        let all = MigrationCapability::ALL.iter().copied();
        Self {
            standing: Standing::new(run_state),
            parameters: Parameters::default(),
            abilities: Abilities { capabilities: all.collect(), multifd: Multifd::WithoutPostcopy },
            error: None,
        }
    }

    /// What the machine answers to what comes in.
    pub(crate) fn answer(&mut self, server: &mut Server, mut input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        while let Some(received) = server.receive(&mut input) {
            output.extend(match received {
                Received::Answered { answer, .. } => answer,
                Received::Request(request) => {
                    let reply = self.execute(&request.command);
                    request.ticket.answer(&reply)
                }
            });
        }
        output
    }

    pub(crate) fn execute(&mut self, command: &Command) -> Reply {
        match self.standing.permit(command) {
            Ok(()) => self.carry_out(command),
            Err(refusal) => Reply::from(refusal),
        }
    }

    fn carry_out(&mut self, command: &Command) -> Reply {
        match command {
            Command::QueryStatus(command) => {
                command.reply(&StatusInfo::from(self.standing.run_state))
            }
            Command::QueryName(command) => command.reply(&NameInfo { name: Some("vm".to_owned()) }),
            Command::QueryUuid(command) => {
                command.reply(&UuidInfo { uuid: "a3a5b4b6-1c77-4b52-9d0f-1c2f4a6b7c8d".to_owned() })
            }
            Command::QueryKvm(command) => command.reply(&KvmInfo { enabled: false, present: true }),
            Command::QueryMemorySizeSummary(command) => command.reply(&MemoryInfo {
                base_memory: Bytes::from_mib(64),
                plugged_memory: Some(Bytes::ZERO),
            }),
            Command::QueryBlock(command) => command.reply(&Vec::new()),
            Command::QueryBlockstats(command) => command.reply(&Vec::new()),
            Command::QueryCpusFast(command) => command.reply(&Vec::new()),
            Command::QueryYank(command) => command.reply(&self.connections()),
            Command::QueryDirtyRate(command) => command.reply(&DirtyRateInfo {
                dirty_rate: None,
                status: DirtyRateStatus::Unstarted,
                start_time: 0,
                calc_time: 0,
                calc_time_unit: TimeUnit::Second,
                sample_pages: 0,
                mode: DirtyRateMeasureMode::PageSampling,
                vcpu_dirty_rate: None,
            }),
            Command::Migrate(_)
            | Command::MigrateIncoming(_)
            | Command::MigrateSetCapabilities(_)
            | Command::QueryMigrateCapabilities(_)
            | Command::MigrateSetParameters(_)
            | Command::QueryMigrateParameters(_)
            | Command::QueryMigrate(_) => self.migrate(command),
            Command::Stop(command) => command.done(),
            Command::Cont(command) => command.done(),
            Command::Quit(command) => command.done(),
            Command::SystemPowerdown(command) => command.done(),
            Command::SystemReset(command) => command.done(),
            Command::MigrateCancel(command) => command.done(),
            Command::MigrateContinue(command) => command.done(),
            Command::MigrateStartPostcopy(command) => command.done(),
            Command::MigratePause(command) => command.done(),
            Command::MigrateRecover(command) => command.done(),
            Command::CalcDirtyRate(command) => command.done(),
            Command::Yank(command) => command.done(),
            Command::ObjectAdd(command) => command.done(),
            Command::ObjectDel(command) => command.done(),
            Command::FerryVerify(_) | Command::FerryWorkload(_) | Command::FerryStats(_) => {
                Reply::from(WireError::generic("not here"))
            }
        }
    }

    fn migrate(&mut self, command: &Command) -> Reply {
        match command {
            Command::MigrateSetCapabilities(command) => {
                let changed = self.standing.capabilities.change(
                    &command.capabilities,
                    &self.abilities,
                    &self.parameters,
                );
                changed.map_or_else(Reply::from, |changed| {
                    self.standing.capabilities = changed;
                    command.done()
                })
            }
            Command::MigrateSetParameters(changes) => {
                let capabilities: &Capabilities = &self.standing.capabilities;
                match self.parameters.change(changes, capabilities, PageSize::KIB_4) {
                    Ok(after) => {
                        self.parameters = after;
                        changes.done()
                    }
                    Err(refusal) => Reply::from(refusal),
                }
            }
            Command::QueryMigrateCapabilities(command) => {
                command.reply(&self.standing.capabilities.report())
            }
            Command::QueryMigrateParameters(command) => {
                command.reply(&MigrationParameters::from(&self.parameters))
            }
            Command::QueryMigrate(command) => command.reply(&MigrationInfo {
                status: (self.standing.outgoing != MigrationStatus::None)
                    .then_some(self.standing.outgoing),
                error_desc: self.error.clone(),
                ..MigrationInfo::default()
            }),
            Command::MigrateIncoming(command) => match command.address() {
                Ok(_) => {
                    self.standing.incoming = MigrationStatus::Setup;
                    command.reply(&Empty {})
                }
                Err(refusal) => Reply::from(refusal),
            },
            Command::Migrate(_) => {
                // There is no descriptor of any name.
                let error = "File descriptor named 'a' has not been found";
                self.standing.outgoing = MigrationStatus::Failed;
                self.error = Some(error.to_owned());
                Reply::from(WireError::generic(error))
            }
            other => panic!("{} is none of these", other.name()),
        }
    }

    fn connections(&self) -> Vec<YankInstance> {
        let monitor = YankInstanceChardev { id: "compat_monitor0".to_owned() };
        let mut connections = vec![YankInstance::Chardev(monitor)];
        if self.standing.incoming != MigrationStatus::None {
            connections.push(YankInstance::Migration(Empty {}));
        }
        connections
    }
}
