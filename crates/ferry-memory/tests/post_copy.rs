//! A guest that runs before its memory has arrived.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use ferry_memory::{Arrivals, GuestMemory, Loading, MemoryError, Progress, Slot, Stopped};
use ferry_units::{Bytes, PageCount, PageIndex, PageRun};

const PAGE: u64 = 4096;
const PAGES: u64 = 512;
const VCPUS: u64 = 4;

fn run(first: u64, count: u64) -> PageRun {
    PageRun::new(PageIndex(first), PageCount(count))
}

/// What every word of `page` holds at the source.
fn content(page: PageIndex) -> u64 {
    page.get() * 1_000_003 + 1
}

fn bytes_of(run: PageRun) -> Vec<u8> {
    run.pages().flat_map(|page| content(page).to_ne_bytes().repeat(512)).collect()
}

/// A guest of which the pages of `missing` have not arrived, and what its vCPUs request. The others
/// hold what they do at the source.
fn guest(missing: &[PageRun]) -> (GuestMemory, Stopped, Arrivals, Receiver<PageIndex>) {
    let loading = Loading::create("test", Bytes::new(PAGES * PAGE)).unwrap();
    loading.write(Bytes::ZERO, &bytes_of(loading.ram().whole())).unwrap();
    let mut set = loading.ram().no_pages();
    for run in missing {
        set.insert_run(*run);
        // What pre-copy brought of them is old.
        loading.zero(*run).unwrap();
    }
    let (requests, requested) = mpsc::channel();
    let on_request = move |page| requests.send(page).unwrap_or_default();
    let (memory, stopped, arrivals) = loading.finish_but(&set, on_request).unwrap();
    assert_eq!(arrivals.missing(), set);
    (memory, stopped, arrivals, requested)
}

fn bring(arrivals: &Arrivals, run: PageRun) -> Result<PageCount, MemoryError> {
    let mut claim = arrivals.claim(run)?;
    claim.write(Bytes::new(run.first().get() * PAGE), &bytes_of(run))?;
    Ok(claim.publish())
}

#[test]
fn a_vcpu_waits_for_a_page_that_it_touches() {
    let (memory, stopped, arrivals, requested) = guest(&[run(10, 3)]);
    stopped.resume();
    thread::scope(|scope| {
        let vcpu = scope.spawn(|| {
            let mut guest = memory.enter();
            // Pages that are here do not wait.
            assert_eq!(guest.load(Bytes::ZERO).unwrap(), content(PageIndex(0)));
            let mut two_pages = [0; 16];
            guest.read(Bytes::new(12 * PAGE - 8), &mut two_pages).unwrap();
            two_pages
        });
        assert_eq!(requested.recv().unwrap(), PageIndex(11));
        assert_eq!(arrivals.requested(), [PageIndex(11)]);
        bring(&arrivals, run(11, 1)).unwrap();
        assert_eq!(requested.recv().unwrap(), PageIndex(12));
        bring(&arrivals, run(12, 1)).unwrap();
        let expected = [content(PageIndex(11)), content(PageIndex(12))].map(u64::to_ne_bytes);
        assert_eq!(vcpu.join().unwrap().as_slice(), expected.concat());
    });
    assert_eq!((arrivals.requested(), arrivals.remaining()), (vec![], PageCount(1)));
}

