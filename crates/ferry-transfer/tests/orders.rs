//! What a source makes of words that come in an order of their own: threads report what they did
//! when others have already moved on.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use ferry_transfer::{
    BeforeSwitchover, Channel, Destination, DestinationInput, DestinationPhase, Effect, Ending,
    Grant, Layout, Marked, PostCopy, Sent, Settings, Source, SourceInput, SourcePhase, Step,
    Switch, TransferError, Volume, VolumePages, Work,
};
use ferry_units::{Bytes, Instant, PageCount, PageIndex, PageRun, PageSet};

const NOW: Instant = Instant::from_nanos(1);
const PAGES: PageCount = PageCount(8);

fn layout() -> Layout {
    Layout::new(PAGES, &[], 1)
}

fn source() -> Source {
    let settings = Settings { post_copy: PostCopy::Allowed, ..Settings::default() };
    Source::new(layout(), settings, NOW)
}

fn none() -> VolumePages {
    VolumePages::none(&layout())
}

fn begun() -> SourceInput {
    SourceInput::Begun(VolumePages::all(&layout()), Bytes::ZERO)
}

/// Sends all that there is to send, to a destination that reads it at once.
fn send_all(source: &mut Source) {
    loop {
        match source.work(Channel(0), NOW) {
            Work::Send(grant) => source.sent(Channel(0), &grant, &everything(&grant), NOW),
            Work::Probe { number, .. } => {
                source.on(SourceInput::Echoed(Channel(0), number), NOW).unwrap();
            }
            Work::Fence { .. } | Work::Wait(_) | Work::End => return,
        }
    }
}

/// Makes passes in which nothing is written, until the guest is to stop.
fn pass_until_it_stops(source: &mut Source) {
    loop {
        send_all(source);
        match source.poll(NOW) {
            Step::Harvest => {
                source.on(SourceInput::Harvested(none(), Duration::ZERO), NOW).unwrap();
            }
            step => return assert_eq!(step, Step::StopGuest),
        }
    }
}

fn everything(grant: &Grant) -> Sent {
    let pages = PageCount(grant.runs.iter().map(|run| run.count().0).sum());
    let bytes = grant.runs.iter().map(|run| run.bytes()).sum();
    Sent { pages, bytes, ..Sent::default() }
}

/// A source whose guest stands still, and whose state is to be sent.
fn stopped(switch: Switch) -> Source {
    let mut source = source();
    if switch == Switch::PostCopy {
        source.on(SourceInput::StartPostCopy, NOW).unwrap();
    }
    source.on(begun(), NOW).unwrap();
    pass_until_it_stops(&mut source);
    source.on(SourceInput::Stopped(none(), Duration::ZERO), NOW).unwrap();
    source
}

/// A source that has sent everything.
fn all_sent(switch: Switch) -> Source {
    let mut source = stopped(switch);
    assert!(matches!(source.poll(NOW), Step::SendState(_)));
    send_all(&mut source);
    source
}

fn ready(switch: Switch) -> Source {
    let mut source = all_sent(switch);
    source.on(SourceInput::Ready, NOW).unwrap();
    assert_eq!(source.poll(NOW), Step::HandOver);
    source
}

fn handed(switch: Switch) -> Source {
    let mut source = ready(switch);
    source.on(SourceInput::RunSent, NOW).unwrap();
    source
}

fn lost() -> SourceInput {
    SourceInput::Lost("cut".to_owned())
}

#[test]
fn ready_may_be_heard_before_the_leader_says_that_the_state_is_sent() {
    let mut source = all_sent(Switch::StopAndCopy);
    source.on(SourceInput::Ready, NOW).unwrap();
    source.on(SourceInput::StateSent(Bytes::new(5)), NOW).unwrap();
    assert_eq!(source.stats().downtime, Bytes::new(5));
    assert_eq!(source.poll(NOW), Step::HandOver);
}

