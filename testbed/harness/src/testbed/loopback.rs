//! Which part of `127.0.0.0/8` a testbed has, where its nodes are addresses of this machine's loopback:
//! one that no other testbed listens in.

use std::fs;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};

use super::dir::Dir;
use super::topology::Topology;

/// Second parts of addresses, without 0, where everybody's own services listen, and 255.
const SECOND_PARTS: u32 = 254;

/// Third parts of addresses.
const THIRD_PARTS: u32 = 256;

/// Parts that a testbed uses for each network: one where nodes listen, one where relays stand in.
const FOR_EACH_NETWORK: u32 = 2;

/// What listens on this machine, or in this network namespace.
const LISTENERS: &str = "/proc/net/tcp";

/// The state of a socket that listens (Linux, `include/net/tcp_states.h`).
const LISTEN: &str = "0A";

/// The first address of a part that nobody listens in.
///
/// Two testbeds can only have the same one if their directories' numbers lead to the same place and both
/// come up within the moment in which neither listens yet.
pub(super) fn free_part(dir: &Dir, topology: &Topology) -> Result<Ipv4Addr> {
    let text = fs::read_to_string(LISTENERS).with_context(|| format!("reading {LISTENERS}"))?;
    let taken: Vec<_> = text.lines().filter_map(listener).collect();
    // The directory says where to begin, so that testbeds that are down find theirs free again.
    Parts::for_networks(topology.networks.len() + 1)
        .beginning_at(dir.number())
        .find(|part| !taken.iter().any(|address| part.has(*address)))
        .map(|part| part.first)
        .context("something listens in every part of 127.0.0.0/8")
}

/// How addresses are divided among testbeds with so many networks.
#[derive(Clone, Copy, Debug)]
struct Parts {
    /// Third parts of an address that each has.
    width: u32,
}

impl Parts {
    fn for_networks(networks: usize) -> Self {
        let networks = u32::try_from(networks).unwrap_or(THIRD_PARTS);
        let width = networks.saturating_mul(FOR_EACH_NETWORK).next_power_of_two();
        Self { width: width.min(THIRD_PARTS) }
    }

    /// All of them.
    fn beginning_at(self, first: u32) -> impl Iterator<Item = Part> {
        let count = SECOND_PARTS * (THIRD_PARTS / self.width);
        (0..count).map(move |step| {
            let number = (first % count + step) % count;
            let octet = |part: u32| u8::try_from(part).unwrap_or(u8::MAX);
            let second = octet(1 + number % SECOND_PARTS);
            let third = octet(number / SECOND_PARTS * self.width);
            Part { first: Ipv4Addr::new(127, second, third, 0), width: self.width }
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Part {
    first: Ipv4Addr,
    width: u32,
}

impl Part {
    fn has(self, address: Ipv4Addr) -> bool {
        let offset = u32::from(address).checked_sub(u32::from(self.first));
        offset.is_some_and(|offset| offset < self.width << u8::BITS)
    }
}

/// The address that a line of [`LISTENERS`] says somebody listens at (proc(5)).
fn listener(line: &str) -> Option<Ipv4Addr> {
    let mut words = line.split_ascii_whitespace();
    let (local, state) = (words.nth(1)?, words.nth(1)?);
    if state != LISTEN {
        return None;
    }
    let (address, _port) = local.split_once(':')?;
    let number = u32::from_str_radix(address, 16).ok()?;
    // As it is in memory, read as a number of this machine.
    Some(Ipv4Addr::from(number.to_ne_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn parts_are_as_large_as_the_networks_need_and_do_not_overlap() {
        for (networks, width) in [(1, 2), (2, 4), (3, 8), (5, 16), (8, 16)] {
            let mut seen = BTreeSet::new();
            let parts = Parts::for_networks(networks).beginning_at(u32::MAX);
            for part in parts {
                assert_eq!(part.width, width);
                let [first, second, third, fourth] = part.first.octets();
                assert!((first, fourth) == (127, 0) && (1..=254).contains(&second));
                assert!(u32::from(third).is_multiple_of(width), "{part:?}");
                assert!(seen.insert(part.first), "{part:?}");
            }
            assert_eq!(seen.len(), usize::try_from(SECOND_PARTS * THIRD_PARTS / width).unwrap());
        }
    }

    #[test]
    fn a_part_has_its_own_addresses_and_no_others() {
        let part = Part { first: Ipv4Addr::new(127, 5, 6, 0), width: 2 };
        for (address, expected) in [
            ([127, 5, 6, 0], true),
            ([127, 5, 7, 255], true),
            ([127, 5, 8, 0], false),
            ([127, 5, 5, 255], false),
            ([0, 0, 0, 0], false),
        ] {
            assert_eq!(part.has(Ipv4Addr::from(address)), expected, "{address:?}");
        }
    }

    #[test]
    fn a_part_that_somebody_listens_in_is_left_to_them() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::make(temporary.path()).unwrap();
        let topology = Topology::parse("", "t").unwrap();
        let first = free_part(&dir, &topology).unwrap();
        assert_eq!(free_part(&dir, &topology).unwrap(), first);

        let [a, b, c, _] = first.octets();
        let taken = TcpListener::bind((Ipv4Addr::new(a, b, c + 1, 9), 0)).unwrap();
        let other = free_part(&dir, &topology).unwrap();
        assert_ne!(other, first);
        drop(taken);
        assert_eq!(free_part(&dir, &topology).unwrap(), first);
    }

    #[test]
    fn only_those_who_listen_count() {
        let listens = "   0: 01410A7F:C000 00000000:0000 0A 00000000:00000000 00:00000000 00000000";
        let listens =
            listens.replace("01410A7F", &format!("{:08X}", u32::from_ne_bytes([127, 10, 65, 1])));
        assert_eq!(listener(&listens), Some(Ipv4Addr::new(127, 10, 65, 1)));
        for other in ["", "  sl  local_address rem_address   st", &listens.replace(" 0A ", " 01 ")]
        {
            assert_eq!(listener(other), None, "{other}");
        }
    }
}
