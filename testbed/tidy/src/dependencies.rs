//! Rules about who depends on whom.

use std::collections::BTreeSet;

use crate::graph::{Graph, Member, Need};
use crate::house::{self, Crate};
use crate::offence::Offence;

/// Every crate stands in the table of the house, in the directory that the table says.
pub fn everyone_has_a_floor(graph: &Graph) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (name, member) in &graph.members {
        let found = house::named(name).map(|each| format!("{}/Cargo.toml", each.dir));
        match found {
            None => {
                offences.push(Offence::new(&member.manifest, 1, format!("{name} has no floor")));
            }
            Some(manifest) if manifest != member.manifest => {
                let what = format!("{name} is expected at {manifest}");
                offences.push(Offence::new(&member.manifest, 1, what));
            }
            Some(_) => {}
        }
    }
    offences
}

/// A crate uses lower floors only, tests apart.
pub fn down_only(graph: &Graph) -> Vec<Offence> {
    asked(graph)
        .filter(|asked| asked.need != Need::Test)
        .filter_map(|asked| {
            let other = house::named(asked.dependency)?;
            (other.floor >= asked.krate.floor).then(|| {
                let (krate, floor) = (asked.krate.name, asked.krate.floor);
                asked.offence(format!(
                    "{krate} on floor {floor} uses {} on floor {}",
                    other.name, other.floor
                ))
            })
        })
        .collect()
}

/// No crate leads back to itself, not even through tests.
pub fn no_cycles(graph: &Graph) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (name, member) in &graph.members {
        for chain in graph.reached_from(name, &[Need::Run, Need::Build, Need::Test]) {
            if chain.last() == Some(name) {
                let line = member.line_of(&chain[1]);
                offences.push(Offence::new(&member.manifest, line, chain.join(" -> ")));
            }
        }
    }
    offences
}

/// Below the waterline a crate asks for data libraries only.
pub fn data_libraries_only(graph: &Graph) -> Vec<Offence> {
    let is_known = |name: &str| house::DATA_LIBRARIES.iter().any(|(each, _)| *each == name);
    asked(graph)
        .filter(|asked| asked.krate.is_below_the_waterline() && asked.need != Need::Test)
        .filter(|asked| house::named(asked.dependency).is_none() && !is_known(asked.dependency))
        .map(|asked| asked.offence(format!("{} is no data library", asked.dependency)))
        .collect()
}

/// Below the waterline a crate reaches nothing that waits, opens, logs or rolls dice. What only
/// comes along with something denied is not told apart.
pub fn nothing_denied_below(graph: &Graph) -> Vec<Offence> {
    let why = |name: &String| {
        let denied = house::DENIED_BELOW.iter().find(|(each, _)| each == name);
        denied.map(|(_, why)| *why)
    };
    let mut offences = Vec::new();
    for (_, member) in crates(graph).filter(|(krate, _)| krate.is_below_the_waterline()) {
        let mut told = BTreeSet::new();
        for chain in &member.built_with {
            let Some((last, before)) = chain.split_last() else { continue };
            let Some(why) = why(last).filter(|_| before.iter().all(|name| why(name).is_none()))
            else {
                continue;
            };
            if told.insert(last) {
                let what = format!("{}: {last} {why}", chain.join(" -> "));
                offences.push(Offence::new(&member.manifest, member.line_of(&chain[1]), what));
            }
        }
    }
    offences
}

/// No crate reaches the opposite wing, however far down.
pub fn the_wings_do_not_touch(graph: &Graph) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (krate, member) in crates(graph) {
        for chain in graph.reached_from(krate.name, &[Need::Run, Need::Build]) {
            let reached = chain.last().and_then(|name| house::named(name));
            if let Some(reached) = reached.filter(|other| !krate.wing.may_reach(other.wing)) {
                let what =
                    format!("{}: {:?} to {:?}", chain.join(" -> "), krate.wing, reached.wing);
                offences.push(Offence::new(&member.manifest, member.line_of(&chain[1]), what));
            }
        }
    }
    offences
}

/// Each technology has one door.
pub fn one_door(graph: &Graph) -> Vec<Offence> {
    asked(graph)
        .filter_map(|asked| {
            let (_, door) = house::DOORS.iter().find(|(name, _)| *name == asked.dependency)?;
            (*door != asked.krate.name)
                .then(|| asked.offence(format!("{} is for {door} only", asked.dependency)))
        })
        .collect()
}

/// Below the programs every error has a type.
pub fn typed_errors(graph: &Graph) -> Vec<Offence> {
    asked(graph)
        .filter(|asked| asked.krate.floor < house::PROGRAMS)
        .filter(|asked| house::UNTYPED_ERRORS.contains(&asked.dependency))
        .map(|asked| asked.offence(format!("{} is for programs and tests", asked.dependency)))
        .collect()
}

/// A crate of the house asks for a dependency by name.
struct Asked<'a> {
    krate: Crate,
    member: &'a Member,
    dependency: &'a str,
    need: Need,
}

impl Asked<'_> {
    fn offence(&self, what: String) -> Offence {
        Offence::new(&self.member.manifest, self.member.line_of(self.dependency), what)
    }
}

