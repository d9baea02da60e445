//! Migrations of a model: all threads of both sides, one small step at a time, in any order, over
//! connections that end at any byte.
//!
//! The bytes on the connections are those of the real wire. What is not real: a page has eight bytes,
//! time is a counter, and a thread does what the schedule says.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod actions;
mod guest;
mod pipe;
mod source;
mod target;
mod world;

use ferry_transfer::{DestinationPhase, Ending};
use proptest::prelude::*;

use actions::{Action, any_schedule, any_start};
use guest::Motion;
use world::World;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_guest_is_in_one_place_with_all_that_it_wrote(
        start in any_start(),
        schedule in any_schedule(),
    ) {
        let mut world = World::new(&start);
        let is_disturbed = schedule.iter().any(Action::disturbs);
        for action in schedule {
            world.act(action);
        }
        let ending = world.settle();
        prop_assert!(is_disturbed || ending == Ending::Completed);
        match ending {
            Ending::Completed => {
                prop_assert_eq!(world.target.motion, Motion::Runs);
                world.target.check_content();
                prop_assert_eq!(&world.target.pages, &world.target.expected);
            }
            Ending::Cancelled | Ending::Failed(_) => {
                prop_assert_eq!(world.source.guest.motion, Motion::Runs);
                prop_assert_eq!(world.target.motion, Motion::Still);
                let content = world.source.guest.pages.clone();
                let mut again = World::with(&start, world.source.guest);
                prop_assert_eq!(again.settle(), Ending::Completed);
                prop_assert_eq!(&again.target.pages, &content);
            }
            Ending::InDoubt(_) | Ending::Paused(_) => {
                prop_assert_eq!(world.source.guest.motion, Motion::Still);
                let lives = world.target.destination.phase() == DestinationPhase::Completed;
                prop_assert_eq!(world.target.motion == Motion::Runs, lives);
            }
        }
    }
}