#[test]
fn ready_is_a_lie_before_everything_is_sent() {
    let mut before_state = stopped(Switch::StopAndCopy);
    assert!(matches!(before_state.work(Channel(0), NOW), Work::Wait(_)));
    let mut before_fence = before_state.clone();
    assert_eq!(before_fence.poll(NOW), Step::SendState(None));
    for source in [&mut before_state, &mut before_fence] {
        assert!(matches!(
            source.on(SourceInput::Ready, NOW),
            Err(TransferError::Unexpected { .. })
        ));
        assert_ne!(source.poll(NOW), Step::HandOver);
    }
}

#[test]
fn a_guest_that_was_handed_over_cannot_be_taken_back_in_any_words() {
    let stop = [handed(Switch::StopAndCopy)];
    let mut running = handed(Switch::PostCopy);
    running.on(SourceInput::Resumed, NOW).unwrap();
    let mut paused = running.clone();
    paused.on(lost(), NOW).unwrap();
    let mut doubtful = handed(Switch::StopAndCopy);
    doubtful.on(lost(), NOW).unwrap();
    let mut completed = handed(Switch::StopAndCopy);
    completed.on(SourceInput::Resumed, NOW).unwrap();
    let others = [handed(Switch::PostCopy), running, paused, doubtful, completed];
    for mut source in stop.into_iter().chain(others) {
        let phase = source.phase();
        assert_eq!(source.cancel(NOW), Err(TransferError::HandedOver), "{phase:?}");
        assert_eq!(source.on(SourceInput::Cancel, NOW), Err(TransferError::HandedOver));
        assert_eq!(source.phase(), phase);
        assert!(!matches!(source.poll(NOW), Step::End(Ending::Cancelled | Ending::Failed(_))));
    }
}

#[test]
fn who_was_about_to_hand_over_hears_that_it_was_given_up() {
    for end in [SourceInput::Cancel, lost()] {
        let mut source = ready(Switch::StopAndCopy);
        source.on(end, NOW).unwrap();
        assert!(matches!(
            source.on(SourceInput::RunSent, NOW),
            Err(TransferError::Unexpected { .. })
        ));
    }
}

#[test]
fn answers_that_come_when_it_is_over_are_no_fault_of_the_peer() {
    for (answer, source) in [
        (begun(), source()),
        (SourceInput::Stopped(none(), Duration::ZERO), stopped(Switch::StopAndCopy)),
        (SourceInput::Harvested(none(), Duration::ZERO), stopped(Switch::StopAndCopy)),
        (SourceInput::StateSent(Bytes::ZERO), all_sent(Switch::StopAndCopy)),
        (SourceInput::Ready, all_sent(Switch::PostCopy)),
        (SourceInput::Continue, stopped(Switch::StopAndCopy)),
    ] {
        let mut source = source;
        source.on(SourceInput::Cancel, NOW).unwrap();
        assert_eq!(source.on(answer.clone(), NOW), Ok(()), "{answer:?}");
        assert_eq!(source.poll(NOW), Step::End(Ending::Cancelled));
    }
}

#[test]
fn to_be_told_twice_to_go_on_is_no_error() {
    let wait = BeforeSwitchover::Wait;
    let mut waiting = source();
    let settings = Settings { before_switchover: wait, ..Settings::default() };
    waiting.set_settings(settings, NOW);
    waiting.on(begun(), NOW).unwrap();
    pass_until_it_stops(&mut waiting);
    waiting.on(SourceInput::Stopped(none(), Duration::ZERO), NOW).unwrap();
    waiting.on(SourceInput::Continue, NOW).unwrap();
    let others = [all_sent(Switch::StopAndCopy), ready(Switch::PostCopy)];
    for mut source in [waiting].into_iter().chain(others) {
        let phase = source.phase();
        assert_eq!(source.on(SourceInput::Continue, NOW), Ok(()), "{phase:?}");
        assert_eq!(source.phase(), phase);
    }
    let mut early = source();
    assert!(early.on(SourceInput::Continue, NOW).is_err());
}

