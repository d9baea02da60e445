//! The manifests that people are given to try: the server takes each of them, and would refuse a
//! misspelt field.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ferry_harness::Topology;

use crate::common::{Cluster, WEB_INSTANCE};

/// Where the platform's own objects are; a testbed has it from the start.
const PLATFORM: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: openshift-cnv}
";

/// The YAML files of a directory beside this crate, by name.
fn files(dir: &str) -> Result<Vec<PathBuf>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(dir);
    let entries = fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))?;
    let mut files: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    Ok(files)
}

#[test]
fn every_manifest_is_taken_with_all_its_fields() -> Result<()> {
    let files = files("manifests")?;
    assert!(files.len() >= 18, "{files:?}");
    let cluster = Cluster::with(&[PLATFORM, WEB_INSTANCE])?;
    for file in files {
        let text = fs::read_to_string(&file)?;
        let (namespaces, others): (Vec<_>, Vec<_>) =
            text.split("\n---\n").partition(|document| document.contains("kind: Namespace"));
        for namespace in namespaces {
            cluster.create(namespace)?;
        }
        let text = others.join("\n---\n");
        // Nothing is kept: what one file says of the cluster is not to meet what another does.
        let command = "kubectl create --dry-run=server --validate=strict -f -";
        cluster.shell.ok_with(command, &text).with_context(|| file.display().to_string())?;
        let misspelt = text.replacen("spec:", "spec:\n  mispelt: 1", 1);
        let refused = cluster.shell.fails_with(command, &misspelt)?;
        assert!(refused.contains("mispelt"), "{}: {refused}", file.display());
    }
    Ok(())
}

#[test]
fn every_manifest_is_told_of_and_says_what_to_do() -> Result<()> {
    let index = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/README.md");
    let index = fs::read_to_string(index)?;
    for file in files("manifests")? {
        let name = file.file_name().and_then(|name| name.to_str()).context("a name")?;
        assert!(index.contains(&format!("]({name})")), "{name} is not in the index");
        let text = fs::read_to_string(&file)?;
        assert!(text.starts_with("# "), "{name} does not begin with what it shows");
    }
    Ok(())
}

#[test]
fn every_topology_is_one() -> Result<()> {
    let files = files("topologies")?;
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        Topology::read(&file)?;
    }
    Ok(())
}
