//! What falls is known from the seed, so that a test that failed can be repeated.

/// Numbers that look as if they had fallen by chance (SplitMix64).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dice(u64);

impl Dice {
    /// Dice of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.any() % end
    }

    /// One of these, of which there is at least one.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = self.below(choices.len() as u64);
        choices[usize::try_from(index).expect("it is an index")]
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_same_seed_throws_the_same() {
        // The reference implementation's first numbers from seed 0.
        let mut dice = Dice::new(0);
        assert_eq!([dice.any(), dice.any()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }

    #[test]
    fn every_side_comes_up() {
        let mut dice = Dice::new(7);
        let mut seen = [0; 6];
        for _ in 0..600 {
            seen[dice.one_of(&[0, 1, 2, 3, 4, 5])] += 1;
        }
        assert!(seen.iter().all(|&times| times > 60), "{seen:?}");
    }
}
