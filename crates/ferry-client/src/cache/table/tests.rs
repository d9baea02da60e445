//! A table against a server of which everything is known: writes of others, own writes whose answers
//! come at once, a watch that lags behind, lists in between.

use std::collections::VecDeque;

use k8s_openapi::api::core::v1::ConfigMap;
use proptest::prelude::*;

use super::*;

/// What a watch tells.
#[derive(Clone, Debug)]
enum Told {
    Applied(ConfigMap),
    Deleted(ConfigMap),
}

/// A server, and the table of a program that writes and watches.
#[derive(Debug, Default)]
struct World {
    revision: u64,
    uids: u64,
    objects: BTreeMap<String, ConfigMap>,
    /// What the watch has not told yet.
    pending: VecDeque<Told>,
    table: Table<ConfigMap>,
    /// The newest revision of each uid that the table has ever shown.
    shown: BTreeMap<String, u64>,
    /// Uids that were deleted by the program itself.
    deleted: BTreeSet<String>,
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody else makes or changes an object.
    Write(u8),
    /// Somebody else deletes it.
    Delete(u8),
    /// The program makes or changes it, if the table shows it as it is.
    OwnWrite(u8),
    /// The program deletes what the table shows.
    OwnDelete(u8),
    /// The watch tells so many changes.
    Watch(u8),
    /// The watch is lost, and everything is listed.
    List,
    /// A list is asked for and served; before it arrives, the program writes and deletes.
    SlowList(u8, u8),
}

impl World {
    fn started() -> Self {
        let mut world = Self::default();
        world.list();
        world
    }

    fn put(&mut self, name: &str) -> ConfigMap {
        self.revision += 1;
        let mut object = self.objects.get(name).cloned().unwrap_or_else(|| {
            self.uids += 1;
            let mut new = ConfigMap::default();
            new.metadata.name = Some(name.to_owned());
            new.metadata.namespace = Some("ns".to_owned());
            new.metadata.uid = Some(self.uids.to_string());
            new
        });
        object.metadata.resource_version = Some(self.revision.to_string());
        self.objects.insert(name.to_owned(), object.clone());
        self.pending.push_back(Told::Applied(object.clone()));
        object
    }

    fn remove(&mut self, name: &str) {
        let Some(mut object) = self.objects.remove(name) else { return };
        self.revision += 1;
        object.metadata.resource_version = Some(self.revision.to_string());
        self.pending.push_back(Told::Deleted(object));
    }

    fn own_write(&mut self, name: &str) {
        // A change of what is no longer so is a conflict; a second creation as well.
        let seen = self.table.get("ns", name).map(|object| object.as_ref().clone());
        if seen.as_ref() != self.objects.get(name) {
            return;
        }
        let answer = self.put(name);
        self.table.answer(answer.clone());
        let shown = self.table.get("ns", name).expect("an own write is seen");
        assert!(revision_of(&**shown) >= revision_of(&answer));
    }

    fn own_delete(&mut self, name: &str) {
        let Some(seen) = self.table.get("ns", name).cloned() else { return };
        // Only that very object is deleted, or it is gone already.
        if self.objects.get(name).is_some_and(|it| uid(it) != uid(&*seen)) {
            return;
        }
        self.remove(name);
        self.table.forget("ns", name, uid(&*seen));
        self.deleted.insert(uid(&*seen).to_owned());
    }

    fn watch(&mut self) {
        match self.pending.pop_front() {
            Some(Told::Applied(object)) => drop(self.table.apply(object)),
            Some(Told::Deleted(object)) => drop(self.table.delete(&object)),
            None => {}
        }
    }

    fn list(&mut self) {
        self.pending.clear();
        let items = self.objects.values().cloned().collect();
        self.table.refill(items, self.revision);
    }

    fn slow_list(&mut self, written: &str, deleted: &str) {
        let (items, at) = (self.objects.values().cloned().collect(), self.revision);
        self.pending.clear();
        self.own_write(written);
        self.own_delete(deleted);
        self.table.refill(items, at);
    }

