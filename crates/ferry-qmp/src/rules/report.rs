//! What `query-migrate` answers: which of the facts are shown depends on the states of both sides.

use crate::words::{MigrationInfo, MigrationStats, MigrationStatus, Milliseconds, SocketAddress};

/// What is known of a migration that a machine sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutgoingMigration {
    /// How far it is.
    pub status: MigrationStatus,
    /// How long it took until the first page could be sent.
    pub setup_time: Milliseconds,
    /// How long it has taken, or took.
    pub total_time: Milliseconds,
    /// How long the guest would stand still if what remained now were sent at once.
    pub expected_downtime: Milliseconds,
    /// How long the guest stood still.
    pub downtime: Milliseconds,
    /// What was sent and what remains.
    pub ram: MigrationStats,
    /// By how much vCPUs are slowed down, in percent, if they are.
    pub cpu_throttle_percentage: Option<i64>,
    /// What went wrong.
    pub error: Option<String>,
    /// Why it could not even begin.
    pub blockers: Vec<String>,
}

/// What is known of a migration that a machine awaits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncomingMigration {
    /// How far it is.
    pub status: MigrationStatus,
    /// Where the machine listens, with the ports that it really got.
    pub addresses: Vec<SocketAddress>,
    /// What went wrong.
    pub error: Option<String>,
}

impl MigrationInfo {
    /// What `query-migrate` answers. What is sent hides what was awaited before.
    ///
    /// ```
    /// use ferry_qmp::rules::{IncomingMigration, OutgoingMigration};
    /// use ferry_qmp::words::{MigrationInfo, MigrationStatus, Milliseconds};
    ///
    /// let mut outgoing = OutgoingMigration { downtime: Milliseconds(3), ..OutgoingMigration::default() };
    /// let incoming = IncomingMigration::default();
    /// assert_eq!(MigrationInfo::report(&outgoing, &incoming), MigrationInfo::default());
    ///
    /// outgoing.status = MigrationStatus::Completed;
    /// let info = MigrationInfo::report(&outgoing, &incoming);
    /// assert_eq!((info.downtime, info.expected_downtime), (Some(Milliseconds(3)), None));
    /// ```
    // PARITY: migration/migration.c#qmp_query_migrate
    pub fn report(outgoing: &OutgoingMigration, incoming: &IncomingMigration) -> Self {
        let mut info = Self::default();
        info.show_incoming(incoming);
        info.show_outgoing(outgoing);
        info
    }

    // PARITY: migration/migration.c#fill_destination_migration_info
    fn show_incoming(&mut self, incoming: &IncomingMigration) {
        if !incoming.addresses.is_empty() {
            self.socket_address = Some(incoming.addresses.clone());
        }
        if incoming.status != MigrationStatus::None {
            self.status = Some(incoming.status);
            self.error_desc.clone_from(&incoming.error);
        }
    }

    // PARITY: migration/migration.c#fill_source_migration_info
    fn show_outgoing(&mut self, outgoing: &OutgoingMigration) {
        if !outgoing.blockers.is_empty() {
            self.blocked_reasons = Some(outgoing.blockers.clone());
        }
        match outgoing.status {
            MigrationStatus::None => return,
            MigrationStatus::Setup
            | MigrationStatus::WaitUnplug
            | MigrationStatus::Colo
            | MigrationStatus::Failed
            | MigrationStatus::Cancelled => {}
            MigrationStatus::Active
            | MigrationStatus::PreSwitchover
            | MigrationStatus::Device
            | MigrationStatus::Cancelling => {
                self.expected_downtime = Some(outgoing.expected_downtime);
                self.show_progress(outgoing);
            }
            MigrationStatus::Completed
            | MigrationStatus::PostcopyActive
            | MigrationStatus::PostcopyPaused
            | MigrationStatus::PostcopyRecoverSetup
            | MigrationStatus::PostcopyRecover => {
                self.downtime = Some(outgoing.downtime);
                self.show_progress(outgoing);
            }
        }
        self.status = Some(outgoing.status);
        self.error_desc = outgoing.error.clone().or(self.error_desc.take());
    }

