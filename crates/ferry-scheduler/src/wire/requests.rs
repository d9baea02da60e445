//! What a pod takes from its node, and what a node has.

use std::collections::BTreeMap;

use ferry_api::Quantity;
use ferry_units::Bytes;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::{Unread, each};
use crate::{MilliCpu, Resources};

/// CPU and memory of a list of resources; what is not listed is nothing. Both are rounded up, to a
/// thousandth of a core and to a byte.
pub(super) fn resources(list: Option<&BTreeMap<String, ApiQuantity>>) -> Result<Resources, Unread> {
    let amount = |name: &str| {
        let written = list.and_then(|list| list.get(name));
        written.map_or(Ok(Quantity::ZERO), Quantity::try_from)
    };
    let cpu = amount("cpu").and_then(Quantity::to_milli_rounded_up);
    let memory = amount("memory").and_then(Quantity::to_bytes_rounded_up);
    Ok(Resources {
        cpu: MilliCpu(cpu.map_err(|problem| Unread::at("cpu", problem))?),
        memory: memory.map_err(|problem| Unread::at("memory", problem))?,
    })
}

/// What a pod takes: the sum of its containers and its sidecars, or more where an init container
/// takes more beside the sidecars that were started before it; and the pod's overhead on top.
// PARITY: component-helpers/resource/helpers.go#PodRequests
pub(super) fn of_pod(spec: &v1::PodSpec) -> Result<Resources, Unread> {
    let containers = each("containers", Some(&spec.containers), of_container)?;
    let inits = each("initContainers", spec.init_containers.as_ref(), of_container)?;
    let mut sidecars = Resources::default();
    let mut peak = Resources::default();
    for (container, requests) in spec.init_containers.iter().flatten().zip(inits) {
        peak = larger(peak, sidecars + requests);
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars += requests;
        }
    }
    let running = containers.into_iter().sum::<Resources>() + sidecars;
    let overhead = resources(spec.overhead.as_ref()).map_err(|unread| unread.within("overhead"))?;
    Ok(larger(running, peak) + overhead)
}

fn of_container(container: &v1::Container) -> Result<Resources, Unread> {
    let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    resources(requests).map_err(|unread| unread.within("resources.requests"))
}

fn larger(one: Resources, other: Resources) -> Resources {
    Resources { cpu: one.cpu.max(other.cpu), memory: Bytes::max(one.memory, other.memory) }
}
