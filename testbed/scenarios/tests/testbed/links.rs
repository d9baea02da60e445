//! Links with relays in them, from the command line.

use anyhow::{Context, Result};

use crate::common::Place;

#[test]
fn links_are_shown_broken_and_restored() -> Result<()> {
    let place = Place::new()?;
    let topology = place.file(
        "t.yaml",
        "nodes: [{name: a}, {name: b, networks: {slow: {linkSpeed: 1Mi}}}]\n\
         networks: [{name: pod, relay: true}, {name: slow, linkSpeed: 100Mbit, latency: 2ms}]\n",
    )?;
    place.ok(&["up", "--topology", topology.to_str().context("a path of letters")?])?;
    let shown = place.ok(&["link", "show"])?;
    let rows: Vec<Vec<&str>> =
        shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1][..5], ["pod", "to", "a", "up", "none"], "{shown}");
    let slow = ["slow", "to", "b", "up", "1", "MiB/s", "2ms", "0", "B"];
    assert!(rows.iter().any(|row| row.starts_with(&slow)), "{shown}");

    for (arguments, said) in [
        (&["link", "stall", "a"][..], "stalled"),
        (&["link", "unplug", "a"], "unplugged"),
        (&["link", "limit", "10Mi", "a"], "10 MiB/s"),
        (&["link", "delay", "7ms", "a"], "7ms"),
    ] {
        let shown = place.ok(arguments)?;
        assert!(shown.contains(said), "{arguments:?}: {shown}");
        let shown = place.ok(&["link", "restore", "a"])?;
        assert!(shown.contains("up") && !shown.contains(said), "{arguments:?}: {shown}");
    }
    let complaint = place.fails(1, &["link", "cut", "a", "--network", "fast"])?;
    assert!(complaint.contains("no relay stands between a and network fast"), "{complaint}");
    let complaint = place.fails(1, &["link", "cut", "node-9"])?;
    assert!(complaint.contains("there is no node \"node-9\"; there are a, b"), "{complaint}");
    let complaint = place.fails(2, &["link", "limit", "fast", "a"])?;
    assert!(complaint.contains("in bytes per second such as 125Mi"), "{complaint}");
    Ok(())
}
