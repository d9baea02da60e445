//! Every command, for what has to hold for each.

/// Calls `$each!(Type)` for every command that ferry's guest serves.
macro_rules! for_served {
    ($each:ident) => {{
        use ferry_qmp::words::*;
        use ferry_qmp::*;
        $each!(QueryStatus);
        $each!(QueryName);
        $each!(QueryUuid);
        $each!(QueryKvm);
        $each!(QueryCpusFast);
        $each!(QueryMemorySizeSummary);
        $each!(QueryBlock);
        $each!(QueryBlockstats);
        $each!(Stop);
        $each!(Cont);
        $each!(Quit);
        $each!(SystemPowerdown);
        $each!(SystemReset);
        $each!(Migrate);
        $each!(MigrateIncoming);
        $each!(MigrateCancel);
        $each!(MigrateContinue);
        $each!(MigrateStartPostcopy);
        $each!(MigratePause);
        $each!(MigrateRecover);
        $each!(MigrateSetCapabilities);
        $each!(QueryMigrateCapabilities);
        $each!(MigrateSetParameters);
        $each!(QueryMigrateParameters);
        $each!(QueryMigrate);
        $each!(CalcDirtyRate);
        $each!(QueryDirtyRate);
        $each!(QueryYank);
        $each!(Yank);
        $each!(ObjectAdd);
        $each!(ObjectDel);
        $each!(FerryVerify);
        $each!(FerryWorkload);
        $each!(FerryStats);
    }};
}

/// Calls `$each!(Type)` for every command that a session answers, or that only QEMU serves.
macro_rules! for_others {
    ($each:ident) => {{
        use ferry_qmp::words::*;
        use ferry_qmp::*;
        $each!(QmpCapabilities);
        $each!(QueryVersion);
        $each!(QueryCommands);
        $each!(QueryQmpSchema);
        $each!(BlockdevOptions);
        $each!(BlockdevDel);
        $each!(BlockdevMirror);
        $each!(QueryBlockJobs);
        $each!(BlockJobCancel);
        $each!(BlockJobComplete);
        $each!(BlockJobPause);
        $each!(BlockJobResume);
        $each!(BlockJobSetSpeed);
        $each!(BlockJobFinalize);
        $each!(BlockJobDismiss);
        $each!(NbdServerStart);
        $each!(NbdServerAdd);
        $each!(NbdServerStop);
        $each!(BlockExportAdd);
        $each!(BlockExportDel);
        $each!(Pmemsave);
    }};
}

pub(crate) use {for_others, for_served};

#[test]
fn the_lists_here_are_complete() {
    let mut names = Vec::new();
    macro_rules! name {
        ($command:ty) => {
            names.push(<$command as Execute>::NAME)
        };
    }
    for_served!(name);
    let served: Vec<_> = ferry_qmp::COMMANDS.iter().map(|command| command.name).collect();
    assert_eq!(names, served);
}
