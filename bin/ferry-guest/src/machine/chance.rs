//! Chance that can be repeated: the small generator that each vCPU draws from.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"). Its whole
//! state is one word, so it travels with the guest and the guest goes on as if nothing had happened.

/// A generator, and all of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// The generator of one vCPU of a guest.
    pub(crate) fn of(seed: u64, cpu: u32) -> Self {
        Self(mix(seed ^ mix(u64::from(cpu) + 1)))
    }

    /// 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `limit`, each as likely as any other; 0 for a limit of 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // Lemire's multiplication. Its bias is limit / 2^64, far below anything that a guest shows.
        let wide = u128::from(self.next()) * u128::from(limit);
        u64::try_from(wide >> 64).expect("the upper half of 128 bits has 64")
    }

    /// A number from 0 up to but not including 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what an f64 has")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in `percent` of 100 cases. Draws nothing where the answer is certain.
    pub(crate) fn hits(&mut self, percent: u8) -> bool {
        match percent {
            0 => false,
            1..=99 => self.below(100) < u64::from(percent),
            100.. => true,
        }
    }
}

/// Spreads the bits of a word over all of it.
pub(crate) const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64() {
        // The first outputs for the state 1234567, as the reference implementation prints them.
        let mut chance = Chance(1_234_567);
        assert_eq!(chance.next(), 6_457_827_717_110_365_317);
        assert_eq!(chance.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn every_number_is_as_likely_as_any_other() {
        let mut chance = Chance::of(7, 0);
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[usize::try_from(chance.below(10)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!(chance.below(0), 0);
        assert_eq!(chance.below(1), 0);
    }

    #[test]
    fn a_share_is_hit_as_often_as_it_says() {
        let mut chance = Chance::of(7, 1);
        let hits = (0..100_000).filter(|_| chance.hits(20)).count();
        assert!((19_500..20_500).contains(&hits), "{hits}");
        assert!(!chance.hits(0) && chance.hits(100));
        let unit: f64 = (0..10_000).map(|_| chance.unit()).sum();
        assert!((4_900.0..5_100.0).contains(&unit), "{unit}");
    }
}
