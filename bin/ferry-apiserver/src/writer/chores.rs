//! What the writer does without being asked, and when it stops trying.
//!
//! The registry says what is due ([`State::chores`]), and each of it is an ordinary write. One that is
//! refused stays due for as long as whatever refuses it is there, and trying again at once would
//! spin. So after a round in which nothing could be done there is no other one until something has
//! changed, or some time has passed.

use std::collections::BTreeMap;

use ferry_admission::gathered;
use ferry_api::Kind;
use ferry_registry::{ObjectKey, Refusal, Request, Revision, State};
use ferry_units::WallTime;

/// With so many ClusterRoles, those that gather others are looked at after each change of any, which
/// takes a few milliseconds. With more it is done when some time has passed, so that whoever makes
/// thousands of roles does not wait for each as long as for all before.
const ROLES_LOOKED_AT_AT_ONCE: usize = 500;

/// Of so many things that cannot be done it is remembered that they were told. Whoever has more of them
/// hears of them again.
const MOST_TOLD: usize = 1_000;

/// How the chores get on.
#[derive(Debug, Default)]
pub(super) struct Chores {
    /// Where a round ended in which nothing could be done.
    stuck_at: Option<Revision>,
    /// What could not be done and why, so that it is told once.
    told: BTreeMap<ObjectKey, Refusal>,
    /// The newest change of a ClusterRole when those that gather others were looked at.
    gathered_at: Option<Revision>,
    /// Some time has passed since something was done.
    is_time: bool,
}

impl Chores {
    /// Whether there is nothing that might work.
    pub(super) fn is_idle(&self, state: &State, now: WallTime) -> bool {
        let is_gathered = self.gathered_at == Some(state.last_change(Kind::ClusterRole));
        self.stuck_at == Some(state.revision()) || is_gathered && state.chores(now).is_empty()
    }

    /// The next round; empty where there is nothing that might work.
    pub(super) fn due(&mut self, state: &State, now: WallTime) -> Vec<Request> {
        if self.stuck_at == Some(state.revision()) {
            return Vec::new();
        }
        let mut due = state.chores(now);
        due.extend(self.gather(state));
        // What remains is told when nothing is about to change it.
        if self.is_time && due.is_empty() {
            self.is_time = false;
            due = state.remaining(now);
        }
        due
    }

    /// What roles are to show that gather others, if it may have changed.
    fn gather(&mut self, state: &State) -> Vec<Request> {
        let newest = Some(state.last_change(Kind::ClusterRole));
        let is_many = state.count(Kind::ClusterRole) > ROLES_LOOKED_AT_AT_ONCE;
        if self.gathered_at == newest || is_many && !self.is_time {
            return Vec::new();
        }
        self.gathered_at = newest;
        gathered(state)
    }

    /// A round is over that began at `before`.
    pub(super) fn after(&mut self, before: Revision, state: &State) {
        self.stuck_at = (state.revision() == before).then_some(before);
    }

    /// Some time has passed: what was stuck may be tried again.
    pub(super) fn tick(&mut self) {
        self.stuck_at = None;
        self.is_time = true;
    }

    /// One of the round cannot be done now.
    pub(super) fn refused(&mut self, request: &Request, refusal: &Refusal) {
        let key = request.target.key();
        if key.kind == Kind::ClusterRole {
            self.gathered_at = None;
        }
        // Somebody else was faster; it is looked at again if it is still due.
        if matches!(
            refusal,
            Refusal::Conflict { .. } | Refusal::Precondition { .. } | Refusal::NotFound { .. }
        ) {
            return;
        }
        if self.is_news(&key, refusal) {
            tracing::warn!(
                kind = %key.kind, namespace = key.namespace, name = key.name,
                "cannot clean up: {refusal}",
            );
        }
    }

