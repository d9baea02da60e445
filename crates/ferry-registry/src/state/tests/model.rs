//! Random writes, with lists and watches among them, against a map and all that it ever was.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use ferry_api::{Kind, Selector};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::object::{Revision, Stored};
use crate::refusal::Refusal;
use crate::state::{ListOptions, ListStart, Selection, WatchKind};
use crate::testing::{Cluster, config_map, target};

/// What the model knows of an object.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    revision: u64,
    tier: u8,
    value: u8,
}

type Snapshot = BTreeMap<String, Known>;

#[derive(Clone, Debug)]
enum Step {
    Create {
        name: u8,
        tier: u8,
        value: u8,
    },
    /// With the current revision, or with one that is `behind`.
    Update {
        name: u8,
        tier: u8,
        value: u8,
        behind: u64,
    },
    Patch {
        name: u8,
        tier: u8,
        value: u8,
    },
    Delete {
        name: u8,
    },
    /// A write to another kind, which nobody here may see.
    Elsewhere,
    StartWatch {
        tier: Option<u8>,
    },
    Poll {
        watcher: usize,
        most: usize,
    },
    StartList {
        limit: usize,
        tier: Option<u8>,
    },
    NextPage {
        list: usize,
    },
    ListAt {
        back: u64,
        tier: Option<u8>,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = 0..6u8;
    let tier = 0..3u8;
    let value = 0..3u8;
    let chosen = prop::option::of(0..3u8);
    let step = prop_oneof![
        3 => (name.clone(), tier.clone(), value.clone())
            .prop_map(|(name, tier, value)| Step::Create { name, tier, value }),
        2 => (name.clone(), tier.clone(), value.clone(), 0..2u64)
            .prop_map(|(name, tier, value, behind)| Step::Update { name, tier, value, behind }),
        3 => (name.clone(), tier, value)
            .prop_map(|(name, tier, value)| Step::Patch { name, tier, value }),
        2 => name.prop_map(|name| Step::Delete { name }),
        1 => Just(Step::Elsewhere),
        1 => chosen.clone().prop_map(|tier| Step::StartWatch { tier }),
        3 => (0..4usize, 1..4usize).prop_map(|(watcher, most)| Step::Poll { watcher, most }),
        1 => (1..4usize, chosen.clone()).prop_map(|(limit, tier)| Step::StartList { limit, tier }),
        2 => (0..3usize).prop_map(|list| Step::NextPage { list }),
        1 => (0..8u64, chosen).prop_map(|(back, tier)| Step::ListAt { back, tier }),
    ];
    prop::collection::vec(step, 1..60)
}

struct Watcher {
    selection: Selection,
    tier: Option<u8>,
    upto: Revision,
    view: Snapshot,
}

struct Listing {
    selection: Selection,
    limit: NonZeroUsize,
    start: Option<ListStart>,
    seen: Vec<(String, Known)>,
    all: Snapshot,
}

struct World {
    cluster: Cluster,
    /// What there was at each revision.
    snapshots: Vec<Snapshot>,
    watchers: Vec<Watcher>,
    lists: Vec<Listing>,
}

fn name_of(name: u8) -> String {
    format!("n{name}")
}

fn object(name: u8, tier: u8, value: u8) -> Value {
    let mut object = config_map(&name_of(name));
    object["metadata"]["labels"] = json!({ "tier": format!("t{tier}") });
    object["data"] = json!({ "k": format!("v{value}") });
    object
}

fn selection(tier: Option<u8>) -> Selection {
    let labels = match tier {
        Some(tier) => Selector::parse(&format!("tier=t{tier}")).unwrap(),
        None => Selector::default(),
    };
    Selection { labels, ..Selection::of(Kind::ConfigMap) }
}

fn chosen(snapshot: &Snapshot, tier: Option<u8>) -> Snapshot {
    let fits = |known: &Known| tier.is_none_or(|tier| known.tier == tier);
    snapshot
        .iter()
        .filter(|(_, known)| fits(known))
        .map(|(name, known)| (name.clone(), known.clone()))
        .collect()
}

/// What an object says of itself, its index and its JSON alike.
fn known(object: &Stored) -> (String, Known) {
    let json: Value = serde_json::from_slice(&object.json).unwrap();
    let number = |value: &Value| value.as_str().unwrap()[1..].parse().unwrap();
    assert_eq!(json["metadata"]["resourceVersion"], object.revision.to_string());
    assert_eq!(json["metadata"]["labels"]["tier"], object.meta.labels.get("tier").unwrap());
    let known = Known {
        revision: object.revision.0,
        tier: number(&json["metadata"]["labels"]["tier"]),
        value: number(&json["data"]["k"]),
    };
    (object.key.name.clone(), known)
}

impl World {
    fn new() -> Self {
        let cluster = Cluster::new();
        let revision = usize::try_from(cluster.state.revision().0).unwrap();
        let snapshots = vec![Snapshot::new(); revision + 1];
        Self { cluster, snapshots, watchers: Vec::new(), lists: Vec::new() }
    }

