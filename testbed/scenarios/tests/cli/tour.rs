//! `ferry demo`, on a testbed that is there.

use anyhow::Result;
use ferry_harness::Testbed;

#[tokio::test]
async fn the_tour_shows_both_ways_to_move_and_leaves_nothing_behind() -> Result<()> {
    let testbed = Testbed::builder().nodes(3).start().await?;
    let tour = testbed.ferry(["demo"])?;
    assert_eq!(tour.code, 0, "{}{}", tour.stdout, tour.stderr);
    let row = |machine: &str| {
        let mut rows = tour.stdout.lines().map(str::trim_start);
        rows.rfind(|row| row.starts_with(machine)).unwrap_or_default()
    };
    for (machine, mode) in [("web ", "PreCopy"), ("busy ", "PostCopy")] {
        let row = row(machine);
        assert!(row.contains(mode) && row.ends_with("all 65536 right"), "{}", tour.stdout);
    }
    let left = testbed.ferry(["get", "ns,migrationpolicies", "-o", "name"])?;
    assert!(!left.stdout.contains("ferry-demo"), "{}", left.stdout);
    assert_eq!(testbed.ferry(["get", "vmi,pods", "-A", "-o", "name"])?.stdout, "");
    Ok(())
}