    /// Whether this was not told before.
    fn is_news(&mut self, key: &ObjectKey, refusal: &Refusal) -> bool {
        if self.told.get(key) == Some(refusal) {
            return false;
        }
        if self.told.len() >= MOST_TOLD {
            self.told.clear();
        }
        self.told.insert(key.clone(), refusal.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use ferry_admission::{Policies, bootstrap};
    use ferry_registry::{Body, Context, Draft, FieldValidation, Write, WriteOptions, decide};
    use serde_json::{Value, json};

    use super::*;

    fn now() -> WallTime {
        "2026-11-23T08:15:00Z".parse().unwrap()
    }

    #[test]
    fn what_cannot_be_done_is_told_once_for_each_object() {
        let mut chores = Chores::default();
        let of = |name: String| ObjectKey::new(Kind::Pod, "n", name);
        let full = |message: &str| Refusal::Unavailable { message: message.to_owned() };
        for (name, why, news) in [
            ("a", "full", true),
            ("b", "full", true),
            ("a", "full", false),
            ("b", "full", false),
            ("a", "other", true),
            ("a", "other", false),
        ] {
            assert_eq!(chores.is_news(&of(name.to_owned()), &full(why)), news, "{name}: {why}");
        }
        for number in 0..2 * MOST_TOLD {
            assert!(chores.is_news(&of(number.to_string()), &full("full")));
            assert!(chores.told.len() <= MOST_TOLD);
        }
    }

    fn role(name: &str) -> Value {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": name, "labels":
                { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
            "rules": [{ "apiGroups": [name], "resources": ["*"], "verbs": ["get"] }],
        })
    }

    fn apply(state: &mut State, request: &Request) {
        let uid = format!("uid-{}", state.revision());
        let context = Context { now: now(), uid, suffixes: Vec::new() };
        let decision = decide(state, request, &context, &Policies::default()).unwrap();
        state.apply(decision.change.expect("nothing is written for nothing"), now());
    }

    fn create(state: &mut State, object: &Value) {
        let target = ferry_registry::Target {
            served: ferry_api::KindVersion::storage(Kind::ClusterRole),
            namespace: String::new(),
            name: object["metadata"]["name"].as_str().unwrap().to_owned(),
            part: ferry_registry::Part::Main,
        };
        let body = Body::json(object.to_string().as_bytes()).unwrap();
        let draft = Draft::read(&target, body, FieldValidation::Strict).unwrap();
        let groups = vec![ferry_admission::identity::MASTERS.to_owned()];
        let user = ferry_registry::User { groups, ..ferry_registry::User::default() };
        let options = WriteOptions::default();
        apply(state, &Request { user: user.into(), target, write: Write::Create(draft), options });
    }

    /// Does all that is due; how many writes that were.
    fn settle(chores: &mut Chores, state: &mut State) -> usize {
        let mut done = 0;
        loop {
            let before = state.revision();
            let due = chores.due(state, now());
            if due.is_empty() {
                return done;
            }
            done += due.len();
            for request in &due {
                apply(state, request);
            }
            chores.after(before, state);
        }
    }

    fn shown(state: &State) -> usize {
        let key = ObjectKey::new(Kind::ClusterRole, "", "view");
        state.object(&key).unwrap().document()["rules"].as_array().unwrap().len()
    }

    #[test]
    fn roles_show_what_they_gather_at_once_or_in_time() {
        let mut state = State::default();
        let mut chores = Chores::default();
        for object in bootstrap::objects().iter().filter(|it| it["kind"] == "ClusterRole") {
            create(&mut state, object);
        }
        assert_eq!(settle(&mut chores, &mut state), 3);
        let begin = shown(&state);
        create(&mut state, &role("one"));
        assert_eq!(settle(&mut chores, &mut state), 3);
        assert_eq!(shown(&state), begin + 1);
        assert_eq!(settle(&mut chores, &mut state), 0);
        chores.tick();
        assert_eq!(settle(&mut chores, &mut state), 0, "nothing has changed");
        // Many are not looked at each time.
        for turn in 0..ROLES_LOOKED_AT_AT_ONCE {
            create(&mut state, &role(&format!("many-{turn}")));
        }
        assert_eq!(settle(&mut chores, &mut state), 0);
        chores.tick();
        assert_eq!(settle(&mut chores, &mut state), 3);
        assert_eq!(shown(&state), begin + 1 + ROLES_LOOKED_AT_AT_ONCE);
    }
}
