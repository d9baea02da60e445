//! A machine and its instance: when the machine runs, an instance of it exists.
//!
//! When that is depends on its run strategy, on what was asked of it (`start`, `stop`, `restart`), and
//! on how the last instance ended. The machine's status says in one word how it is.

mod birth;
mod requests;
mod start_failure;
mod status;
mod strategy;
mod template;

use ferry_api::View;
use ferry_api::kubevirt::{VirtualMachine, VirtualMachineInstance};

use crate::cluster::{Cluster, Now};
use crate::instance::is_final;
use crate::objects::{
    add_finalizer, change, create, delete, has_finalizer, is_leaving, is_managed_by, managed_by,
    name, reference, remove_finalizer, uid,
};
use crate::plan::{Event, Grace, Part, Plan};
use crate::{Key, words};

use strategy::Step;

/// What there is to see of a machine.
#[derive(Clone, Debug)]
pub struct Observed {
    pub(crate) now: Now,
    pub(crate) cluster: Cluster,
    pub(crate) machine: VirtualMachine,
    pub(crate) instance: Standing,
}

/// The instance with the machine's name.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// There is none.
    Absent,
    /// It is the machine's.
    Own(VirtualMachineInstance),
    /// Nobody manages it: the machine adopts it.
    Orphan(VirtualMachineInstance),
    /// Somebody else manages it.
    Foreign,
}

/// Looks at a machine; nothing where there is none.
pub fn observe(view: &impl View, key: &Key, now: &Now) -> Option<Observed> {
    let machine: VirtualMachine = view.get(&key.namespace, &key.name)?;
    let instance: Option<VirtualMachineInstance> = view.get(&key.namespace, &key.name);
    let instance = match instance {
        None => Standing::Absent,
        Some(instance) if is_managed_by(&instance, uid(&machine)) => Standing::Own(instance),
        Some(instance) if has_manager(&instance) => Standing::Foreign,
        Some(instance) => Standing::Orphan(instance),
    };
    Some(Observed { now: *now, cluster: Cluster::of(view), machine, instance })
}

fn has_manager(instance: &VirtualMachineInstance) -> bool {
    let mut owners = instance.metadata.owner_references.iter().flatten();
    owners.any(|owner| owner.controller == Some(true))
}

/// What is to be done about a machine.
// PARITY: pkg/virt-controller/watch/vm/vm.go#sync
pub fn plan(seen: &Observed) -> Plan {
    if is_leaving(&seen.machine) {
        return leave(seen);
    }
    if let Standing::Orphan(instance) = &seen.instance
        && !is_leaving(instance)
    {
        return adopt(seen, instance);
    }
    let step = strategy::next(seen);
    let mut plan = Plan::idle();
    if let Step::Start = step {
        let instance = birth::instance(seen);
        plan.push(create(&instance));
        plan.push(Event::normal(
            reference(&seen.machine),
            "SuccessfulCreate",
            format!(
                "Started the virtual machine by creating the new virtual machine instance {}",
                name(&instance)
            ),
        ));
    }
    let mut after = seen.machine.clone();
    status::keep(seen, &step, &mut after);
    if let Some(patch) = change(Part::Status, &seen.machine, &after) {
        plan.push(patch);
    }
    match &step {
        // What was written first must not be lost: the next start follows from it.
        Step::Stop | Step::StopAndStart => stop(seen, &mut plan),
        Step::Enable => {
            let mut enabled = seen.machine.clone();
            strategy::enable(&mut enabled);
            plan.actions.extend(change(Part::Main, &seen.machine, &enabled).map(Into::into));
        }
        Step::Wait(until) => plan.look_again(*until),
        Step::Start | Step::Stay => {}
    }
    template::keep_generation(seen, &mut plan);
    let mut held = seen.machine.clone();
    add_finalizer(&mut held.metadata, words::MACHINE_FINALIZER);
    if plan.is_empty() {
        plan.actions.extend(change(Part::Main, &seen.machine, &held).map(Into::into));
    }
    let_go(seen, &mut plan);
    plan
}

