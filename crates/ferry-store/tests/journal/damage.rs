//! Files that were cut, changed or lost. Opening either finds everything or refuses, and never
//! panics: what was acknowledged is not lost quietly.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ferry_store::{Journal, Recovered, Retention, Store, StoreOptions};

use crate::common::{Dice, Scratch, copy, delete, files, noise, put};

/// How many places of each file are tried in each way.
const PLACES: u64 = 40;

fn filled() -> (Scratch, Recovered) {
    let scratch = Scratch::new(Retention { records: 300, bytes: 1 << 20 });
    let (mut store, _) = scratch.open();
    let mut revision = 0;
    for round in 0..120 {
        let batch: Vec<_> = (0..8)
            .map(|_| {
                revision += 1;
                let key = format!("key/{}", revision * 7 % 60);
                let length = if revision % 97 == 0 { 60_000 } else { 900 };
                match round % 9 {
                    8 => delete(revision, key, ""),
                    _ => put(revision, key, noise(revision, length)),
                }
            })
            .collect();
        store.append(&batch).unwrap();
    }
    assert!(store.stats().base > 0, "some of it is state and some is history");
    drop(store);
    let (store, whole) = scratch.open();
    drop(store);
    (scratch, whole)
}

/// Opens what is left after `harm` was done to a copy.
#[track_caller]
fn survives(scratch: &Scratch, whole: &Recovered, what: &str, harm: impl FnOnce(&Path)) -> bool {
    let dir = tempfile::tempdir().unwrap();
    copy(&scratch.path(), dir.path());
    harm(dir.path());
    let options = StoreOptions { ..scratch.options.clone() };
    match Store::open(dir.path(), &options) {
        Ok((_, found)) => {
            assert!(found == *whole, "{what}: opened with other contents");
            true
        }
        Err(error) => {
            let says = error.to_string();
            let place = dir.path().to_string_lossy();
            assert!(says.contains(place.as_ref()), "{what}: {says} does not name a file");
            false
        }
    }
}

#[test]
fn a_flipped_bit_loses_nothing_quietly() {
    let (scratch, whole) = filled();
    let mut dice = Dice(1);
    for file in files(&scratch.path()) {
        let name = file.strip_prefix(scratch.path()).unwrap();
        let length = fs::metadata(&file).unwrap().len();
        if length == 0 {
            continue;
        }
        for _ in 0..PLACES.min(length * 8) {
            let (at, bit) = (dice.roll(length), dice.roll(8));
            let what = format!("{} with bit {bit} of byte {at} flipped", name.display());
            survives(&scratch, &whole, &what, |dir| {
                let open = OpenOptions::new().read(true).write(true).open(dir.join(name));
                let file = open.unwrap();
                let mut byte = [0];
                file.read_exact_at(&mut byte, at).unwrap();
                file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
            });
        }
    }
}

#[test]
fn a_zeroed_page_loses_nothing_quietly() {
    let (scratch, whole) = filled();
    let data = Path::new("sled").join("db");
    let length = fs::metadata(scratch.path().join(&data)).unwrap().len();
    let mut refused = 0;
    for page in 0..length / 4096 {
        let what = format!("page {page} zeroed");
        let survived = survives(&scratch, &whole, &what, |dir| {
            let file = OpenOptions::new().write(true).open(dir.join(&data)).unwrap();
            file.write_all_at(&[0; 4096], page * 4096).unwrap();
        });
        refused += u32::from(!survived);
    }
    assert!(refused > 0, "not a single page mattered");
}

#[test]
fn a_cut_file_loses_nothing_quietly() {
    let (scratch, whole) = filled();
    let mut dice = Dice(2);
    for file in files(&scratch.path()) {
        let name = file.strip_prefix(scratch.path()).unwrap();
        let length = fs::metadata(&file).unwrap().len();
        for round in 0..PLACES.min(length) {
            let keep = if round == 0 { 0 } else { dice.roll(length) };
            let what = format!("{} cut to {keep} of {length} bytes", name.display());
            survives(&scratch, &whole, &what, |dir| {
                let file = OpenOptions::new().write(true).open(dir.join(name)).unwrap();
                file.set_len(keep).unwrap();
            });
        }
    }
}

#[test]
fn a_lost_file_loses_nothing_quietly() {
    let (scratch, whole) = filled();
    for file in files(&scratch.path()) {
        let name = file.strip_prefix(scratch.path()).unwrap();
        survives(&scratch, &whole, &format!("{} lost", name.display()), |dir| {
            fs::remove_file(dir.join(name)).unwrap();
        });
    }
    let lost = |what: &str| {
        survives(&scratch, &whole, what, |dir| fs::remove_dir_all(dir.join(what)).unwrap())
    };
    assert!(!lost("sled"), "the data are gone");
}

/// Appends objects of which each has an append of its own, so that they get into one part of the journal.
fn append_to(part: &str, store: &mut Store) {
    let (count, size) = match part {
        // What does not fit into `recent` any more.
        "sled" => (3, 30_000),
        "recent" => (1, 100),
        "large" => (1, 100_000),
        part => panic!("there is no {part}"),
    };
    for _ in 0..count {
        let revision = store.stats().revision + 1;
        store.append(&[put(revision, "a", noise(revision, size))]).unwrap();
    }
}

