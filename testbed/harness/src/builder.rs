//! What a guest is to be like, and the command line that says so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ferry_units::Bytes;

/// The flag of a guest that does not run before it is told to.
const PAUSED: &str = "--paused";

/// A disk of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disk {
    /// A file of the guest's own, made in its directory. A migration has to copy it.
    Local {
        /// Its size, whole blocks of 4 KiB.
        size: Bytes,
    },
    /// A file that both sides of a migration have.
    Shared {
        /// Where it is.
        path: PathBuf,
        /// Its size, whole blocks of 4 KiB.
        size: Bytes,
    },
}

/// What a guest is to be like: small and idle, unless it is said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestBuilder {
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) memory: Bytes,
    pub(crate) cpus: u32,
    pub(crate) workload: String,
    pub(crate) seed: u64,
    pub(crate) fill: Bytes,
    pub(crate) disks: Vec<Disk>,
    pub(crate) incoming: Option<String>,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) extra: Vec<OsString>,
}

impl Default for GuestBuilder {
    fn default() -> Self {
        Self {
            name: "vm".to_owned(),
            uuid: "a3a5b4b6-1c77-4b52-9d0f-1c2f4a6b7c8d".to_owned(),
            memory: Bytes::from_mib(64),
            cpus: 1,
            workload: "idle".to_owned(),
            seed: 1,
            fill: Bytes::ZERO,
            disks: Vec::new(),
            incoming: None,
            flags: Vec::new(),
            extra: Vec::new(),
        }
    }
}

impl GuestBuilder {
    /// A guest of 64 MiB and one vCPU that does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Its name.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Its identity.
    #[must_use]
    pub fn uuid(self, uuid: &str) -> Self {
        Self { uuid: uuid.to_owned(), ..self }
    }

    /// How much memory it has.
    #[must_use]
    pub fn memory(self, memory: Bytes) -> Self {
        Self { memory, ..self }
    }

    /// How many vCPUs it has.
    #[must_use]
    pub fn cpus(self, cpus: u32) -> Self {
        Self { cpus, ..self }
    }

    /// What it works on, as `--workload` takes it.
    #[must_use]
    pub fn workload(self, workload: &str) -> Self {
        Self { workload: workload.to_owned(), ..self }
    }

    /// What its contents follow from.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// How much of its memory it fills when it boots.
    #[must_use]
    pub fn fill(self, fill: Bytes) -> Self {
        Self { fill, ..self }
    }

    /// One more disk.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// It waits for an incoming migration: `defer`, or where to listen.
    #[must_use]
    pub fn incoming(self, incoming: &str) -> Self {
        Self { incoming: Some(incoming.to_owned()), ..self }
    }

    /// It does not run before it is told to.
    #[must_use]
    pub fn paused(self) -> Self {
        self.flag(PAUSED)
    }

    /// All its memory is populated before it begins.
    #[must_use]
    pub fn prealloc(self) -> Self {
        self.flag("--prealloc")
    }

    /// One more argument, as it is.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.extra.push(argument.into());
        self
    }

    fn flag(mut self, flag: &'static str) -> Self {
        self.flags.push(flag);
        self
    }

    /// The same guest as a destination: it waits, and boots nothing of its own.
    #[must_use]
    pub fn destination(&self) -> Self {
        Self { fill: Bytes::ZERO, ..self.clone() }.incoming("defer")
    }

    /// Whether it fills memory before it works.
    pub(crate) fn boots(&self) -> bool {
        !self.fill.is_zero() && self.incoming.is_none() && !self.flags.contains(&PAUSED)
    }

    /// The arguments of a guest whose files are in `dir`.
    pub(crate) fn arguments(&self, dir: &Path) -> Vec<OsString> {
        let mut arguments = Vec::new();
        let mut say = |name: &str, value: OsString| arguments.extend([OsString::from(name), value]);
        say("--name", self.name.clone().into());
        say("--uuid", self.uuid.clone().into());
        say("--memory", size_text(self.memory).into());
        say("--cpus", self.cpus.to_string().into());
        say("--seed", self.seed.to_string().into());
        say("--workload", self.workload.clone().into());
        say("--serial", dir.join("serial.log").into());
        let mut qmp = OsString::from("unix:");
        qmp.push(dir.join("qmp"));
        say("--qmp", qmp);
        if !self.fill.is_zero() {
            say("--fill", size_text(self.fill).into());
        }
        for (number, disk) in self.disks.iter().enumerate() {
            say("--disk", disk_argument(disk, &dir.join(format!("disk{number}.img"))));
        }
        if let Some(incoming) = &self.incoming {
            say("--incoming", incoming.clone().into());
        }
        arguments.extend(self.flags.iter().map(OsString::from));
        arguments.extend(self.extra.iter().cloned());
        arguments
    }
}

fn disk_argument(disk: &Disk, own: &Path) -> OsString {
    let (path, size, rest) = match disk {
        Disk::Local { size } => (own, size, ""),
        Disk::Shared { path, size } => (path.as_path(), size, ",shared"),
    };
    let mut argument = OsString::from(path);
    argument.push(format!(",size={}{rest}", size_text(*size)));
    argument
}

/// A size as ferry's command lines take it: in the largest unit that leaves no rest.
pub fn size_text(size: Bytes) -> String {
    let units = [("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let fits = |shift: u32| size.get() >> shift << shift == size.get() && !size.is_zero();
    match units.into_iter().find(|(_, shift)| fits(*shift)) {
        Some((unit, shift)) => format!("{}{unit}", size.get() >> shift),
        None => size.get().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_largest_unit_without_a_rest() {
        for (size, text) in [
            (0, "0"),
            (5, "5"),
            (4096, "4Ki"),
            (64 << 20, "64Mi"),
            (3 << 30, "3Gi"),
            ((1 << 30) + 1024, "1048577Ki"),
        ] {
            assert_eq!(size_text(Bytes::new(size)), text);
        }
    }

    #[test]
    fn a_destination_is_the_same_guest_that_waits() {
        let shared = Disk::Shared { path: "/d/s".into(), size: Bytes::from_mib(1) };
        let guest = GuestBuilder::new()
            .cpus(2)
            .fill(Bytes::from_mib(32))
            .disk(Disk::Local { size: Bytes::from_mib(8) })
            .disk(shared)
            .prealloc()
            .argument("--log=debug");
        let text = |guest: &GuestBuilder| {
            let arguments = guest.arguments(Path::new("/t"));
            let words: Vec<_> = arguments.iter().map(|each| each.to_string_lossy()).collect();
            words.join(" ")
        };
        let common = "--name vm --uuid a3a5b4b6-1c77-4b52-9d0f-1c2f4a6b7c8d --memory 64Mi --cpus 2 \
             --seed 1 --workload idle --serial /t/serial.log --qmp unix:/t/qmp";
        let disks = "--disk /t/disk0.img,size=8Mi --disk /d/s,size=1Mi,shared";
        assert_eq!(text(&guest), format!("{common} --fill 32Mi {disks} --prealloc --log=debug"));
        assert_eq!(
            text(&guest.destination()),
            format!("{common} {disks} --incoming defer --prealloc --log=debug")
        );
    }
}
