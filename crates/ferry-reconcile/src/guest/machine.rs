//! Which kind of machine a guest is, and what a machine with firmware boots.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ferry_api::kubevirt::VirtualMachineInstance;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The annotation of an instance that names the kind of its machine.
const TYPE: &str = "machine.ferry.dev/type";

/// What a machine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineKind {
    /// Ferry's own guest: memory that is written by a workload, and no firmware.
    #[default]
    Ferry,
    /// QEMU: a PC that boots what its disks or its kernel are.
    Qemu,
}

/// No kind of machine is called so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind(String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no kind of machine: there are ferry and qemu", self.0)
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for MachineKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        match text {
            "ferry" => Ok(Self::Ferry),
            "qemu" => Ok(Self::Qemu),
            _ => Err(UnknownKind(text.to_owned())),
        }
    }
}

impl fmt::Display for MachineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ferry => "ferry",
            Self::Qemu => "qemu",
        })
    }
}

/// What a machine with firmware is made of beside memory, processors and disks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Board {
    /// Its type, such as `q35`; what its node takes if the instance does not say.
    pub machine_type: Option<String>,
    /// The model of its processors.
    pub cpu_model: Option<String>,
    /// What it boots instead of its disks.
    pub kernel: Option<Kernel>,
}

/// A kernel that a machine boots without a loader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kernel {
    /// Its file, on each node that the guest may come to. Without one, the machine has to say what is
    /// wrong with the rest.
    pub image: Option<PathBuf>,
    /// The file of its first file system.
    pub initrd: Option<PathBuf>,
    /// Its command line.
    pub arguments: Option<String>,
}

/// The kind that an instance asks for, if it does; or why there is none such, in a sentence.
pub(super) fn kind(instance: &VirtualMachineInstance) -> Result<Option<MachineKind>, String> {
    let annotations: Option<&BTreeMap<String, String>> = instance.metadata.annotations.as_ref();
    let asked = annotations.and_then(|annotations| annotations.get(TYPE));
    let kind = asked.map(|text| text.parse::<MachineKind>()).transpose();
    kind.map_err(|error| format!("the annotation {TYPE}: {error}"))
}

/// What an instance says of its board.
pub(super) fn board(instance: &VirtualMachineInstance) -> Board {
    let domain = &instance.spec.domain;
    let boot = domain.other.get("firmware").and_then(|firmware| firmware.get("kernelBoot"));
    let container = boot.and_then(|boot| boot.get("container"));
    let said = |from: Option<&Value>, field: &str| {
        let text = from?.get(field)?.as_str().filter(|text| !text.is_empty())?;
        Some(text.to_owned())
    };
    let kernel = Kernel {
        image: said(container, "kernelPath").map(PathBuf::from),
        initrd: said(container, "initrdPath").map(PathBuf::from),
        arguments: said(boot, "kernelArgs"),
    };
    Board {
        machine_type: domain.machine.as_ref().and_then(|machine| machine.type_.clone()),
        cpu_model: domain.cpu.as_ref().and_then(|cpu| cpu.model.clone()),
        kernel: (kernel != Kernel::default()).then_some(kernel),
    }
}
