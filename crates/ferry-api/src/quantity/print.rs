//! From value to canonical text.

use std::fmt;

use super::parse::MOST_BINARY_NANOS;
use super::suffix::{BINARY_SUFFIXES, DECIMAL_SUFFIXES, Format};
use super::{NANOS_PER_ONE, Quantity};

/// From here on, a quantity that was written with a binary suffix is printed with one.
const LEAST_BINARY_NANOS: u128 = 1024 * NANOS_PER_ONE;

/// Prints the canonical form: no fraction, the largest suffix that keeps the value, and a sign
/// only below zero.
///
/// What the kind of suffix cannot say takes the next better one: a binary quantity below 1024,
/// with a fraction, or above 2⁶³ − 1 is printed as a decimal one, and a decimal one beyond `E`
/// with an exponent. The text always reads back as the same value.
// PARITY: apimachinery/pkg/api/resource/quantity.go#CanonicalizeBytes. A whole binary quantity
// that 1024 does not divide prints no suffix, so it reads back as a decimal one: 9.765625Ki is
// 10000 at first, and 10k from then on.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.nanos.unsigned_abs();
        if magnitude == 0 {
            return f.write_str("0");
        }
        if self.is_negative() {
            f.write_str("-")?;
        }
        match self.format {
            Format::BinarySi if is_binary(magnitude) => binary(magnitude / NANOS_PER_ONE, f),
            Format::BinarySi | Format::DecimalSi => {
                let (mantissa, thousands) = factor_out(1000, magnitude);
                match DECIMAL_SUFFIXES.get(thousands) {
                    Some(suffix) => write!(f, "{mantissa}{suffix}"),
                    None => exponential(mantissa, thousands, f),
                }
            }
            Format::DecimalExponent => {
                let (mantissa, thousands) = factor_out(1000, magnitude);
                exponential(mantissa, thousands, f)
            }
        }
    }
}

/// Whether a binary suffix can say this value.
fn is_binary(nanos: u128) -> bool {
    nanos.is_multiple_of(NANOS_PER_ONE) && (LEAST_BINARY_NANOS..=MOST_BINARY_NANOS).contains(&nanos)
}

fn binary(value: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match factor_out(1024, value) {
        (value, 0) => write!(f, "{value}"),
        // Below 2⁶³ there are at most six factors of 1024, and six suffixes.
        (mantissa, factors) => write!(f, "{mantissa}{}", BINARY_SUFFIXES[factors - 1]),
    }
}

/// `mantissa` × 1000^`thousands` × 10⁻⁹.
fn exponential(mantissa: u128, thousands: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match thousands {
        0..3 => write!(f, "{mantissa}e-{}", 9 - 3 * thousands),
        3 => write!(f, "{mantissa}"),
        _ => write!(f, "{mantissa}e{}", 3 * thousands - 9),
    }
}

/// `value` without its factors of `base`, and how many there were. `value` is not zero.
fn factor_out(base: u128, mut value: u128) -> (u128, usize) {
    let mut factors = 0;
    while value.is_multiple_of(base) {
        value /= base;
        factors += 1;
    }
    (value, factors)
}
