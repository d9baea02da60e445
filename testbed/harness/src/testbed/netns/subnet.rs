//! The addresses of daemons in namespaces, which this machine has a route to: those of no other testbed,
//! and none that lead somewhere else already.
//!
//! `198.18.0.0/15` is set aside for tests of networks (RFC 2544), and is no address of anybody.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::names::Names;
use super::tool::Tool;
use crate::testbed::Dir;

/// Every third part of `198.18.x.0/24`.
const SUBNETS: u32 = 256;

/// Routes of fewer bits are a default in pieces, as some VPNs have it, and hidden by any address.
const LEAST_BITS: u32 = 8;

/// A subnet that leads nowhere yet, for a testbed in `dir`.
pub(crate) fn free_subnet(dir: &Dir) -> Result<Ipv4Addr> {
    let routes = routes()?;
    // The directory says where to begin, so that testbeds that are down find theirs free again.
    let first = dir.number();
    let subnets = (0..SUBNETS).map(|step| subnet(first.wrapping_add(step)));
    let mut free = subnets.filter(|subnet| in_the_way(&routes, *subnet, "").is_none());
    free.next().context("every subnet of 198.18.0.0/16 is in use on this machine")
}

/// Says who has a testbed's subnet, if it is not its own interface.
pub(super) fn check_free(subnet: Ipv4Addr, names: &Names) -> Result<()> {
    match in_the_way(&routes()?, subnet, &names.uplink()) {
        None => Ok(()),
        Some(device) => bail!(
            "{subnet}/24, where the nodes of this testbed are, leads to {device} by now: stop who has it, or \
             remove this testbed with `down --purge` and make it anew"
        ),
    }
}

fn subnet(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, u8::try_from(number % SUBNETS).unwrap_or(0), 0)
}

fn routes() -> Result<Value> {
    let text = Tool::IP.run(&["-j", "-4", "route", "show", "table", "all"])?;
    serde_json::from_str(&text).context("the routes of this machine")
}

/// The interface that a part of a subnet leads to, unless it is `own`.
fn in_the_way(routes: &Value, subnet: Ipv4Addr, own: &str) -> Option<String> {
    let first = u32::from(subnet);
    let found = routes.as_array().into_iter().flatten().find(|route| {
        let leads_there = route["dst"].as_str().and_then(prefix).is_some_and(|(address, bits)| {
            let bits = bits.min(24);
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            bits >= LEAST_BITS && (u32::from(address) ^ first) & mask == 0
        });
        leads_there && route["dev"] != own
    })?;
    Some(found["dev"].as_str().unwrap_or("another place").to_owned())
}

/// `ADDRESS/BITS`, or an address alone.
fn prefix(text: &str) -> Option<(Ipv4Addr, u32)> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    Some((address.parse().ok()?, bits.parse().ok().filter(|bits| *bits <= 32)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_subnet_is_free_if_no_part_of_it_leads_elsewhere() {
        let subnet = Ipv4Addr::new(198, 18, 7, 0);
        for (dst, is_free) in [
            ("default", true),
            ("198.18.6.0/24", true),
            ("198.18.8.1", true),
            ("10.0.0.0/8", true),
            ("128.0.0.0/1", true),
            ("198.18.7.0/24", false),
            ("198.18.7.9", false),
            ("198.18.7.128/25", false),
            ("198.18.0.0/15", false),
            ("198.0.0.0/8", false),
        ] {
            let routes =
                json!([{ "dst": "127.0.0.1", "dev": "lo" }, { "dst": dst, "dev": "eth7" }]);
            let found = in_the_way(&routes, subnet, "mine");
            assert_eq!(found.as_deref(), (!is_free).then_some("eth7"), "{dst}");
            assert_eq!(in_the_way(&routes, subnet, "eth7"), None, "{dst}");
        }
    }
}
