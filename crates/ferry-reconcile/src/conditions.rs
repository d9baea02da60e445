//! Conditions: how controllers say what is the matter with an object.
//!
//! A condition has one writer, and a time at which its status last changed. Setting one to what it
//! is already changes nothing, so that a plan can be empty.

use ferry_api::kubevirt::{Condition, VirtualMachineInstance};
use ferry_units::WallTime;

use crate::objects::stamp;

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) type_: &'static str,
    pub(crate) status: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
}

impl Said {
    pub(crate) const fn plain(type_: &'static str, status: &'static str) -> Self {
        Self { type_, status, reason: None, message: None }
    }

    pub(crate) fn because(
        type_: &'static str,
        status: &'static str,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { type_, status, reason: Some(reason.into()), message: Some(message.into()) }
    }

    fn is_said_by(&self, condition: &Condition) -> bool {
        condition.status == self.status
            && condition.reason == self.reason
            && condition.message == self.message
    }
}

pub(crate) fn find<'a>(
    conditions: Option<&'a Vec<Condition>>,
    type_: &str,
) -> Option<&'a Condition> {
    conditions.into_iter().flatten().find(|condition| condition.type_ == type_)
}

/// The condition of an instance.
pub(crate) fn of<'a>(instance: &'a VirtualMachineInstance, type_: &str) -> Option<&'a Condition> {
    find(instance.status.as_ref()?.conditions.as_ref(), type_)
}

pub(crate) fn is_true(instance: &VirtualMachineInstance, type_: &str) -> bool {
    of(instance, type_).is_some_and(|condition| condition.status == "True")
}

/// Says it, at the place where the condition stands already or at the end. Returns whether that is new.
pub(crate) fn set(conditions: &mut Option<Vec<Condition>>, said: &Said, now: WallTime) -> bool {
    let list = conditions.get_or_insert_default();
    let Some(found) = list.iter_mut().find(|condition| condition.type_ == said.type_) else {
        list.push(Condition {
            type_: said.type_.to_owned(),
            status: said.status.to_owned(),
            reason: said.reason.clone(),
            message: said.message.clone(),
            last_probe_time: Some(stamp(now)),
            last_transition_time: Some(stamp(now)),
            ..Condition::default()
        });
        return true;
    };
    if said.is_said_by(found) {
        return false;
    }
    if found.status != said.status {
        found.last_transition_time = Some(stamp(now));
    }
    said.status.clone_into(&mut found.status);
    found.reason.clone_from(&said.reason);
    found.message.clone_from(&said.message);
    found.last_probe_time = Some(stamp(now));
    true
}

/// Takes a condition away.
pub(crate) fn remove(conditions: &mut Option<Vec<Condition>>, type_: &str) {
    if let Some(list) = conditions {
        list.retain(|condition| condition.type_ != type_);
        if list.is_empty() {
            *conditions = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> WallTime {
        WallTime::from_unix_seconds(second).unwrap()
    }

    #[test]
    fn a_condition_knows_when_its_status_changed_and_nothing_changes_by_repetition() {
        let mut conditions = None;
        set(&mut conditions, &Said::because("A", "False", "R", "one"), at(1));
        let first = conditions.clone();
        set(&mut conditions, &Said::because("A", "False", "R", "one"), at(2));
        assert_eq!(conditions, first);
        set(&mut conditions, &Said::because("A", "False", "R", "two"), at(3));
        let condition = find(conditions.as_ref(), "A").unwrap();
        assert_eq!(condition.last_transition_time, Some(stamp(at(1))));
        assert_eq!(condition.last_probe_time, Some(stamp(at(3))));
        set(&mut conditions, &Said::plain("A", "True"), at(4));
        let condition = find(conditions.as_ref(), "A").unwrap();
        assert_eq!(condition.last_transition_time, Some(stamp(at(4))));
        remove(&mut conditions, "A");
        assert_eq!(conditions, None);
    }
}
