//! What is left when the server is killed: everything that it has acknowledged, and nothing that
//! nobody asked for. Revisions go on rising and watches go on where they were.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use ferry_harness::ApiServer;
use ferry_scenarios::Dice;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::rust::client;

/// How often the server is killed, and how many clients write meanwhile.
const ROUNDS: u64 = 12;
const WRITERS: u64 = 8;
/// How many objects a writer has; few, so that they are made, changed and deleted again and again.
const OBJECTS: u64 = 6;

/// What a client knows of one object: what it was told last, and what it has asked for since.
#[derive(Clone, Debug, Default)]
struct Known {
    acknowledged: Option<String>,
    asked_for: Asked,
}

/// What a client has asked for and was not told of.
#[derive(Clone, Debug, Default, PartialEq)]
enum Asked {
    #[default]
    Nothing,
    /// That the object has this value, or is gone.
    For(Option<String>),
}

/// What a writer knows of its objects.
type Knowledge = BTreeMap<String, Known>;

/// Writes until the server is gone.
async fn write(
    api: Api<ConfigMap>,
    writer: u64,
    mut dice: Dice,
    known: Knowledge,
    acks: Arc<AtomicU64>,
) -> Knowledge {
    let mut known = known;
    loop {
        let name = format!("writer-{writer}-{}", dice.below(OBJECTS));
        let object = known.entry(name.clone()).or_default();
        let value = dice.any().to_string();
        let is_there = object.acknowledged.is_some();
        let wanted = if is_there && dice.below(4) == 0 { None } else { Some(value) };
        object.asked_for = Asked::For(wanted.clone());
        let outcome = match &wanted {
            None => api.delete(&name, &DeleteParams::default()).await.map(drop),
            Some(value) if is_there => {
                let patch = Patch::Merge(json!({ "data": { "value": value } }));
                api.patch(&name, &PatchParams::default(), &patch).await.map(drop)
            }
            Some(value) => {
                let mut map = ConfigMap::default();
                map.metadata.name = Some(name.clone());
                map.data = Some([("value".to_owned(), value.clone())].into());
                api.create(&PostParams::default(), &map).await.map(drop)
            }
        };
        if outcome.is_err() {
            return known;
        }
        object.acknowledged = wanted;
        object.asked_for = Asked::Nothing;
        acks.fetch_add(1, Ordering::Relaxed);
    }
}

fn value(map: &ConfigMap) -> Option<String> {
    map.data.as_ref().and_then(|data| data.get("value")).cloned()
}

/// Settles what nobody knew: whether the last thing that was asked for has been done.
fn compare(known: &mut Knowledge, found: &BTreeMap<String, String>) -> Result<()> {
    for (name, object) in known {
        let now = found.get(name).cloned();
        let may_be = std::mem::take(&mut object.asked_for);
        ensure!(
            now == object.acknowledged || may_be == Asked::For(now.clone()),
            "{name} is {now:?}, acknowledged was {:?}, asked for {may_be:?}",
            object.acknowledged
        );
        object.acknowledged = now;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_has_every_acknowledged_write_and_nothing_else() -> Result<()> {
    let seed = 20_261_126;
    let mut dice = Dice::new(seed);
    let mut server = ApiServer::start()?;
    let mut known: Vec<Knowledge> = vec![Knowledge::new(); usize::try_from(WRITERS)?];
    for round in 0..ROUNDS {
        let api: Api<ConfigMap> = Api::namespaced(client(&server).await?, "kube-public");
        let before = api.list(&ListParams::default()).await?;
        let start = before.metadata.resource_version.clone().context("a revision")?;
        let acks = Arc::new(AtomicU64::new(0));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let known = std::mem::take(&mut known[usize::try_from(writer).unwrap_or(0)]);
                let dice = Dice::new(dice.any());
                tokio::spawn(write(api.clone(), writer, dice, known, Arc::clone(&acks)))
            })
            .collect();
        let enough = 20 + dice.below(400);
        ferry_harness::wait_until("writes that are acknowledged", || {
            Ok((acks.load(Ordering::Relaxed) >= enough).then_some(()))
        })?;
        server.kill()?;
        for (slot, writer) in known.iter_mut().zip(writers) {
            *slot = writer.await?;
        }
        server.start_again()?;

        let api: Api<ConfigMap> = Api::namespaced(client(&server).await?, "kube-public");
        let after = api.list(&ListParams::default()).await?;
        let found: BTreeMap<_, _> = after
            .items
            .iter()
            .filter(|map| map.name_any().starts_with("writer-"))
            .filter_map(|map| Some((map.name_any(), value(map)?)))
            .collect();
        for known in &mut known {
            compare(known, &found).with_context(|| format!("round {round} of seed {seed}"))?;
        }
        // Whoever watched before the crash goes on where it was, and arrives at the same.
        let end = after.metadata.resource_version.clone().context("a revision")?;
        replayed(&api, &before.items, &start, &end, &found).await?;
    }
    let status = server.stop()?;
    ensure!(status.success(), "{status}:\n{}", server.log());
    Ok(())
}