fn crates(graph: &Graph) -> impl Iterator<Item = (Crate, &Member)> {
    graph.members.iter().filter_map(|(name, member)| Some((house::named(name)?, member)))
}

fn asked(graph: &Graph) -> impl Iterator<Item = Asked<'_>> {
    crates(graph).flat_map(|(krate, member)| {
        let asks = member.asks_for.iter();
        asks.map(move |(dependency, need)| Asked { krate, member, dependency, need: *need })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::fixture::{self, graph};

    /// The offences of a rule against a graph, printed.
    fn broken(rule: fn(&Graph) -> Vec<Offence>, text: &str) -> Vec<String> {
        rule(&graph(text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_crate_without_a_floor_is_refused() {
        assert_eq!(
            broken(everyone_has_a_floor, "ferry-units\nferry-unheard-of"),
            ["crates/unheard-of/Cargo.toml:1: ferry-unheard-of has no floor"]
        );
    }

    #[test]
    fn a_crate_in_the_wrong_directory_is_refused() {
        let mut graph = graph("ferry-units");
        graph.members.get_mut("ferry-units").unwrap().manifest = "bin/units/Cargo.toml".to_owned();
        assert_eq!(
            everyone_has_a_floor(&graph)[0].to_string(),
            "bin/units/Cargo.toml:1: ferry-units is expected at crates/ferry-units/Cargo.toml"
        );
    }

    #[test]
    fn a_floor_uses_neither_itself_nor_a_higher_one() {
        assert_eq!(
            broken(
                down_only,
                "ferry-policy -> ferry-api
                 ferry-policy -> ferry-scheduler
                 ferry-config -> ferry-policy
                 ferry-units -build-> ferry-api
                 ferry-api -test-> ferry-policy"
            ),
            [
                "crates/ferry-config/Cargo.toml:1: ferry-config on floor 1 uses ferry-policy on \
                 floor 2",
                "crates/ferry-policy/Cargo.toml:2: ferry-policy on floor 2 uses ferry-scheduler \
                 on floor 2",
                "crates/ferry-units/Cargo.toml:1: ferry-units on floor 0 uses ferry-api on floor 1",
            ]
        );
    }

    #[test]
    fn tests_may_look_up_but_not_in_a_circle() {
        assert!(broken(no_cycles, "ferry-api -test-> ferry-policy").is_empty());
        assert_eq!(
            broken(no_cycles, "ferry-api -test-> ferry-policy\nferry-policy -> ferry-api"),
            [
                "crates/ferry-api/Cargo.toml:1: ferry-api -> ferry-policy -> ferry-api",
                "crates/ferry-policy/Cargo.toml:1: ferry-policy -> ferry-api -> ferry-policy",
            ]
        );
    }

    #[test]
    fn only_data_libraries_below_the_waterline() {
        assert_eq!(
            broken(
                data_libraries_only,
                "ferry-api -> serde
                 ferry-api -> regex
                 ferry-api -test-> proptest
                 ferry-store -> regex"
            ),
            ["crates/ferry-api/Cargo.toml:2: regex is no data library"]
        );
    }

    #[test]
    fn what_is_denied_is_found_however_far_down_and_once() {
        let tree = "0 it v0.1.0\n1 serde v1.0.229\n1 http v1.5.0\n2 h2 v0.5.3\n\
                    3 tokio v1.54.1\n1 h2 v0.5.3\n1 serde_json v1.0.154\n2 log v0.4.35\n";
        let printed = |name| -> Vec<_> {
            let offences = nothing_denied_below(&fixture::built_with(name, tree));
            offences.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            printed("ferry-api"),
            [
                "crates/ferry-api/Cargo.toml:1: it -> http -> h2: h2 opens sockets",
                "crates/ferry-api/Cargo.toml:1: it -> serde_json -> log: log logs",
            ]
        );
        assert!(printed("ferry-runtime").is_empty());
    }

    #[test]
    fn the_wings_may_meet_in_the_bridge_only() {
        assert_eq!(
            broken(
                the_wings_do_not_touch,
                "ferry-policy -> ferry-config
                 ferry-node -> ferry-policy
                 ferry-node -> ferry-convergence
                 ferry-guest -> ferry-rpc
                 ferry-rpc -> ferry-api
                 ferry-scenarios -> ferry-guest
                 ferry-scenarios -> ferry-apiserver"
            ),
            [
                "bin/ferry-guest/Cargo.toml:1: ferry-guest -> ferry-rpc -> ferry-api: Data to \
                 Control",
                "crates/ferry-rpc/Cargo.toml:1: ferry-rpc -> ferry-api: Shared to Control",
            ]
        );
    }

    #[test]
    fn a_technology_has_one_door_for_tests_too() {
        assert_eq!(
            broken(
                one_door,
                "ferry-store -> sled
                 ferry-node -test-> sled
                 ferry-rpc -> prost"
            ),
            ["bin/ferry-node/Cargo.toml:1: sled is for ferry-store only"]
        );
    }

    #[test]
    fn only_programs_and_tests_may_forget_an_errors_type() {
        assert_eq!(
            broken(typed_errors, "ferry -> anyhow\nferry-sim -> anyhow\nferry-store -> anyhow"),
            ["crates/ferry-store/Cargo.toml:1: anyhow is for programs and tests"]
        );
    }
}
