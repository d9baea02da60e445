//! What watchers share, and what speculation leaves out.

use ferry_api::Kind;

use crate::object::Revision;
use crate::state::{Selection, WatchEvent, WatchKind};
use crate::testing::{Cluster, config_map, target};

#[test]
fn all_watchers_share_one_text_of_an_event() {
    let mut cluster = Cluster::new();
    cluster.create(&config_map("x")).unwrap();
    let poll = || {
        let found = cluster.state.events(&Selection::of(Kind::ConfigMap), Revision(0), 10).unwrap();
        found.events[0].line()
    };
    let (one, other) = (poll(), poll());
    assert_eq!(one.as_ptr(), other.as_ptr());
    let text = std::str::from_utf8(&one).unwrap();
    assert!(text.starts_with("{\"type\":\"ADDED\",\"object\":{"), "{text}");
    assert!(text.ends_with("}}\n"), "{text}");
}

#[test]
fn a_watch_may_begin_with_what_is_there() {
    let mut cluster = Cluster::new();
    cluster.create(&config_map("x")).unwrap();
    let object = cluster.state.object(&target(Kind::ConfigMap, "x").key()).unwrap().clone();
    let event = WatchEvent::initial(object.clone());
    assert_eq!((event.kind, event.revision), (WatchKind::Added, object.revision));
    assert_eq!(event.line(), WatchEvent::line_of(WatchKind::Added, &object.json));
}

#[test]
fn a_speculative_state_decides_alike_and_remembers_nothing() {
    let mut cluster = Cluster::new();
    cluster.create(&config_map("x")).unwrap();
    let mut ahead = Cluster { state: cluster.state.speculative(), ..cluster.clone() };
    let there = cluster.create(&config_map("y")).unwrap();
    assert_eq!(ahead.create(&config_map("y")).unwrap(), there);
    assert_eq!(ahead.state.revision(), cluster.state.revision());
    assert_eq!(ahead.state.oldest(Kind::ConfigMap), ahead.state.revision());
    assert_eq!(cluster.state.oldest(Kind::ConfigMap), Revision(0));
    assert_eq!(ahead.state.len(), cluster.state.len());
}

#[test]
fn the_last_change_is_that_of_the_kind() {
    let mut cluster = Cluster::new();
    cluster.create(&config_map("x")).unwrap();
    let at = cluster.state.revision();
    cluster.create(&crate::testing::vm("x")).unwrap();
    assert_eq!(cluster.state.last_change(Kind::ConfigMap), at);
    assert_eq!(cluster.state.last_change(Kind::VirtualMachine), at.next());
    assert_eq!(cluster.state.last_change(Kind::Pod), Revision(0));
}
