//! The types of machine that this node's QEMU knows, for the labels by which guests find a node that can
//! be what they ask for.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::Qemu;

/// How long QEMU may take to list them; it takes some 50 ms. A daemon does not wait longer to be ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// The family that KubeVirt runs on this architecture.
const FAMILY: &str = "q35";
const VERSIONED: &str = "pc-q35-";

impl Qemu {
    /// The types of machine that it can be; none where it is not installed.
    pub async fn machines(&self) -> BTreeSet<String> {
        let mut asked = Command::new(&self.program);
        asked.args(["-machine", "help"]).stdin(Stdio::null()).stderr(Stdio::null());
        let told = timeout(PATIENCE, asked.kill_on_drop(true).output()).await;
        match told {
            Ok(Ok(told)) => listed(&String::from_utf8_lossy(&told.stdout)),
            Ok(Err(_)) | Err(_) => BTreeSet::new(),
        }
    }
}

/// Those of the family in what `-machine help` prints: a name and what it means on each line.
fn listed(help: &str) -> BTreeSet<String> {
    let names = help.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name == FAMILY || name.starts_with(VERSIONED)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_told_from_other_machines() {
        let help = "Supported machines are:\nmicrovm              microvm (i386)\n\
                    pc                   Standard PC (alias of pc-i440fx-7.2)\n\
                    q35                  Standard PC (Q35 + ICH9, 2009) (alias of pc-q35-7.2)\n\
                    pc-q35-7.2           Standard PC (Q35 + ICH9, 2009)\nnone   empty machine\n";
        assert_eq!(listed(help).into_iter().collect::<Vec<_>>(), ["pc-q35-7.2", "q35"]);
        assert!(listed("").is_empty());
    }
}
