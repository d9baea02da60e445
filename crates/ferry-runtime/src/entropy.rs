//! The one place that rolls dice.

/// Bytes that nobody can foretell, such as the id of a session.
///
/// ```
/// let one: [u8; 16] = ferry_runtime::entropy::bytes();
/// assert_ne!(one, ferry_runtime::entropy::bytes());
/// ```
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("Linux has random bytes for every process");
    bytes
}

/// A number from which a generator that can be repeated starts.
pub fn seed() -> u64 {
    u64::from_ne_bytes(bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_seeds_are_alike() {
        let seeds: BTreeSet<u64> = (0..100).map(|_| seed()).collect();
        assert_eq!(seeds.len(), 100);
    }

    #[test]
    fn every_byte_is_drawn() {
        let mut seen = [0; 64];
        for _ in 0..100 {
            for (seen, byte) in seen.iter_mut().zip(bytes::<64>()) {
                *seen |= byte;
            }
        }
        assert!(seen.iter().all(|seen| *seen != 0));
    }
}
