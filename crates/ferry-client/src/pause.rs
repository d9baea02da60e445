//! How long to wait before something that failed is tried again.

use std::time::Duration;

/// Pauses that double from one failure to the next, up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Pause {
    /// The first pause is `first`, and none is longer than `most`.
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// The pause after one more failure.
    pub fn longer(&mut self) -> Duration {
        let pause = self.next.min(self.most);
        self.next = pause.saturating_mul(2);
        pause
    }

    /// Something went well: the next failure is a first one.
    pub fn forget(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_begin_again_after_success() {
        let millis = Duration::from_millis;
        let mut pause = Pause::new(millis(100), millis(500));
        let pauses: Vec<_> = (0..5).map(|_| pause.longer()).collect();
        assert_eq!(pauses, [100, 200, 400, 500, 500].map(millis));
        pause.forget();
        assert_eq!(pause.longer(), millis(100));
    }
}