/// Follows a watch from `start` until the revision `end`, on top of what was there.
async fn replayed(
    api: &Api<ConfigMap>,
    before: &[ConfigMap],
    start: &str,
    end: &str,
    wanted: &BTreeMap<String, String>,
) -> Result<()> {
    let ours = |map: &ConfigMap| map.name_any().starts_with("writer-");
    let mut state: BTreeMap<_, _> = before
        .iter()
        .filter(|map| ours(map))
        .filter_map(|map| Some((map.name_any(), value(map)?)))
        .collect();
    let (mut last, end): (u64, u64) = (start.parse()?, end.parse()?);
    let mut events = api.watch(&WatchParams::default().timeout(1), start).await?.boxed();
    while let Some(event) = events.try_next().await? {
        let (map, is_there) = match event {
            WatchEvent::Added(map) | WatchEvent::Modified(map) => (map, true),
            WatchEvent::Deleted(map) => (map, false),
            WatchEvent::Bookmark(_) => continue,
            WatchEvent::Error(error) => anyhow::bail!("{error:?}"),
        };
        let revision: u64 = map.resource_version().context("a revision")?.parse()?;
        ensure!(revision > last && revision <= end, "{revision} after {last}, before {end}");
        last = revision;
        if !ours(&map) {
            continue;
        }
        match value(&map).filter(|_| is_there) {
            Some(value) => state.insert(map.name_any(), value),
            None => state.remove(&map.name_any()),
        };
    }
    ensure!(state == *wanted, "a watch from {start} arrives at {state:?}, a list at {wanted:?}");
    Ok(())
}

#[test]
fn a_directory_that_is_not_ours_damaged_or_newer_is_refused_with_what_to_do() -> Result<()> {
    let mut server = ApiServer::start()?;
    server.stop()?;
    let journal = server.data_dir();
    let mut files: Vec<_> = walk(&journal.join("journal"))?;
    files.sort();
    // The largest file is where the records are.
    let largest = files.iter().max_by_key(|path| path.metadata().map_or(0, |meta| meta.len()));
    let largest = largest.context("files in the data directory")?;
    let mut bytes = std::fs::read(largest)?;
    let used = bytes.iter().rposition(|byte| *byte != 0).context("a file with something in it")?;
    for byte in &mut bytes[used / 4..used / 2] {
        *byte ^= 0x5a;
    }
    std::fs::write(largest, &bytes)?;
    let said = server.refuses_to_start()?;
    ensure!(said.contains(&*journal.to_string_lossy()), "it names the place: {said}");
    Ok(())
}

fn walk(dir: &std::path::Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(walk(&path)?) } else { files.push(path) }
    }
    Ok(files)
}