#[test]
fn vcpus_read_and_write_what_the_source_had_while_it_arrives() {
    let (memory, stopped, arrivals, requested) = guest(&[run(0, 100), run(130, 382)]);
    stopped.resume();
    let on_demand = thread::scope(|scope| {
        for vcpu in 0..VCPUS {
            let memory = &memory;
            scope.spawn(move || {
                let mut guest = memory.enter();
                for step in 0..PAGES {
                    let page = PageIndex((step * 77 + vcpu * 131) % PAGES);
                    let at = |word: u64| Bytes::new(page.get() * PAGE + word * 8);
                    assert_eq!(guest.load(at(500)).unwrap(), content(page), "{page}");
                    // A word of its own, which no late copy may undo.
                    guest.store(at(vcpu), step).unwrap();
                    guest.checkpoint();
                }
            });
        }
        // Requests are served first, the rest is pushed. A page is brought by one of them.
        let mut push = run(0, PAGES).pages();
        let mut on_demand = BTreeSet::new();
        while arrivals.remaining() > PageCount(0) {
            if let Ok(page) = requested.try_recv() {
                match bring(&arrivals, PageRun::one(page)) {
                    Ok(_) => assert!(on_demand.insert(page), "{page} was requested twice"),
                    // It was pushed in the meantime.
                    Err(MemoryError::AlreadyHere { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            } else if let Some(page) = push.next() {
                let pushed = bring(&arrivals, PageRun::one(page));
                assert!(matches!(pushed, Ok(_) | Err(MemoryError::AlreadyHere { .. })));
            }
        }
        on_demand
    });
    assert!(!on_demand.is_empty());
    let mut guest = memory.enter();
    for page in run(0, PAGES).pages() {
        for vcpu in 0..VCPUS {
            let step = (0..PAGES).find(|step| (step * 77 + vcpu * 131) % PAGES == page.get());
            let at = Bytes::new(page.get() * PAGE + vcpu * 8);
            assert_eq!(Some(guest.load(at).unwrap()), step, "{page}");
        }
    }
}

#[test]
fn a_page_is_placed_once() {
    let (memory, stopped, arrivals, _requested) = guest(&[run(10, 10)]);
    stopped.resume();
    let is_refused = |claim: PageRun, refused: u64| match arrivals.claim(claim).unwrap_err() {
        MemoryError::AlreadyHere { page } => assert_eq!(page, PageIndex(refused)),
        error => panic!("{error}"),
    };
    is_refused(run(9, 3), 9);
    let claim = arrivals.claim(run(12, 2)).unwrap();
    is_refused(run(10, 5), 12);
    // None of a refused claim is reserved.
    bring(&arrivals, run(10, 2)).unwrap();
    drop(claim);
    bring(&arrivals, run(12, 2)).unwrap();
    memory.enter().store(Bytes::new(12 * PAGE), 5).unwrap();
    is_refused(run(12, 1), 12);
    assert_eq!(memory.enter().load(Bytes::new(12 * PAGE)).unwrap(), 5);
    assert_eq!(bring(&arrivals, run(14, 6)).unwrap(), PageCount(0));
    assert!(arrivals.missing().is_empty());
    assert!(matches!(arrivals.claim(run(500, 13)), Err(MemoryError::NoSuchPages { .. })));
}

#[test]
fn a_lost_link_loses_nothing() {
    let (memory, stopped, arrivals, requested) = guest(&[run(10, 10)]);
    stopped.resume();
    thread::scope(|scope| {
        let vcpu = scope.spawn(|| memory.enter().load(Bytes::new(15 * PAGE)).unwrap());
        assert_eq!(requested.recv().unwrap(), PageIndex(15));

        // The link breaks in the middle of a run that has the page.
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(&bytes_of(run(10, 6))[..5000]).unwrap();
        drop(theirs);
        let mut claim = arrivals.claim(run(10, 6)).unwrap();
        let mut slots = [Slot::Pages(run(10, 6))];
        let lost = claim.receive(&ours, &mut slots, &mut Bytes::default());
        assert!(matches!(lost, Err(MemoryError::Closed { .. })), "{lost:?}");
        drop(claim);

        // What to ask for on the next one.
        assert_eq!(arrivals.missing().runs().collect::<Vec<_>>(), [run(10, 10)]);
        assert_eq!(arrivals.requested(), [PageIndex(15)]);
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(&bytes_of(run(10, 10))).unwrap();
        let mut claim = arrivals.claim(run(10, 10)).unwrap();
        let mut slots = [Slot::Pages(run(10, 4)), Slot::Pages(run(14, 6))];
        let progress = claim.receive(&ours, &mut slots, &mut Bytes::default()).unwrap();
        assert_eq!((progress, claim.publish()), (Progress::Done, PageCount(0)));
        assert_eq!(vcpu.join().unwrap(), content(PageIndex(15)));
    });
    assert!(requested.try_recv().is_err(), "one request for each page");
}

#[test]
fn a_guest_that_waits_for_a_page_can_be_stopped() {
    let (memory, stopped, arrivals, requested) = guest(&[run(10, 1)]);
    stopped.resume();
    thread::scope(|scope| {
        let vcpu = scope.spawn(|| memory.enter().load(Bytes::new(10 * PAGE)).unwrap());
        requested.recv().unwrap();
        let stopped = memory.stop();
        bring(&arrivals, run(10, 1)).unwrap();
        stopped.resume();
        assert_eq!(vcpu.join().unwrap(), content(PageIndex(10)));
    });
}

#[test]
fn pages_that_nobody_will_bring_are_lost() {
    let (memory, stopped, arrivals, requested) = guest(&[run(10, 1), run(20, 1)]);
    stopped.resume();
    let load = |page: u64| memory.enter().load(Bytes::new(page * PAGE));
    let is_lost = |result: Result<u64, MemoryError>, expected: u64| {
        let Err(MemoryError::Lost { page }) = result else { panic!("{result:?}") };
        assert_eq!(page, PageIndex(expected));
    };
    thread::scope(|scope| {
        let vcpu = scope.spawn(|| load(10));
        requested.recv().unwrap();
        drop(arrivals);
        is_lost(vcpu.join().unwrap(), 10);
    });
    is_lost(load(20), 20);
    assert_eq!(load(11).unwrap(), content(PageIndex(11)));
}

#[test]
fn a_claim_covers_its_own_pages_only() {
    let (_memory, stopped, arrivals, _requested) = guest(&[run(10, 10)]);
    let mut claim = arrivals.claim(run(10, 2)).unwrap();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    for refused in [
        claim.write(Bytes::new(12 * PAGE - 1), &[1, 2]),
        claim.receive(&ours, &mut [Slot::Pages(run(9, 2))], &mut Bytes::default()).map(drop),
    ] {
        assert!(matches!(refused, Err(MemoryError::NotClaimed { .. })), "{refused:?}");
    }
    claim.write(Bytes::new(10 * PAGE), &[9; 8192]).unwrap();
    claim.zero();
    assert_eq!((claim.run(), claim.publish()), (run(10, 2), PageCount(8)));
    assert_eq!(stopped.memory().ram().load(Bytes::new(11 * PAGE)).unwrap(), 0);
}

#[test]
fn a_log_has_to_wait_for_the_last_page() {
    let (memory, stopped, arrivals, _requested) = guest(&[run(10, 1)]);
    drop(stopped);
    let refused = memory.log();
    assert!(matches!(refused, Err(MemoryError::StillArriving { missing: PageCount(1) })));
    bring(&arrivals, run(10, 1)).unwrap();
    assert!(memory.log().is_ok());
}

#[test]
fn a_set_of_another_guest_is_refused() {
    let loading = Loading::create("test", Bytes::from_kib(8)).unwrap();
    let other = Loading::create("other", Bytes::from_kib(4)).unwrap();
    let refused = loading.finish_but(&other.ram().no_pages(), |_| ());
    assert!(matches!(refused, Err(MemoryError::AnotherGuest)));
}
