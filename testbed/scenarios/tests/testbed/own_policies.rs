//! The example of docs/harness.md, as it stands there.

use anyhow::{Context, Result};
use ferry_harness::Testbed;

#[tokio::test]
async fn our_databases_move_with_our_policy() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    testbed.apply_file("../manifests/post-copy.yaml").await?;
    testbed.wait_running("default", "hasty").await?;

    let migration = testbed.migrate("default", "hasty", &[]).await?;

    let status = migration.status.context("a status")?;
    assert_eq!(status.phase.name(), "Succeeded");
    let state = status.migration_state.context("a state")?;
    assert_eq!(state.migration_policy_name.as_deref(), Some("post-copy"));
    let settings = state.migration_configuration.context("settings")?;
    assert_eq!(settings.allow_post_copy, Some(true));
    assert_ne!(state.source_node, state.target_node);
    Ok(())
}

#[test]
fn the_guide_shows_this_test() {
    let own = include_str!("own_policies.rs");
    let (_, code) = own.split_once("\n\n").unwrap();
    let (example, _) = code.split_once("\n#[test]").unwrap();
    let guide = include_str!("../../../../docs/harness.md");
    assert!(
        guide.contains(&format!("```rust,no_run\n{example}```")),
        "docs/harness.md shows another"
    );
    assert!(example.lines().count() < 30);
}
