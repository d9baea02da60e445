//! What the command line may say.

mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ferry_qmp::words::Workload;
use ferry_runtime::entropy;
use ferry_runtime::program::LogArguments;
use ferry_units::Bytes;

use crate::guest::{Identity, Origin, Population, Settings};
use crate::machine::DiskSpec;
use crate::run::AtStart;

const EXAMPLES: &str = "\
Examples:
  A guest of 1 GiB that writes to any of its pages, at 100 MiB a second:
  ferry-guest --name web --memory 1Gi --cpus 2 --qmp unix:/run/web.qmp \\
      --workload random,rate=100Mi

  The same on the host that it is to move to, where it waits for migrate-incoming:
  ferry-guest --name web --memory 1Gi --cpus 2 --qmp unix:/run/web-target.qmp \\
      --incoming defer --prealloc

  A disk of its own and one that both hosts see:
  ferry-guest --qmp unix:/run/db.qmp --disk /var/db.img,size=1Gi --disk /mnt/all.img,shared

Exit codes: 0 when the guest was shut down, 1 when it could not start or arrive, 2 when the command
line is wrong.";

/// A guest to migrate: memory, virtual CPUs that write to it, disks, and QMP to drive it
///
/// It is a process as QEMU is one, and is driven by the same words: stop, cont, migrate,
/// query-migrate and so on, in the QMP of QEMU 10. It checks its own memory and disks, so that a
/// page that a migration has lost is found by the guest itself.
#[derive(Debug, Parser)]
#[command(
    name = "ferry-guest",
    version,
    verbatim_doc_comment,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) guest: GuestArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a script that completes ferry-guest's options in a shell
    ///
    /// For bash: source <(ferry-guest completion bash)
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct GuestArguments {
    /// What the guest is called
    #[arg(long, default_value = "guest", value_parser = values::name)]
    name: String,

    /// The guest's identity; a new one if it is not given
    #[arg(long, value_name = "UUID", value_parser = values::uuid)]
    uuid: Option<String>,

    /// How much memory it has: a multiple of 4Ki, such as 512Mi or 4Gi
    #[arg(long, short = 'm', value_name = "SIZE", default_value = "256Mi", value_parser = values::memory)]
    memory: Bytes,

    /// How many virtual CPUs it has, 1 to 256; each is a thread
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    cpus: u32,

    /// Where to listen for those who drive it, as unix:PATH; may be given more than once
    ///
    /// Only the user who runs the guest may connect. The file is removed at the end; one that a dead
    /// process has left behind is replaced.
    #[arg(long, value_name = "unix:PATH", required = true, value_parser = values::qmp)]
    qmp: Vec<PathBuf>,

    /// A disk, as PATH[,size=SIZE][,shared]; may be given more than once
    ///
    /// With a size, the file is made if it is missing. A shared disk is seen by the host that the
    /// guest moves to; any other moves with the guest.
    #[arg(long, value_name = "DISK", value_parser = values::disk)]
    disk: Vec<DiskSpec>,

    /// A file to which the guest's console is appended
    #[arg(long, value_name = "PATH")]
    serial: Option<PathBuf>,

    /// What the guest works on, such as random,rate=100Mi
    ///
    /// One of idle, sequential, random, hotspot, zipf, phased and disk, with options.
    #[arg(long, value_name = "WORKLOAD", default_value = "idle", value_parser = values::workload)]
    workload: Workload,

    /// A number from which all contents and choices of the guest follow; drawn if it is not given
    #[arg(long, value_name = "N", value_parser = values::seed)]
    seed: Option<u64>,

    /// How much of its memory the guest fills before it runs, as a booting system does
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = values::size)]
    fill: Bytes,

    /// Await the guest from another host: at a URI such as tcp:0.0.0.0:4444 or unix:PATH, or where
    /// the command migrate-incoming will say (defer)
    ///
    /// What it works on, its seed and its content come with it.
    #[arg(long, value_name = "URI|defer", value_parser = values::incoming)]
    incoming: Option<Origin>,

    /// Do not run until the command cont says so
    #[arg(long, short = 'S')]
    paused: bool,

    /// Take all memory from the host at the start, in huge pages where it has some
    #[arg(long)]
    prealloc: bool,

    /// Leave the session of whoever starts it, so that it outlives their terminal
    #[arg(long)]
    new_session: bool,

    #[command(flatten)]
    pub(crate) log: LogArguments,
}

/// The session that the process belongs to: a signal of a terminal reaches its session only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// That of whoever starts it.
    Inherited,
    /// Its own.
    Own,
}

impl GuestArguments {
    /// Which session it belongs to.
    pub(crate) fn session(&self) -> Session {
        if self.new_session { Session::Own } else { Session::Inherited }
    }

    /// What the guest is to be, or what of it does not go together.
    pub(crate) fn settings(self) -> Result<Settings, String> {
        if self.fill > self.memory {
            return Err(format!(
                "--fill {} is more than --memory {}; give at most that",
                self.fill, self.memory
            ));
        }
        Ok(Settings {
            identity: Identity {
                name: self.name,
                uuid: self.uuid.unwrap_or_else(|| values::new_uuid(entropy::bytes())),
                cpus: self.cpus,
                memory: self.memory,
            },
            qmp: self.qmp,
            disks: self.disk,
            serial: self.serial,
            workload: self.workload,
            seed: self.seed.unwrap_or_else(entropy::seed),
            fill: self.fill,
            origin: self.incoming.unwrap_or(Origin::Boot),
            at_start: if self.paused { AtStart::StayPaused } else { AtStart::Run },
            population: if self.prealloc { Population::AtStart } else { Population::OnTouch },
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let cli = Cli::try_parse_from(["ferry-guest", "--qmp", "unix:q"]).unwrap();
        let settings = cli.guest.settings().unwrap();
        assert_eq!(settings.identity.memory, Bytes::from_mib(256));
        assert_eq!((settings.identity.cpus, settings.identity.name.as_str()), (1, "guest"));
        assert_eq!(settings.origin, Origin::Boot);
        assert_eq!(settings.at_start, AtStart::Run);
        assert_eq!(settings.population, Population::OnTouch);
        let parsed = values::uuid(&settings.identity.uuid);
        assert_eq!(parsed.as_deref(), Ok(settings.identity.uuid.as_str()));
    }
}
