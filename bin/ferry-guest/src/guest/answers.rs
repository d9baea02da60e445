//! Answers to questions about what the guest is.

use std::fs;
use std::os::unix::fs::MetadataExt;

use ferry_qmp::words::{
    BlockDeviceInfo, BlockDeviceIoStatus, BlockInfo, BlockStats, BlockdevCacheInfo,
    BlockdevDetectZeroes, CpuInfoFast, CpuInstanceProperties, ImageInfo, KvmInfo, MemoryInfo,
    NameInfo, QueryBlockstats, StatusInfo, SysEmuTarget, UuidInfo,
};
use ferry_units::{Bytes, PageSize};

use super::Guest;
use crate::machine::{Disk, Machine};

impl Guest {
    pub(super) fn status(&self) -> StatusInfo {
        self.run.state().into()
    }

    pub(super) fn name(&self) -> NameInfo {
        NameInfo { name: Some(self.identity.name.clone()) }
    }

    pub(super) fn uuid(&self) -> UuidInfo {
        UuidInfo { uuid: self.identity.uuid.clone() }
    }

    /// There is no hypervisor under this guest.
    #[expect(clippy::unused_self, reason = "it is an answer as the others are")]
    pub(super) fn kvm(&self) -> KvmInfo {
        KvmInfo { enabled: false, present: false }
    }

    /// The vCPUs: one socket of cores. As long as the guest has not arrived, none has a thread of
    /// its own, and the process stands for it.
    pub(super) fn cpus(&self) -> Vec<CpuInfoFast> {
        let threads = self.run.machine().as_ref().map(Machine::thread_ids).unwrap_or_default();
        let mut threads = threads.into_iter();
        (0..i64::from(self.identity.cpus))
            .map(|number| CpuInfoFast {
                cpu_index: number,
                qom_path: format!("/machine/unattached/device[{number}]"),
                thread_id: threads.next().unwrap_or_else(|| std::process::id().into()),
                props: Some(CpuInstanceProperties {
                    node_id: None,
                    socket_id: Some(0),
                    die_id: Some(0),
                    core_id: Some(number),
                    thread_id: Some(0),
                }),
                target: SysEmuTarget::X86_64,
            })
            .collect()
    }

    pub(super) fn memory(&self) -> MemoryInfo {
        MemoryInfo { base_memory: self.identity.memory, plugged_memory: Some(Bytes::ZERO) }
    }

    pub(super) fn block(&self) -> Vec<BlockInfo> {
        self.disks.iter().map(|disk| block(disk)).collect()
    }

    /// Every drive is its own node, so that both questions have the same answer.
    pub(super) fn blockstats(&self, _: QueryBlockstats) -> Vec<BlockStats> {
        let stats = self.disks.iter().map(|disk| BlockStats {
            device: Some(disk.id().to_owned()),
            qdev: None,
            node_name: Some(disk.id().to_owned()),
            stats: disk.stats(),
            parent: None,
            backing: None,
        });
        stats.collect()
    }
}

fn block(disk: &Disk) -> BlockInfo {
    let file = disk.path().display().to_string();
    // It is only told where it is known.
    let actual_size = fs::metadata(disk.path()).ok();
    let actual_size = actual_size.map(|file| Bytes::new(file.blocks().saturating_mul(512)));
    let virtual_size = disk.blocks().bytes(PageSize::KIB_4);
    let image =
        ImageInfo { filename: file.clone(), format: "raw".to_owned(), actual_size, virtual_size };
    BlockInfo {
        device: disk.id().to_owned(),
        qdev: None,
        unknown: "unknown".to_owned(),
        removable: false,
        locked: false,
        inserted: Some(BlockDeviceInfo {
            file,
            node_name: Some(disk.id().to_owned()),
            ro: false,
            drv: "raw".to_owned(),
            backing_file: None,
            backing_file_depth: 0,
            active: disk.is_taken(),
            encrypted: false,
            detect_zeroes: BlockdevDetectZeroes::Off,
            bps: 0,
            bps_rd: 0,
            bps_wr: 0,
            iops: 0,
            iops_rd: 0,
            iops_wr: 0,
            image,
            cache: BlockdevCacheInfo { writeback: true, direct: false, no_flush: false },
            write_threshold: 0,
        }),
        io_status: Some(BlockDeviceIoStatus::Ok),
    }
}