    fn now(&self) -> &Snapshot {
        self.snapshots.last().unwrap()
    }

    fn at(&self, revision: Revision) -> &Snapshot {
        &self.snapshots[usize::try_from(revision.0).unwrap()]
    }

    /// Notes a write that the model expects to have happened.
    fn note(&mut self, change: impl FnOnce(&mut Snapshot, u64)) {
        let mut next = self.now().clone();
        change(&mut next, u64::try_from(self.snapshots.len()).unwrap());
        self.snapshots.push(next);
    }

    fn write(&mut self, step: &Step) {
        match *step {
            Step::Create { name, tier, value } => {
                let expected = !self.now().contains_key(&name_of(name));
                let result = self.cluster.create(&object(name, tier, value));
                assert_eq!(result.is_ok(), expected, "{result:?}");
                if expected {
                    self.note(|all, revision| {
                        all.insert(name_of(name), Known { revision, tier, value });
                    });
                } else {
                    assert!(matches!(result, Err(Refusal::AlreadyExists { .. })));
                }
            }
            Step::Update { name, tier, value, behind } => {
                let live = self.now().get(&name_of(name)).cloned();
                let mut wanted = object(name, tier, value);
                if let Some(live) = &live {
                    wanted["metadata"]["resourceVersion"] =
                        json!((live.revision - behind.min(live.revision - 1)).to_string());
                }
                let result = self.cluster.update(&wanted);
                match live {
                    None => assert!(matches!(result, Err(Refusal::NotFound { .. }))),
                    Some(live) if behind.min(live.revision - 1) > 0 => {
                        assert!(matches!(result, Err(Refusal::Conflict { .. })), "{result:?}");
                    }
                    Some(live) => {
                        self.changed(result.unwrap().change.is_some(), name, tier, value, &live);
                    }
                }
            }
            Step::Patch { name, tier, value } => {
                let live = self.now().get(&name_of(name)).cloned();
                let patch = json!({
                    "metadata": { "labels": { "tier": format!("t{tier}") } },
                    "data": { "k": format!("v{value}") },
                });
                let result = self.cluster.merge(target(Kind::ConfigMap, &name_of(name)), patch);
                match live {
                    None => assert!(matches!(result, Err(Refusal::NotFound { .. }))),
                    Some(live) => {
                        self.changed(result.unwrap().change.is_some(), name, tier, value, &live);
                    }
                }
            }
            Step::Delete { name } => {
                let expected = self.now().contains_key(&name_of(name));
                let result = self.cluster.delete(target(Kind::ConfigMap, &name_of(name)));
                assert_eq!(result.is_ok(), expected);
                if expected {
                    self.note(|all, _| {
                        all.remove(&name_of(name));
                    });
                }
            }
            Step::Elsewhere => {
                let secret = json!({
                    "apiVersion": "v1", "kind": "Secret", "metadata": { "generateName": "s-" },
                });
                self.cluster.suffixes = vec![self.snapshots.len().to_string()];
                self.cluster.create(&secret).unwrap();
                self.note(|_, _| {});
            }
            Step::StartWatch { .. }
            | Step::Poll { .. }
            | Step::StartList { .. }
            | Step::NextPage { .. }
            | Step::ListAt { .. } => {}
        }
    }

    /// A write of these values happened if and only if they differ.
    fn changed(&mut self, happened: bool, name: u8, tier: u8, value: u8, live: &Known) {
        assert_eq!(happened, (live.tier, live.value) != (tier, value));
        if happened {
            self.note(|all, revision| {
                all.insert(name_of(name), Known { revision, tier, value });
            });
        }
    }

