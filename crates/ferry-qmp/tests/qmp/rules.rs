//! Which command is refused in which state.

use ferry_qmp::Command;
use ferry_qmp::rules::{Capabilities, Standing};
use ferry_qmp::words::{
    DirtyRateStatus, MigrationCapability as C, MigrationStatus as M, RunState as R,
};

use crate::round_trip::object;

/// A machine in the states that are given, and what it says to a command.
fn said(name: &str, arguments: &str, change: impl FnOnce(&mut Standing)) -> String {
    let mut standing = Standing::new(R::Running);
    change(&mut standing);
    let command = Command::read(name, &object(arguments)).expect("there is such a command");
    let command = command.expect("its arguments are right");
    standing.permit(&command).map_or_else(|refusal| refusal.to_string(), |()| String::new())
}

const TCP: &str = r#"{"uri": "tcp:h:1"}"#;
const RESUME: &str = r#"{"uri": "tcp:h:1", "resume": true}"#;

/// A command, its arguments, where the machine stands, and what it says.
type Row = (&'static str, &'static str, fn(&mut Standing), &'static str);

const ROWS: &[Row] = &[
    ("migrate", TCP, |_| {}, ""),
    ("migrate", TCP, |s| s.outgoing = M::Completed, ""),
    ("migrate", TCP, |s| s.outgoing = M::Active, "There's a migration process in progress"),
    ("migrate", TCP, |s| s.outgoing = M::Cancelling, "There's a migration process in progress"),
    ("migrate", TCP, |s| s.run_state = R::Inmigrate, "Guest is waiting for an incoming migration"),
    (
        "migrate",
        TCP,
        |s| s.run_state = R::Postmigrate,
        "Can't migrate the vm that was paused due to previous migration",
    ),
    ("migrate", "{}", |_| {}, "need either 'uri' or 'channels' argument"),
    (
        "migrate",
        r#"{"uri": "fd:a"}"#,
        |s| s.capabilities = Capabilities::from_iter([C::Multifd]),
        "Migration requires multi-channel URIs (e.g. tcp)",
    ),
    ("migrate", RESUME, |_| {}, "Cannot resume if there is no paused migration"),
    ("migrate", RESUME, |s| s.outgoing = M::PostcopyPaused, ""),
    (
        "migrate",
        RESUME,
        |s| {
            s.outgoing = M::PostcopyPaused;
            s.capabilities = Capabilities::from_iter([C::ReleaseRam]);
        },
        "Postcopy recovery cannot work when release-ram capability is set",
    ),
    ("migrate-incoming", TCP, |s| s.run_state = R::Inmigrate, ""),
    ("migrate-incoming", TCP, |_| {}, "'-incoming' was not specified on the command line"),
    (
        "migrate-incoming",
        TCP,
        |s| s.incoming = M::Setup,
        "The incoming migration has already been started",
    ),
    ("migrate_cancel", "{}", |_| {}, ""),
    ("migrate_cancel", "{}", |s| s.outgoing = M::Device, ""),
    (
        "migrate_cancel",
        "{}",
        |s| s.outgoing = M::PostcopyRecoverSetup,
        "Postcopy migration in progress, cannot cancel.",
    ),
    (
        "migrate-continue",
        r#"{"state": "pre-switchover"}"#,
        |s| s.outgoing = M::Active,
        "Migration not in expected state: active",
    ),
    ("migrate-continue", r#"{"state": "pre-switchover"}"#, |s| s.outgoing = M::PreSwitchover, ""),
    (
        "migrate-start-postcopy",
        "{}",
        |s| s.outgoing = M::Active,
        "Enable postcopy with migrate_set_capability before the start of migration",
    ),
    (
        "migrate-start-postcopy",
        "{}",
        |s| s.capabilities = Capabilities::from_iter([C::PostcopyRam]),
        "Postcopy must be started after migration has been started",
    ),
    (
        "migrate-start-postcopy",
        "{}",
        |s| {
            s.capabilities = Capabilities::from_iter([C::PostcopyRam]);
            s.outgoing = M::Completed;
        },
        "",
    ),
    (
        "migrate-pause",
        "{}",
        |s| s.outgoing = M::Active,
        "migrate-pause is currently only supported during postcopy-active or \
             postcopy-recover state",
    ),
    ("migrate-pause", "{}", |s| s.outgoing = M::PostcopyActive, ""),
    ("migrate-pause", "{}", |s| s.incoming = M::PostcopyRecover, ""),
    (
        "migrate-recover",
        TCP,
        |s| s.outgoing = M::PostcopyPaused,
        "Migrate recover can only be run when postcopy is paused.",
    ),
    ("migrate-recover", TCP, |s| s.incoming = M::PostcopyPaused, ""),
    (
        "migrate-set-capabilities",
        r#"{"capabilities": []}"#,
        |s| s.outgoing = M::PostcopyPaused,
        "There's a migration process in progress",
    ),
    ("migrate-set-parameters", "{}", |s| s.outgoing = M::Active, ""),
    ("cont", "{}", |s| s.run_state = R::Shutdown, "Resetting the Virtual Machine is required"),
    ("cont", "{}", |s| s.run_state = R::FinishMigrate, "Migration is not finalized yet"),
    ("cont", "{}", |s| s.outgoing = M::PostcopyRecover, "Migration is not finalized yet"),
    ("cont", "{}", |s| s.outgoing = M::PostcopyActive, "Migration is not finalized yet"),
    ("cont", "{}", |s| s.outgoing = M::PostcopyPaused, ""),
    ("cont", "{}", |s| s.run_state = R::Postmigrate, ""),
    ("stop", "{}", |s| s.run_state = R::Paused, ""),
    (
        "calc-dirty-rate",
        r#"{"calc-time": 1}"#,
        |s| s.dirty_rate = DirtyRateStatus::Measuring,
        "the dirty rate is already being measured.",
    ),
    ("calc-dirty-rate", r#"{"calc-time": 1, "sample-pages": 128}"#, |_| {}, ""),
    (
        "calc-dirty-rate",
        r#"{"calc-time": 9223372036854775807}"#,
        |_| {},
        "Calculation time is out of range [50ms, 60000ms].",
    ),
];

#[test]
fn parity_commands_are_refused_by_state() {
    for (name, arguments, change, refusal) in ROWS {
        assert_eq!(said(name, arguments, *change), *refusal, "{name} {arguments}");
    }
}
