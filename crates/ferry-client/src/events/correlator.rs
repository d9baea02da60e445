//! The same news is told once, and counted from then on.
//!
//! Source: client-go `tools/record/events_cache.go`. Two events are the same if they are about the same
//! object, of the same type, and say the same for the same reason. Each is remembered for as long as
//! there are not too many.

use std::collections::BTreeMap;

use ferry_reconcile::{Event, ObjectRef};
use ferry_units::WallTime;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Source;
use ferry_api::KindVersion;

/// So many different events are remembered; the oldest half is forgotten when there are more. One
/// takes a few hundred bytes, and one that comes again after a thousand others is news.
const MOST_KNOWN: usize = 1024;

/// A name is at most this long, with what makes it the only one.
const LONGEST_NAME: usize = 253;

/// Where events about objects of the whole cluster are kept.
// PARITY: tools/record/event.go#makeEvent
const DEFAULT_NAMESPACE: &str = "default";

/// What makes two events the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Same {
    about: ObjectRef,
    type_: &'static str,
    reason: &'static str,
    message: String,
    component: &'static str,
}

/// An event object that the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    name: String,
    count: u64,
    /// When it was told last, in the order of telling.
    turn: u64,
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Telling {
    /// A new event.
    New { namespace: String, body: Value },
    /// One more of what was told before.
    Again { namespace: String, name: String, merge: Value },
}

/// What was told so far.
#[derive(Debug)]
pub(super) struct Correlator {
    source: Source,
    known: BTreeMap<Same, Known>,
    turn: u64,
    /// The moment that the last event was named for.
    last: Timestamp,
}

impl Same {
    pub(super) fn of(event: &Event) -> Self {
        Self {
            about: event.about.clone(),
            type_: event.type_.name(),
            reason: event.reason,
            message: event.message.clone(),
            component: event.component.name(),
        }
    }
}

impl Correlator {
    pub(super) fn new(source: Source) -> Self {
        Self { source, known: BTreeMap::new(), turn: 0, last: Timestamp::UNIX_EPOCH }
    }

    /// What is to be sent of an event of this moment.
    pub(super) fn tell(&mut self, event: &Event, now: WallTime) -> Telling {
        self.turn += 1;
        let stamp = now.whole_seconds().to_string();
        let namespace = namespace_of(&event.about);
        if let Some(known) = self.known.get_mut(&Same::of(event)) {
            known.count += 1;
            known.turn = self.turn;
            let merge = json!({ "count": known.count, "lastTimestamp": stamp });
            return Telling::Again { namespace, name: known.name.clone(), merge };
        }
        let name = self.name(&event.about.name, now);
        self.forget_the_oldest();
        let known = Known { name: name.clone(), count: 1, turn: self.turn };
        self.known.insert(Same::of(event), known);
        let body = self.body(event, &namespace, &name, &stamp);
        Telling::New { namespace, body }
    }

    /// The server does not have the event: it was not taken, or its time is over.
    pub(super) fn is_unknown(&mut self, event: &Event) {
        self.known.remove(&Same::of(event));
    }

    // PARITY: tools/record/event.go#makeEvent
    fn body(&self, event: &Event, namespace: &str, name: &str, stamp: &str) -> Value {
        let Event { about, type_, reason, message, component } = event;
        let mut involved = json!({
            "apiVersion": KindVersion::storage(about.kind).api_version(),
            "kind": about.kind.definition().kind,
            "name": about.name,
            "uid": about.uid,
        });
        if !about.namespace.is_empty() {
            involved["namespace"] = json!(about.namespace);
        }
        let (component, host) = (component.name(), self.source.host());
        let mut source = json!({ "component": component });
        if !host.is_empty() {
            source["host"] = json!(host);
        }
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "name": name, "namespace": namespace },
            "involvedObject": involved,
            "type": type_.name(), "reason": reason, "message": message,
            "source": source,
            "reportingComponent": component, "reportingInstance": host,
            "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1,
        })
    }

    /// `OBJECT.MOMENT`, where no two events have the same moment.
    fn name(&mut self, object: &str, now: WallTime) -> String {
        let next = self.last.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(self.last);
        self.last = Timestamp::from(now).max(next);
        let moment = format!(".{:x}", self.last.as_nanosecond());
        let room = LONGEST_NAME - moment.len();
        let cut = (0..=room.min(object.len())).rev().find(|&at| object.is_char_boundary(at));
        format!("{}{moment}", &object[..cut.unwrap_or_default()])
    }

    fn forget_the_oldest(&mut self) {
        if self.known.len() < MOST_KNOWN {
            return;
        }
        let mut turns: Vec<u64> = self.known.values().map(|known| known.turn).collect();
        turns.sort_unstable();
        let middle = turns[turns.len() / 2];
        self.known.retain(|_, known| known.turn >= middle);
    }
}

