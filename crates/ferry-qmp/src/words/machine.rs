//! What a machine is: its version, name, CPUs and memory.

use ferry_units::Bytes;

use crate::qapi::{qapi_enum, qapi_struct};

qapi_struct! {
    /// Nothing: what most commands return.
    #[derive(Default, Eq)]
    pub struct Empty: "q_empty" {}
}

qapi_struct! {
    /// The version of a machine's program.
    #[derive(Eq)]
    pub struct VersionInfo: "VersionInfo" {
        /// The version of QEMU whose QMP it speaks.
        pub qemu: VersionTriple => "qemu",
        /// What the packager calls it; for ferry's own guest the name and version of ferry.
        pub package: String => "package",
    }
}

qapi_struct! {
    /// A version in three numbers.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub struct VersionTriple: "VersionTriple" {
        /// Counts years, more or less.
        pub major: i64 => "major",
        /// Counts releases within one.
        pub minor: i64 => "minor",
        /// Counts corrections.
        pub micro: i64 => "micro",
    }
}

qapi_enum! {
    /// What a session can agree on.
    pub enum QmpCapability: "QMPCapability" {
        /// Some commands may overtake others.
        Oob => "oob",
    }
}

qapi_struct! {
    /// The name of a command.
    #[derive(Eq)]
    pub struct CommandName: "CommandInfo" {
        /// The name.
        pub name: String => "name",
    }
}

qapi_struct! {
    /// The name of a guest.
    #[derive(Default, Eq)]
    pub struct NameInfo: "NameInfo" {
        /// The name, if it was given one.
        pub name: Option<String> => "name",
    }
}

qapi_struct! {
    /// The identity of a guest.
    #[derive(Eq)]
    pub struct UuidInfo: "UuidInfo" {
        /// The identity, in the 36 characters of a UUID.
        pub uuid: String => "UUID",
    }
}

qapi_struct! {
    /// Whether the kernel's hypervisor is at work.
    #[derive(Copy, Eq)]
    pub struct KvmInfo: "KvmInfo" {
        /// It is.
        pub enabled: bool => "enabled",
        /// It could be.
        pub present: bool => "present",
    }
}

qapi_struct! {
    /// A virtual CPU.
    #[derive(Eq)]
    pub struct CpuInfoFast: "CpuInfoFast" {
        /// Which one, from 0.
        pub cpu_index: i64 => "cpu-index",
        /// Its place among the machine's objects.
        pub qom_path: String => "qom-path",
        /// The host's thread that runs it.
        pub thread_id: i64 => "thread-id",
        /// Its place on the board.
        pub props: Option<CpuInstanceProperties> => "props",
        /// What it executes.
        pub target: SysEmuTarget => "target",
    }
}

qapi_struct! {
    /// A CPU's place on the board.
    #[derive(Copy, Default, Eq)]
    pub struct CpuInstanceProperties: "CpuInstanceProperties" {
        /// The NUMA node.
        pub node_id: Option<i64> => "node-id",
        /// The socket.
        pub socket_id: Option<i64> => "socket-id",
        /// The die in it.
        pub die_id: Option<i64> => "die-id",
        /// The core in that.
        pub core_id: Option<i64> => "core-id",
        /// The thread in that.
        pub thread_id: Option<i64> => "thread-id",
    }
}

qapi_enum! {
    /// What a CPU executes. There are many more; these are the ones that ferry may meet.
    pub enum SysEmuTarget: "SysEmuTarget" {
        /// 64-bit Arm.
        Aarch64 => "aarch64",
        /// 32-bit x86.
        I386 => "i386",
        /// 64-bit RISC-V.
        Riscv64 => "riscv64",
        /// 64-bit x86.
        X86_64 => "x86_64",
    }
}

qapi_struct! {
    /// How much memory a guest has.
    #[derive(Copy, Eq)]
    pub struct MemoryInfo: "MemoryInfo" {
        /// What it was started with.
        pub base_memory: Bytes => "base-memory",
        /// What was plugged in since; absent where nothing can be.
        pub plugged_memory: Option<Bytes> => "plugged-memory",
    }
}

qapi_struct! {
    /// Writes a range of a guest's memory to a file.
    #[derive(Eq)]
    pub struct Pmemsave: "q_obj_pmemsave-arg" {
        /// The physical address where it begins.
        pub val: i64 => "val",
        /// How much.
        pub size: i64 => "size",
        /// The file, on the machine's host.
        pub filename: String => "filename",
    }
}
