//! `kubectl wait`: for conditions, for values, for the end.

use anyhow::Result;

use crate::common::{Cluster, WEB};

#[test]
fn conditions_values_and_ends_are_waited_for() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    for (wait, change) in [
        (
            "--for=condition=Ready vm/web",
            r#"kubectl patch vm web --subresource=status --type=merge -p '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'"#,
        ),
        (
            "--for=jsonpath='{.status.printableStatus}'=Running vm/web",
            r#"kubectl patch vm web --subresource=status --type=merge -p '{"status":{"printableStatus":"Running"}}'"#,
        ),
        ("--for=delete vm/web", "kubectl delete vm web --wait=false"),
    ] {
        // Whichever of the two comes first, the wait ends.
        let script =
            format!("kubectl wait {wait} --timeout=60s & waiting=$!\n{change}\nwait $waiting");
        cluster.ok(&script)?;
    }
    Ok(())
}

#[test]
fn a_wait_in_vain_says_so() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    let said = cluster.fails("kubectl wait --for=condition=Ready vm/web --timeout=1s")?;
    assert_eq!(said, "error: timed out waiting for the condition on virtualmachines/web\n");
    let said = cluster.fails("kubectl wait --for=condition=Ready vm/nothing --timeout=1s")?;
    assert!(said.contains("\"nothing\" not found"), "{said}");
    Ok(())
}
