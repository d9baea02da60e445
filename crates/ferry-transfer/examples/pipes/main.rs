//! A pre-copy over pipes on two channels, between two vectors of pages, while a thread writes.
//!
//! It is the least that has to be written around this crate:
//! `cargo run -p ferry-transfer --example pipes`. Time is counted in what has crossed, a byte being a
//! nanosecond, so that a pipe is as fast here as there.

mod source;
mod target;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::{error::Error, thread, time::Duration};

use ferry_transfer::{
    DestinationInput, Ending, Layout, Receiver, Settings, Source, SourceInput, VolumePages,
};
use ferry_units::{Bytes, Instant, PageCount, PageIndex, PageRun};

use source::{Shared, hear, lead, send};
use target::{decide, receive};

pub(crate) type Memory = Vec<Mutex<[u8; 4096]>>;
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;
/// The control connection: within a process it needs no bytes.
pub(crate) type Inputs = mpsc::Sender<DestinationInput>;

pub(crate) const PAGES: PageCount = PageCount(16 * 1024);
pub(crate) const WHOLE: PageRun = PageRun::new(PageIndex(0), PAGES);

fn main() -> Outcome {
    let layout = Layout::new(PAGES, &[], 2);
    let memory = || -> Memory { WHOLE.pages().map(|_| Mutex::new([0; 4096])).collect() };
    let settings = Settings { downtime_limit: Duration::from_millis(2), ..Settings::default() };
    let shared = Shared {
        source: Mutex::new(Source::new(layout.clone(), settings, Instant::default())),
        changed: Condvar::new(),
        memory: memory(),
        marks: WHOLE.pages().map(|_| AtomicBool::new(false)).collect(),
        gate: Mutex::new(true),
        clock: AtomicU64::new(0),
    };
    let target = memory();
    let (inputs, heard) = mpsc::channel();
    let (answers, answered) = mpsc::channel();
    let begun = SourceInput::Begun(VolumePages::all(&layout), Bytes::ZERO);
    inputs.send(DestinationInput::Connected)?;
    shared.with(|source, now| source.on(begun, now))?;
    let ending = thread::scope(|threads| {
        threads.spawn(|| shared.run_guest());
        for channel in layout.channels() {
            let (theirs, ours) = io::pipe()?;
            let lane = Receiver::new(layout.clone(), channel);
            let (fences, target, shared) = (inputs.clone(), &target, &shared);
            let echoes = answers.clone();
            threads.spawn(move || shared.or_lost(send(shared, channel, ours)));
            threads.spawn(move || -> Outcome {
                let echo = |number| Ok(echoes.send(SourceInput::Echoed(channel, number))?);
                receive(target, lane, theirs, echo)?;
                Ok(fences.send(DestinationInput::Fenced(channel))?)
            });
        }
        let (layout, inputs) = (&layout, &inputs);
        threads.spawn(move || decide(layout, inputs, heard, &answers));
        threads.spawn(|| shared.or_lost(hear(&shared, answered)));
        let ending = lead(&shared, layout, inputs);
        *lock(&shared.gate) = false;
        let _over_already = inputs.send(DestinationInput::Lost);
        ending
    })?;
    let mut table = io::stdout().lock();
    writeln!(table, "pass   pages        sent   remaining")?;
    for pass in &lock(&shared.source).stats().passes {
        let (sent, remaining) = (pass.bytes.to_string(), pass.remaining.to_string());
        writeln!(table, "{:4} {:7} {sent:>11} {remaining:>11}", pass.number, pass.pages.0)?;
    }
    let is_equal = shared.memory.iter().zip(&target).all(|(one, other)| *lock(one) == *lock(other));
    writeln!(table, "{ending:?}; both memories are equal: {is_equal}")?;
    assert!(is_equal && ending == Ending::Completed);
    Ok(())
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn at(number: u64) -> usize {
    usize::try_from(number).expect("it is small")
}
