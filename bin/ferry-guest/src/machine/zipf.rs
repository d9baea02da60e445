//! Numbers of which the n-th is drawn in proportion to 1 / n^s, without a table.
//!
//! Rejection-inversion (Hörmann, Derflinger: "Rejection-inversion to generate variates from monotone
//! discrete distributions", 1996): the area under a curve that lies over the steps of the
//! distribution is inverted, and what falls between curve and steps is drawn again, which is seldom.
//! It is exact, takes no memory, and its time does not depend on how many numbers there are.

use super::chance::Chance;

/// The exponents that are accepted. With less, chance is as good; with more, there is one number.
pub(crate) const EXPONENTS: std::ops::RangeInclusive<f64> = 0.01..=10.0;

/// The numbers from 0 up to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zipf {
    count: f64,
    exponent: f64,
    /// The area up to the lower edge of the first step, and up to the upper edge of the last one.
    first: f64,
    last: f64,
    /// Whatever is closer to its number than this lies under the step.
    surely: f64,
}

impl Zipf {
    /// `count` numbers, at least one; `exponent` is one of [`EXPONENTS`].
    #[expect(clippy::cast_precision_loss, reason = "no guest has 2^53 pages")]
    pub(crate) fn new(count: u64, exponent: f64) -> Self {
        let mut zipf =
            Self { count: count.max(1) as f64, exponent, first: 0.0, last: 0.0, surely: 0.0 };
        zipf.first = zipf.area(1.5) - 1.0;
        zipf.last = zipf.area(zipf.count + 0.5);
        zipf.surely = 2.0 - zipf.inverse(zipf.area(2.5) - zipf.height(2.0));
        zipf
    }

    /// One of the numbers.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to the count")]
    pub(crate) fn draw(&self, chance: &mut Chance) -> u64 {
        loop {
            let area = self.last + chance.unit() * (self.first - self.last);
            let at = self.inverse(area);
            let rank = at.round().clamp(1.0, self.count);
            if rank - at <= self.surely || area >= self.area(rank + 0.5) - self.height(rank) {
                return rank as u64 - 1;
            }
        }
    }

    /// The height of the curve at `x`: x^-s.
    fn height(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    /// The area under the curve from 1 to `x`: (x^(1-s) - 1) / (1 - s), and ln x where s is 1.
    fn area(&self, x: f64) -> f64 {
        let log = x.ln();
        let t = (1.0 - self.exponent) * log;
        if t.abs() < 1e-8 { log * (1.0 + t / 2.0) } else { log * t.exp_m1() / t }
    }

    /// Up to where the area is `area`.
    fn inverse(&self, area: f64) -> f64 {
        // Never below -1, which rounding may pass.
        let t = (area * (1.0 - self.exponent)).max(-1.0);
        let log = if t.abs() < 1e-8 { area * (1.0 - t / 2.0) } else { area * t.ln_1p() / t };
        log.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_share() {
        for exponent in [0.5, 0.99, 1.0, 1.1, 2.0] {
            let zipf = Zipf::new(1_000, exponent);
            let mut chance = Chance::of(5, 0);
            let mut counts = vec![0_u32; 1_000];
            let draws = 200_000;
            for _ in 0..draws {
                counts[usize::try_from(zipf.draw(&mut chance)).unwrap()] += 1;
            }
            let total: f64 = (1..=1_000).map(|n| f64::from(n).powf(-exponent)).sum();
            for rank in [1_u32, 2, 3, 10, 100] {
                let expected = f64::from(draws) * f64::from(rank).powf(-exponent) / total;
                let found = f64::from(counts[rank as usize - 1]);
                // Six standard deviations.
                let tolerance = 6.0 * expected.sqrt() + 1.0;
                let text = format!("rank {rank}, exponent {exponent}: {found}, not {expected}");
                assert!((found - expected).abs() < tolerance, "{text}");
            }
        }
    }

    #[test]
    fn the_extremes_end_and_stay_within() {
        for count in [1, 2, 3, 1 << 28] {
            for exponent in [*EXPONENTS.start(), 1.0, *EXPONENTS.end()] {
                let zipf = Zipf::new(count, exponent);
                let mut chance = Chance::of(1, 2);
                assert!((0..10_000).all(|_| zipf.draw(&mut chance) < count), "{count} {exponent}");
            }
        }
    }
}
