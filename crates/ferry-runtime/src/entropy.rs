//! What is drawn by chance.

/// So many random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("Linux always has random bytes");
    bytes
}

/// A seed for a generator.
pub fn seed() -> u64 {
    u64::from_le_bytes(bytes())
}