    fn happen(&mut self, step: &Step) {
        let name = |number: &u8| format!("m-{}", number % 3);
        match step {
            Step::Write(number) => drop(self.put(&name(number))),
            Step::Delete(number) => self.remove(&name(number)),
            Step::OwnWrite(number) => self.own_write(&name(number)),
            Step::OwnDelete(number) => self.own_delete(&name(number)),
            Step::Watch(count) => (0..*count).for_each(|_| self.watch()),
            Step::List => self.list(),
            Step::SlowList(written, deleted) => self.slow_list(&name(written), &name(deleted)),
        }
        self.check();
    }

    fn check(&mut self) {
        for object in self.table.list(None, &Selector::default()) {
            assert!(!self.deleted.contains(uid(&**object)), "it rises from the dead: {object:?}");
            let revision = revision_of(&**object);
            let newest = self.shown.entry(uid(&**object).to_owned()).or_default();
            assert!(revision >= *newest, "it goes back: {object:?}");
            *newest = revision;
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<u8>().prop_map(Step::Write),
        2 => any::<u8>().prop_map(Step::Delete),
        6 => any::<u8>().prop_map(Step::OwnWrite),
        3 => any::<u8>().prop_map(Step::OwnDelete),
        8 => (1..4_u8).prop_map(Step::Watch),
        1 => Just(Step::List),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Step::SlowList(a, b)),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn nothing_goes_back_own_writes_are_seen_and_in_the_end_all_is_as_it_is(steps in steps()) {
        let mut world = World::started();
        for step in &steps {
            world.happen(step);
        }
        while !world.pending.is_empty() {
            world.watch();
            world.check();
        }
        let all = Selector::default();
        let kept = world.table.list(None, &all).map(|it| it.as_ref().clone());
        prop_assert_eq!(kept.collect::<Vec<_>>(), world.objects.into_values().collect::<Vec<_>>());
        prop_assert!(world.table.gone.is_empty(), "the watch has told of every end");
    }
}

#[test]
fn a_server_that_has_lost_its_past_is_believed() {
    let mut world = World::started();
    for _ in 0..5 {
        world.put("m-0");
        world.put("m-1");
    }
    world.list();
    // It was given an older disk.
    world.revision = 3;
    world.objects.remove("m-1");
    world.put("m-0");
    world.list();
    let all = Selector::default();
    let kept: Vec<_> = world.table.list(None, &all).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(revision_of(&**kept[0]), 4);
}

#[test]
fn objects_are_found_by_namespace_and_labels_and_carry_no_managed_fields() {
    let mut table = Table::default();
    let map = |namespace: &str, name: &str, app: &str, revision: u64| -> ConfigMap {
        serde_json::from_value(serde_json::json!({
            "metadata": {
                "namespace": namespace, "name": name, "uid": name, "labels": { "app": app },
                "resourceVersion": revision.to_string(), "managedFields": [{ "manager": "m" }],
            },
        }))
        .unwrap()
    };
    table.refill(vec![map("a", "1", "x", 1), map("b", "2", "x", 2)], 2);
    table.apply(map("b", "3", "y", 3));
    let names = |table: &Table<ConfigMap>, namespace: Option<&str>, labels: &str| {
        let labels = Selector::parse(labels).unwrap();
        let found = table.list(namespace, &labels).map(|it| it.metadata.name.clone().unwrap());
        found.collect::<Vec<_>>()
    };
    assert_eq!(names(&table, None, ""), ["1", "2", "3"]);
    assert_eq!(names(&table, Some("b"), ""), ["2", "3"]);
    assert_eq!(names(&table, None, "app=x"), ["1", "2"]);
    assert_eq!(names(&table, Some("c"), ""), [""; 0]);
    let one = table.get("a", "1").unwrap();
    assert_eq!(one.metadata.managed_fields, None);
}
