//! What may happen in a migration, in any order.

use std::time::Duration;

use ferry_transfer::{BeforeSwitchover, PostCopy, Settings, Tail, ThrottleSettings};
use ferry_units::BytesPerSecond;
use proptest::prelude::*;
use proptest::sample::Index;

use super::source::LateFrom;

/// One small step of somebody.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// The guest at the source writes: anywhere, or where it often does.
    Write {
        hot: bool,
        page: Index,
        value: u64,
    },
    /// The guest at the destination reads, or writes.
    Touch {
        page: Index,
        value: Option<u64>,
    },
    Work(Index),
    Lead,
    Answer,
    HearAtSource,
    HearAtTarget,
    Receive(Index),
    ReceiveUrgent,
    Load,
    Wait(Duration),
    /// Everybody does a few steps.
    All(u8),
    StartPostCopy,
    Continue,
    Cancel,
    Settings(Settings),
    /// One connection ends, or all do, behind so many of the bytes that are on their way.
    Cut(Option<Index>, usize),
    Recover,
}

impl Action {
    /// Whether a migration may end otherwise for it.
    pub(crate) fn disturbs(&self) -> bool {
        matches!(self, Self::Cut(..) | Self::Cancel)
    }
}

/// How a migration begins.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) memory: u64,
    pub(crate) disks: Vec<u64>,
    pub(crate) channels: u8,
    pub(crate) settings: Settings,
    pub(crate) late: LateFrom,
    /// One page in so many is zero at first.
    pub(crate) zeros: u64,
}

pub(crate) fn any_start() -> impl Strategy<Value = Start> {
    let late = prop_oneof![Just(LateFrom(1)), Just(LateFrom(4)), Just(LateFrom(u64::MAX))];
    let disks = prop::collection::vec(prop_oneof![Just(0), 1..900_u64], 0..3);
    (1..1700_u64, disks, 1..5_u8, any_settings(), late, 1..6_u64).prop_map(
        |(memory, disks, channels, settings, late, zeros)| Start {
            memory,
            disks,
            channels,
            settings,
            late,
            zeros,
        },
    )
}

fn any_rate() -> impl Strategy<Value = Option<BytesPerSecond>> {
    prop_oneof![
        4 => Just(None),
        1 => Just(Some(BytesPerSecond::from_mib(8))),
        1 => Just(Some(BytesPerSecond::from_mib(200))),
    ]
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let limit = prop_oneof![Just(0), Just(1), Just(300), Just(10_000_u64)];
    let throttle =
        ThrottleSettings { trigger: 50, initial: 20, increment: 10, max: 99, tail: Tail::Slow };
    let throttle = prop_oneof![Just(None), Just(Some(throttle))];
    let post_copy = prop_oneof![1 => Just(PostCopy::Off), 3 => Just(PostCopy::Allowed)];
    let before = prop_oneof![4 => Just(BeforeSwitchover::Go), 1 => Just(BeforeSwitchover::Wait)];
    (any_rate(), any_rate(), any_rate(), limit, throttle, post_copy, before).prop_map(
        |(bandwidth, pushed, switchover, limit, throttle, post_copy, before_switchover)| Settings {
            bandwidth,
            post_copy_bandwidth: pushed,
            switchover_bandwidth: switchover,
            downtime_limit: Duration::from_millis(limit),
            throttle,
            post_copy,
            before_switchover,
        },
    )
}

fn any_action() -> impl Strategy<Value = Action> {
    let index = any::<Index>;
    let value = || prop_oneof![1 => Just(0), 9 => any::<u64>()];
    prop_oneof![
        200 => (any::<bool>(), index(), value())
            .prop_map(|(hot, page, value)| Action::Write { hot, page, value }),
        60 => (index(), prop::option::of(value()))
            .prop_map(|(page, value)| Action::Touch { page, value }),
        100 => index().prop_map(Action::Work),
        60 => Just(Action::Lead),
        30 => Just(Action::Answer),
        30 => Just(Action::HearAtSource),
        30 => Just(Action::HearAtTarget),
        100 => index().prop_map(Action::Receive),
        30 => Just(Action::ReceiveUrgent),
        10 => Just(Action::Load),
        30 => (0..30_000_000_u64).prop_map(|nanos| Action::Wait(Duration::from_nanos(nanos))),
        60 => (1..40_u8).prop_map(Action::All),
        3 => Just(Action::StartPostCopy),
        8 => Just(Action::Continue),
        1 => Just(Action::Cancel),
        3 => any_settings().prop_map(Action::Settings),
        3 => (prop::option::of(index()), 0..3000_usize)
            .prop_map(|(which, keep)| Action::Cut(which, keep)),
        6 => Just(Action::Recover),
    ]
}

pub(crate) fn any_schedule() -> impl Strategy<Value = Vec<Action>> {
    prop::collection::vec(any_action(), 0..700)
}