#[test]
fn a_destination_that_does_not_answer_is_given_up_after_a_while() {
    let late = NOW + Duration::from_secs(31);
    let mut source = all_sent(Switch::StopAndCopy);
    assert!(matches!(source.poll(NOW), Step::Wait(Some(until)) if until < late));
    assert!(matches!(source.poll(late), Step::End(Ending::Failed(why)) if why.contains("ready")));
    // What is still being sent is not waited for.
    let mut source = stopped(Switch::StopAndCopy);
    assert!(matches!(source.poll(NOW), Step::SendState(_)));
    assert_eq!(source.poll(late), Step::Wait(None));
    let mut source = handed(Switch::StopAndCopy);
    assert!(matches!(source.poll(NOW), Step::Wait(Some(_))));
    assert!(matches!(source.poll(late), Step::End(Ending::InDoubt(why)) if why.contains("runs")));
    let mut source = handed(Switch::PostCopy);
    assert!(matches!(source.poll(late), Step::End(Ending::Paused(_))));
    // One whose guest runs has all the time in the world.
    let mut source = handed(Switch::PostCopy);
    source.on(SourceInput::Resumed, NOW).unwrap();
    assert_eq!(source.poll(late), Step::Wait(None));
}

#[test]
fn resumed_ends_all_doubt() {
    // The destination closes everything when it has the guest, and a reader of another connection
    // may see that before its word is read.
    let mut source = handed(Switch::StopAndCopy);
    source.on(lost(), NOW).unwrap();
    assert_eq!(source.poll(NOW), Step::End(Ending::InDoubt("cut".to_owned())));
    source.on(SourceInput::Resumed, NOW).unwrap();
    assert_eq!(source.poll(NOW), Step::End(Ending::Completed));
}

#[test]
fn words_of_a_post_copy_that_are_read_after_its_loss_still_count() {
    let mut source = handed(Switch::PostCopy);
    source.on(lost(), NOW).unwrap();
    source.on(SourceInput::Resumed, NOW).unwrap();
    assert_eq!(source.phase(), SourcePhase::Paused);
    source.on(SourceInput::Complete, NOW).unwrap();
    assert_eq!(source.poll(NOW), Step::End(Ending::Completed));
}

#[test]
fn a_post_copy_that_was_not_agreed_on_does_not_begin() {
    let mut source = Source::new(layout(), Settings::default(), NOW);
    assert!(matches!(
        source.on(SourceInput::StartPostCopy, NOW),
        Err(TransferError::Unexpected { .. })
    ));
    source.on(begun(), NOW).unwrap();
    assert!(matches!(source.poll(NOW), Step::Wait(_)));
    assert_eq!(source.phase(), SourcePhase::PreCopy);
}

#[test]
fn a_disk_that_does_not_move_is_not_waited_for() {
    let layout = Layout::new(PAGES, &[PageCount(0)], 1);
    let settings = Settings { post_copy: PostCopy::Allowed, ..Settings::default() };
    let mut source = Source::new(layout.clone(), settings, NOW);
    source.on(SourceInput::Begun(VolumePages::all(&layout), Bytes::ZERO), NOW).unwrap();
    source.on(SourceInput::StartPostCopy, NOW).unwrap();
    assert_eq!(source.poll(NOW), Step::StopGuest);
}

#[test]
fn what_a_thread_had_in_hand_when_it_was_given_up_was_sent_in_pre_copy() {
    let mut source = source();
    source.on(begun(), NOW).unwrap();
    let Work::Send(grant) = source.work(Channel(0), NOW) else { panic!("nothing to send") };
    source.on(SourceInput::Cancel, NOW).unwrap();
    source.sent(Channel(0), &grant, &everything(&grant), NOW);
    let stats = source.stats();
    assert_eq!(
        (stats.pre_copy, stats.post_copy),
        (PAGES.bytes(ferry_units::PageSize::KIB_4), Bytes::ZERO)
    );
}