impl Observed {
    pub(crate) fn own(&self) -> Option<&VirtualMachineInstance> {
        match &self.instance {
            Standing::Own(instance) | Standing::Orphan(instance) => Some(instance),
            Standing::Absent | Standing::Foreign => None,
        }
    }
}

// PARITY: pkg/virt-controller/watch/vm/vm.go#stopVMI
fn stop(seen: &Observed, plan: &mut Plan) {
    let Some(instance) = seen.own().filter(|instance| !is_leaving(*instance)) else { return };
    plan.push(delete(instance, Grace::OfItsOwn));
    plan.push(Event::normal(
        reference(&seen.machine),
        "SuccessfulDelete",
        format!(
            "Stopped the virtual machine by deleting the virtual machine instance {}",
            uid(instance)
        ),
    ));
}

/// What is to be done where the server does not let the machine have an instance, in these words of
/// its own. What has been noted goes with the next start that is not refused.
// PARITY: pkg/virt-controller/watch/vm/vm.go#startVMI
pub fn refused(seen: &Observed, words: &str) -> Plan {
    let mut plan = Plan::idle();
    if !matches!(seen.instance, Standing::Absent) || is_leaving(&seen.machine) {
        return plan;
    }
    plan.push(Event::warning(
        reference(&seen.machine),
        status::FAILED_CREATE,
        format!("Error creating virtual machine instance: {words}"),
    ));
    let mut after = seen.machine.clone();
    status::keep_refused(seen, words, &mut after);
    plan.actions.extend(change(Part::Status, &seen.machine, &after).map(Into::into));
    plan
}

/// Takes the machine's hand off an instance that has ended, now that its end is noted.
// PARITY: pkg/virt-controller/watch/vm/vm.go#removeVMIFinalizer
fn let_go(seen: &Observed, plan: &mut Plan) {
    let Some(instance) = seen.own().filter(|instance| is_final(instance)) else { return };
    if !has_finalizer(instance, words::MACHINE_FINALIZER) {
        return;
    }
    let mut after = instance.clone();
    remove_finalizer(&mut after.metadata, words::MACHINE_FINALIZER);
    plan.actions.extend(change(Part::Main, instance, &after).map(Into::into));
}

/// The end of a machine: its instance goes first, unless it is to stay. Whoever deletes a machine that
/// way has the instance freed of its owner, which may have happened by now.
// PARITY: pkg/virt-controller/watch/vm/vm.go#sync
fn leave(seen: &Observed) -> Plan {
    let mut plan = Plan::idle();
    let is_orphaning = has_finalizer(&seen.machine, "orphan");
    match seen.instance {
        Standing::Own(_) if !is_orphaning => {
            let mut after = seen.machine.clone();
            status::keep(seen, &Step::Stop, &mut after);
            plan.actions.extend(change(Part::Status, &seen.machine, &after).map(Into::into));
            stop(seen, &mut plan);
            let_go(seen, &mut plan);
        }
        Standing::Own(_) | Standing::Orphan(_) | Standing::Foreign | Standing::Absent => {
            let mut after = seen.machine.clone();
            remove_finalizer(&mut after.metadata, words::MACHINE_FINALIZER);
            plan.actions.extend(change(Part::Main, &seen.machine, &after).map(Into::into));
        }
    }
    plan
}

// PARITY: pkg/virt-controller/watch/vm/vm.go#execute
fn adopt(seen: &Observed, instance: &VirtualMachineInstance) -> Plan {
    let mut after = instance.clone();
    after.metadata.owner_references.get_or_insert_default().push(managed_by(&seen.machine));
    let mut plan = Plan::idle();
    plan.actions.extend(change(Part::Main, instance, &after).map(Into::into));
    plan
}