/// What opening says when a part of a journal is that of another journal, or of another time.
fn refusal_with(scratch: &Scratch, part: &str, other: &Path) -> String {
    let path = scratch.path().join(part);
    if path.is_dir() {
        fs::remove_dir_all(&path).unwrap();
        copy(&other.join(part), &path);
    } else {
        fs::copy(other.join(part), &path).unwrap();
    }
    let refusal = scratch.refusal();
    assert_eq!(scratch.refusal(), refusal, "said twice");
    refusal
}

/// The end that sled would drop as torn, and one that nobody would miss.
#[test]
fn an_older_copy_of_the_data_is_refused() {
    for part in ["sled", "recent", "large"] {
        let scratch = Scratch::new(Retention::default());
        let (mut store, _) = scratch.open();
        append_to(part, &mut store);
        drop(store);
        let older = tempfile::tempdir().unwrap();
        copy(&scratch.path(), older.path());
        let (mut store, _) = scratch.open();
        append_to(part, &mut store);
        let acknowledged = store.stats().revision;
        // What went to sled last is in `recent` still, but for what did not fit.
        let found = acknowledged - 1;
        drop(store);

        let refusal = refusal_with(&scratch, part, older.path());
        let dir = scratch.path();
        let dir = dir.display();
        let expected = match part {
            "large" => format!(
                "{dir}/large/00000000000000000002 is damaged: No such file or directory (os error 2); \
                 restore {dir} from a backup, or begin anew in another directory"
            ),
            _ => format!(
                "{dir} has lost writes: revision {acknowledged} was acknowledged and {found} is the \
                 newest found; restore {dir} from a backup, or begin anew in another directory"
            ),
        };
        assert!(refusal.contains(&expected), "{refusal}");
    }
}

#[test]
fn another_history_is_refused() {
    for part in ["sled", "recent", "large"] {
        let scratch = Scratch::new(Retention::default());
        let other = Scratch::new(Retention::default());
        for (scratch, key) in [(&scratch, "a"), (&other, "b")] {
            let (mut store, _) = scratch.open();
            store
                .append(&[put(1, key, noise(1, if part == "large" { 100_000 } else { 9 }))])
                .unwrap();
            append_to(part, &mut store);
        }
        let refusal = refusal_with(&scratch, part, &other.path());
        assert!(refusal.contains("is not the one that was acknowledged"), "{refusal}");
    }
}

/// The file itself, in a directory that was copied without it.
#[test]
fn recent_writes_that_are_missing_are_missed() {
    let scratch = Scratch::new(Retention::default());
    let (mut store, _) = scratch.open();
    store.append(&[put(1, "a", "small")]).unwrap();
    drop(store);
    fs::remove_file(scratch.path().join("recent")).unwrap();
    for _ in 0..2 {
        let refusal = scratch.refusal();
        assert!(refusal.contains("has lost writes: revision 1"), "{refusal}");
    }
}

/// What is away comes back, perhaps: a directory that was not mounted, a copy that was not complete.
#[test]
fn a_start_that_refuses_removes_nothing() {
    for part in ["recent", "sled"] {
        let scratch = Scratch::new(Retention::default());
        let (mut store, _) = scratch.open();
        append_to("large", &mut store);
        append_to("sled", &mut store);
        append_to("large", &mut store);
        drop(store);
        let (path, away) = (scratch.path().join(part), scratch.path().with_extension("away"));
        fs::rename(&path, &away).unwrap();
        let refusal = scratch.refusal();
        assert!(refusal.contains("has lost writes: revision 5"), "{refusal}");
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::rename(&away, &path).unwrap();
        assert_eq!(scratch.open().1.log.len(), 5);
    }
}

#[test]
fn damage_of_a_large_entry_names_its_file() {
    let scratch = Scratch::new(Retention::default());
    let (mut store, _) = scratch.open();
    append_to("large", &mut store);
    append_to("large", &mut store);
    drop(store);
    let path = files(&scratch.path().join("large")).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let half = whole.len() / 2;
    let mut changed = whole.clone();
    changed[7_000] ^= 1;
    let swapped = [&whole[half..], &whole[..half]].concat();
    for (bytes, what) in
        [(changed, "the checksum of an entry is wrong"), (swapped, "another one stands there")]
    {
        fs::write(&path, bytes).unwrap();
        let expected = format!("{} is damaged: entry 1: {what}; restore", path.display());
        let refusal = scratch.refusal();
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(scratch.open().1.log.len(), 2);
}

#[test]
fn a_file_that_cannot_be_read_is_not_called_damaged() {
    let scratch = Scratch::new(Retention::default());
    let (mut store, _) = scratch.open();
    append_to("large", &mut store);
    drop(store);
    let path = files(&scratch.path().join("large")).pop().unwrap();
    fs::rename(&path, path.with_extension("away")).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let refusal = scratch.refusal();
    assert_eq!(
        refusal,
        format!("cannot read {}: check its owner, its permissions and the disk", path.display())
    );
}

/// sled has lost what `recent` goes on from.
#[test]
fn recent_writes_without_what_was_before_them_are_refused() {
    let scratch = Scratch::new(Retention::default());
    let (mut store, _) = scratch.open();
    append_to("sled", &mut store);
    drop(store);
    let older = tempfile::tempdir().unwrap();
    copy(&scratch.path(), older.path());
    let (mut store, _) = scratch.open();
    append_to("sled", &mut store);
    append_to("recent", &mut store);
    drop(store);
    let refusal = refusal_with(&scratch, "sled", older.path());
    assert!(refusal.contains("revision 7 was acknowledged and 3 is the newest"), "{refusal}");
}
