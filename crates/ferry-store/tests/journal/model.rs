//! Random histories: the journal is a map that remembers its newest changes.

use std::collections::BTreeMap;

use bytes::Bytes;
use ferry_store::{Journal, Object, Record, RecordChange, Recovered, Retention, StoreError};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::{Scratch, delete, put};

#[derive(Clone, Debug)]
enum Step {
    /// Key, and the length of its new value, or that it goes.
    Append(Vec<(u8, Option<usize>)>),
    Compact(u64),
    WorkOff,
    Reopen,
    ReopenWith(Retention),
}

fn retention() -> impl Strategy<Value = Retention> {
    (1_usize..60, 1_u64..200_000).prop_map(|(records, bytes)| Retention { records, bytes })
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![8 => 0_usize..3_000, 2 => 3_000_usize..40_000, 1 => Just(200_000)];
    let change = (0_u8..12, prop::option::weighted(0.8, length));
    prop_oneof![
        12 => vec(change, 1..12).prop_map(Step::Append),
        1 => (0_u64..100_000).prop_map(Step::Compact),
        2 => Just(Step::WorkOff),
        2 => Just(Step::Reopen),
        1 => retention().prop_map(Step::ReopenWith),
    ]
}

#[derive(Default)]
struct Model {
    all: Vec<Record>,
}

impl Model {
    fn revision(&self) -> u64 {
        self.all.last().map_or(0, |record| record.revision)
    }

    /// Revisions rise, sometimes by more than one.
    fn change(&mut self, key: u8, length: Option<usize>) -> Record {
        let revision = self.revision() + 1 + u64::from(key == 3);
        let last =
            self.state(u64::MAX).get(&Bytes::from(vec![key])).map(|(_, value)| value.clone());
        let record = match length {
            Some(length) => put(revision, vec![key], vec![revision.to_le_bytes()[0]; length]),
            None => delete(revision, vec![key], last.unwrap_or_default()),
        };
        self.all.push(record.clone());
        record
    }

    fn state(&self, upto: u64) -> BTreeMap<Bytes, (u64, Bytes)> {
        let mut state = BTreeMap::new();
        for Record { revision, key, change } in &self.all {
            if *revision > upto {
                break;
            }
            match change {
                RecordChange::Put(value) => state.insert(key.clone(), (*revision, value.clone())),
                RecordChange::Delete(_) => state.remove(key),
            };
        }
        state
    }

    fn log(&self, after: u64) -> Vec<Record> {
        self.all.iter().filter(|record| record.revision > after).cloned().collect()
    }

    fn objects(&self, upto: u64) -> Vec<Object> {
        let state = self.state(upto).into_iter();
        state.map(|(key, (revision, value))| Object { revision, key, value }).collect()
    }

    fn check(&self, found: &Recovered) {
        // Not assert_eq: megabytes of values say little.
        assert!(found.log == self.log(found.base), "another log after {}", found.base);
        assert!(found.objects == self.objects(found.base), "another state at {}", found.base);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_is_a_map_that_remembers(first in retention(), steps in vec(step(), 1..60)) {
        let mut scratch = Scratch::new(first);
        let (mut store, found) = scratch.open();
        let mut model = Model::default();
        model.check(&found);
        for step in steps {
            match step {
                Step::Append(changes) => {
                    let batch: Vec<_> =
                        changes.into_iter().map(|(key, length)| model.change(key, length)).collect();
                    store.append(&batch).unwrap();
                }
                Step::Compact(budget) => {
                    store.compact(budget).unwrap();
                }
                Step::WorkOff => {
                    store.work_off().unwrap();
                    prop_assert!(!store.has_backlog());
                }
                Step::Reopen => {
                    let base = store.stats().base;
                    drop(store);
                    let found;
                    (store, found) = scratch.open();
                    model.check(&found);
                    prop_assert_eq!(found.base, base);
                }
                Step::ReopenWith(retention) => {
                    drop(store);
                    scratch.options.retention = retention;
                    let found;
                    (store, found) = scratch.open();
                    model.check(&found);
                }
            }
            let stats = store.stats();
            prop_assert_eq!(stats.revision, model.revision());
            prop_assert_eq!(stats.objects, model.state(stats.base).len());
            prop_assert_eq!(stats.log_records, model.log(stats.base).len());
        }
        let base = store.stats().base;
        let snapshot = store.snapshot().unwrap();
        prop_assert_eq!(snapshot.revision, base);
        prop_assert!(snapshot.objects == model.objects(base));
        for after in [base, u64::midpoint(base, model.revision()), model.revision()] {
            prop_assert!(store.log_since(after).unwrap() == model.log(after));
        }
        if base > 0 {
            let error = store.log_since(base - 1).unwrap_err();
            let is_gone = matches!(error, StoreError::Compacted { .. });
            prop_assert!(is_gone, "{}", error);
        }
    }
}