fn namespace_of(about: &ObjectRef) -> String {
    let namespace = about.namespace.as_str();
    if namespace.is_empty() { DEFAULT_NAMESPACE } else { namespace }.to_owned()
}

#[cfg(test)]
mod tests {
    use ferry_api::Kind;
    use ferry_reconcile::{Component, EventType};

    use super::*;

    fn event(name: &str, message: &str) -> Event {
        Event {
            about: ObjectRef {
                kind: Kind::VirtualMachineInstanceMigration,
                namespace: "shop".to_owned(),
                name: name.to_owned(),
                uid: "u-1".to_owned(),
            },
            type_: EventType::Normal,
            reason: "SuccessfulCreate",
            message: message.to_owned(),
            component: Component::Controller,
        }
    }

    fn at(second: u32) -> WallTime {
        format!("2026-11-26T00:00:{second:02}.5Z").parse().unwrap()
    }

    fn correlator() -> Correlator {
        Correlator::new(Source::program("ferry-controller"))
    }

    #[test]
    fn parity_the_same_news_is_counted_and_other_news_is_told() {
        let mut correlator = correlator();
        let Telling::New { body, namespace } = correlator.tell(&event("m", "one"), at(1)) else {
            panic!("it was told before")
        };
        assert_eq!(namespace, "shop");
        assert_eq!(body["involvedObject"]["apiVersion"], "kubevirt.io/v1");
        assert_eq!(body["source"], json!({ "component": "virtualmachine-controller" }));
        assert_eq!(body["firstTimestamp"], "2026-11-26T00:00:01Z");
        let name = body["metadata"]["name"].as_str().unwrap();
        for count in 2..4 {
            assert_eq!(
                correlator.tell(&event("m", "one"), at(count)),
                Telling::Again {
                    namespace: "shop".to_owned(),
                    name: name.to_owned(),
                    merge: json!({
                        "count": count, "lastTimestamp": format!("2026-11-26T00:00:{count:02}Z"),
                    }),
                }
            );
        }
        for other in [event("m", "two"), event("n", "one")] {
            let telling = correlator.tell(&other, at(5));
            assert!(matches!(telling, Telling::New { .. }), "{telling:?}");
        }
        correlator.is_unknown(&event("m", "one"));
        assert!(matches!(correlator.tell(&event("m", "one"), at(6)), Telling::New { .. }));
    }

    #[test]
    fn no_two_events_have_one_name_and_none_is_too_long() {
        let mut correlator = correlator();
        let mut names: Vec<String> =
            (0..100).map(|_| correlator.name(&"x".repeat(253), at(1))).collect();
        assert!(names.iter().all(|name| name.len() <= LONGEST_NAME));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 100);
    }

    #[test]
    fn what_was_told_long_ago_is_forgotten_and_what_was_told_lately_is_not() {
        let mut correlator = correlator();
        for number in 0..=MOST_KNOWN {
            correlator.tell(&event("m", &number.to_string()), at(1));
        }
        assert!(correlator.known.len() <= MOST_KNOWN, "{}", correlator.known.len());
        let last = event("m", &MOST_KNOWN.to_string());
        assert!(matches!(correlator.tell(&last, at(2)), Telling::Again { .. }));
        assert!(matches!(correlator.tell(&event("m", "0"), at(2)), Telling::New { .. }));
    }

    #[test]
    fn an_event_of_a_cluster_wide_object_is_kept_in_the_default_namespace() {
        let mut about = event("node-1", "m").about;
        about.namespace.clear();
        assert_eq!(namespace_of(&about), "default");
    }
}