    // PARITY: migration/migration.c#populate_ram_info
    fn show_progress(&mut self, outgoing: &OutgoingMigration) {
        self.setup_time = Some(outgoing.setup_time);
        self.total_time = Some(outgoing.total_time);
        self.cpu_throttle_percentage = outgoing.cpu_throttle_percentage;
        let mut ram = outgoing.ram.clone();
        if outgoing.status == MigrationStatus::Completed {
            ram.remaining = ferry_units::Bytes::ZERO;
            ram.dirty_pages_rate = ferry_units::PageCount(0);
        }
        self.ram = Some(ram);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qapi::Qapi;
    use MigrationStatus as M;

    /// The names of the members that are shown, without `ram`'s own.
    #[track_caller]
    fn check(outgoing: M, incoming: M, members: &[&str]) {
        let outgoing = OutgoingMigration { status: outgoing, ..OutgoingMigration::default() };
        let incoming = IncomingMigration { status: incoming, ..IncomingMigration::default() };
        let info = MigrationInfo::report(&outgoing, &incoming).write();
        let mut names: Vec<_> =
            info.as_object().expect("it is an object").members().map(|(name, _)| name).collect();
        names.sort_unstable();
        assert_eq!(names, members, "{outgoing:?} {incoming:?}");
    }

    #[test]
    fn parity_what_is_shown_depends_on_the_state() {
        let pre_copy = ["expected-downtime", "ram", "setup-time", "status", "total-time"];
        let post_copy = ["downtime", "ram", "setup-time", "status", "total-time"];
        for (status, members) in [
            (M::None, &[][..]),
            (M::Setup, &["status"]),
            (M::Active, &pre_copy),
            (M::Cancelling, &pre_copy),
            (M::PreSwitchover, &pre_copy),
            (M::Device, &pre_copy),
            (M::PostcopyActive, &post_copy),
            (M::PostcopyPaused, &post_copy),
            (M::PostcopyRecoverSetup, &post_copy),
            (M::PostcopyRecover, &post_copy),
            (M::Completed, &post_copy),
            (M::Failed, &["status"]),
            (M::Cancelled, &["status"]),
        ] {
            check(status, M::None, members);
        }
        check(M::None, M::Active, &["status"]);
        check(M::Active, M::Completed, &pre_copy);
    }

    #[test]
    fn parity_nothing_remains_when_it_is_done() {
        let ram = MigrationStats {
            remaining: ferry_units::Bytes::new(7),
            dirty_pages_rate: ferry_units::PageCount(7),
            normal: ferry_units::PageCount(7),
            ..MigrationStats::default()
        };
        let outgoing =
            OutgoingMigration { status: M::Completed, ram, ..OutgoingMigration::default() };
        let info = MigrationInfo::report(&outgoing, &IncomingMigration::default());
        let ram = info.ram.expect("it is shown");
        assert!(ram.remaining.is_zero());
        assert_eq!((ram.dirty_pages_rate.get(), ram.normal.get()), (0, 7));
    }

    #[test]
    fn what_went_wrong_here_hides_what_went_wrong_before() {
        let wrong = |text: &str| Some(text.to_owned());
        let incoming = IncomingMigration {
            status: M::Failed,
            error: wrong("then"),
            ..IncomingMigration::default()
        };
        for (status, error, shown) in [
            (M::None, None, wrong("then")),
            (M::Failed, wrong("now"), wrong("now")),
            (M::Active, None, wrong("then")),
        ] {
            let outgoing = OutgoingMigration { status, error, ..OutgoingMigration::default() };
            assert_eq!(MigrationInfo::report(&outgoing, &incoming).error_desc, shown);
        }
    }
}