    fn read(&mut self, step: &Step) {
        match *step {
            Step::StartWatch { tier } => {
                let upto = self.cluster.state.revision();
                let view = chosen(self.now(), tier);
                self.watchers.push(Watcher { selection: selection(tier), tier, upto, view });
            }
            Step::Poll { watcher, most } if !self.watchers.is_empty() => {
                let index = watcher % self.watchers.len();
                self.poll(index, most);
            }
            Step::StartList { limit, tier } => self.lists.push(Listing {
                selection: selection(tier),
                limit: NonZeroUsize::new(limit).unwrap(),
                start: Some(ListStart::Newest),
                seen: Vec::new(),
                all: chosen(self.now(), tier),
            }),
            Step::NextPage { list } if !self.lists.is_empty() => {
                let index = list % self.lists.len();
                self.next_page(index);
            }
            Step::ListAt { back, tier } => {
                let revision = Revision(self.cluster.state.revision().0.saturating_sub(back));
                let options = ListOptions { limit: None, start: ListStart::Exactly(revision) };
                let page = self.cluster.state.list(&selection(tier), &options).unwrap();
                let found: Snapshot = page.items.iter().map(|object| known(object)).collect();
                assert_eq!((page.revision, found), (revision, chosen(self.at(revision), tier)));
            }
            Step::Create { .. }
            | Step::Update { .. }
            | Step::Patch { .. }
            | Step::Delete { .. }
            | Step::Elsewhere
            | Step::Poll { .. }
            | Step::NextPage { .. } => {}
        }
    }

    /// A watcher sees what differs from one revision to the next, once and in order.
    fn poll(&mut self, index: usize, most: usize) {
        let watcher = &self.watchers[index];
        let found = self.cluster.state.events(&watcher.selection, watcher.upto, most).unwrap();
        assert!(found.events.len() <= most);
        let mut expected = Vec::new();
        for revision in watcher.upto.0 + 1..=found.upto.0 {
            let before = chosen(self.at(Revision(revision - 1)), watcher.tier);
            let after = chosen(self.at(Revision(revision)), watcher.tier);
            for (name, old) in &before {
                match after.get(name) {
                    Some(new) if new != old => {
                        expected.push((WatchKind::Modified, name.clone(), new.clone()));
                    }
                    Some(_) => {}
                    None => {
                        let last = Known { revision, ..old.clone() };
                        expected.push((WatchKind::Deleted, name.clone(), last));
                    }
                }
            }
            for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                expected.push((WatchKind::Added, name.clone(), new.clone()));
            }
        }
        let seen: Vec<_> = found
            .events
            .iter()
            .map(|event| {
                let (name, known) = known(&event.object);
                let line: Value = serde_json::from_slice(&event.line()).unwrap();
                assert_eq!(line["type"], event.kind.word());
                assert_eq!(line["object"]["metadata"]["name"], name);
                assert_eq!(known.revision, event.revision.0);
                (event.kind, name, known)
            })
            .collect();
        assert_eq!(seen, expected);
        let upto = found.upto;
        let watcher = &mut self.watchers[index];
        for (kind, name, known) in seen {
            match kind {
                WatchKind::Added | WatchKind::Modified => drop(watcher.view.insert(name, known)),
                WatchKind::Deleted => drop(watcher.view.remove(&name)),
            }
        }
        watcher.upto = upto;
        let (view, tier) = (watcher.view.clone(), watcher.tier);
        assert_eq!(view, chosen(self.at(upto), tier));
    }

    /// Pages are of one revision, whatever is written between them.
    fn next_page(&mut self, index: usize) {
        let list = &mut self.lists[index];
        let Some(start) = list.start.take() else { return };
        let options = ListOptions { limit: Some(list.limit), start };
        let page = self.cluster.state.list(&list.selection, &options).unwrap();
        assert!(page.items.len() <= list.limit.get());
        list.seen.extend(page.items.iter().map(|object| known(object)));
        if list.selection.is_whole() && page.next.is_some() {
            assert_eq!(page.remaining, Some(list.all.len() - list.seen.len()));
        }
        if let Some(token) = page.next {
            let token = crate::ContinueToken::parse(&token.to_string()).unwrap();
            list.start = Some(ListStart::Continue(token));
        } else {
            let all: Vec<_> = list.all.clone().into_iter().collect();
            assert_eq!(list.seen, all);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn lists_and_watches_tell_what_happened_and_nothing_else(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            // A list that is asked for only later is of the moment of its first page.
            if let Step::StartList { .. } = step {
                world.read(step);
                let last = world.lists.len() - 1;
                world.next_page(last);
                continue;
            }
            world.write(step);
            world.read(step);
            prop_assert_eq!(world.cluster.state.revision().0 + 1, world.snapshots.len() as u64);
        }
        for index in 0..world.watchers.len() {
            while world.watchers[index].upto < world.cluster.state.revision() {
                world.poll(index, 2);
            }
        }
        for index in 0..world.lists.len() {
            while world.lists[index].start.is_some() {
                world.next_page(index);
            }
        }
    }
}