#[test]
fn a_request_for_what_is_on_its_way_or_nowhere_is_not_answered() {
    let mut source = handed(Switch::PostCopy);
    let all = PageRun::new(PageIndex(0), PAGES);
    let around = Grant { volume: Volume::Memory, runs: vec![all], marked: Marked::None };
    assert_eq!(source.request(PageIndex(u64::MAX)), None);
    assert_eq!(source.request(PageIndex(8)), None);
    assert_eq!(source.request(PageIndex(3)), Some(around));
    assert_eq!(source.request(PageIndex(3)), None);
    assert_eq!(source.request(PageIndex(5)), None);
    assert!(matches!(source.work(Channel(0), NOW), Work::Wait(None)));
}

#[test]
fn the_source_may_ask_again_when_all_was_said_into_a_dead_connection() {
    let mut destination = Destination::new(&layout());
    let mut effect = Effect::None;
    for input in [
        DestinationInput::Connected,
        DestinationInput::Fenced(Channel(0)),
        DestinationInput::State(Switch::PostCopy),
        DestinationInput::Loaded,
        DestinationInput::Run,
        DestinationInput::AllHere,
    ] {
        effect = destination.on(input).unwrap();
    }
    assert_eq!(effect, Effect::SayComplete);
    assert_eq!(destination.on(DestinationInput::Lost), Ok(Effect::None));
    assert_eq!(destination.on(DestinationInput::Recovered), Ok(Effect::SayMissing));
    assert_eq!(destination.on(DestinationInput::AllHere), Ok(Effect::SayComplete));
    assert_eq!(destination.phase(), DestinationPhase::Completed);

    let mut source = handed(Switch::PostCopy);
    source.on(SourceInput::Complete, NOW).unwrap();
    source.on(lost(), NOW).unwrap();
    source.on(SourceInput::Recovered(PageSet::empty(PAGES)), NOW).unwrap();
    source.on(SourceInput::Complete, NOW).unwrap();
    assert_eq!(source.poll(NOW), Step::End(Ending::Completed));
}

#[test]
fn what_is_written_to_goes_last_and_once_in_each_pass() {
    let mut source = source();
    source.on(begun(), NOW).unwrap();
    let Work::Send(grant) = source.work(Channel(0), NOW) else { panic!("nothing to send") };
    assert_eq!(grant.marked, Marked::Later);
    let hot = PageRun::new(PageIndex(2), PageCount(3));
    let sent = Sent { pages: PageCount(5), later: vec![hot], ..Sent::default() };
    source.sent(Channel(0), &grant, &sent, NOW);
    assert_eq!(source.remaining(), hot.bytes());
    let last = Grant { volume: Volume::Memory, runs: vec![hot], marked: Marked::Taken };
    assert_eq!(source.work(Channel(0), NOW), Work::Send(last.clone()));
    source.sent(Channel(0), &last, &everything(&last), NOW);
    assert_eq!(source.work(Channel(0), NOW), Work::Wait(None));
    assert_eq!(source.poll(NOW), Step::Harvest);
}

#[test]
fn neither_marks_are_taken_nor_is_the_guest_stopped_while_pages_are_being_sent() {
    for post_copy in [false, true] {
        let mut source = source();
        source.on(begun(), NOW).unwrap();
        let Work::Send(grant) = source.work(Channel(0), NOW) else { panic!("nothing to send") };
        if post_copy {
            source.on(SourceInput::StartPostCopy, NOW).unwrap();
        }
        assert!(matches!(source.poll(NOW), Step::Wait(_)));
        source.sent(Channel(0), &grant, &everything(&grant), NOW);
        send_all(&mut source);
        let next = if post_copy { Step::StopGuest } else { Step::Harvest };
        assert_eq!(source.poll(NOW), next);
    }
}
