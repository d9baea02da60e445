//! From text to value.
//!
//! The digits may be longer than any integer, so the decimal point is moved first: what stands
//! before it is then a whole number of 10⁻⁹, what stands behind it only decides the rounding.

use std::str::FromStr;

use super::suffix::{Format, Unit, UnitError};
use super::{NANOS_PER_ONE, Quantity, QuantityError};

/// How many decimal places a quantity keeps.
const DECIMAL_PLACES: i64 = 9;

/// The largest value with a binary suffix, 2⁶³ − 1, in units of 10⁻⁹.
pub(super) const MOST_BINARY_NANOS: u128 = i64::MAX as u128 * NANOS_PER_ONE;

/// Reads `<sign><number><suffix>`.
///
/// A value finer than 10⁻⁹ is rounded up, away from zero: who asks for some gets some. Above
/// 2⁶³ − 1, a value with a binary suffix becomes 2⁶³ − 1.
// PARITY: apimachinery/pkg/api/resource/quantity.go#ParseQuantity
impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = Parts::of(text);
        if parts.whole.is_empty() && parts.fraction.is_empty() {
            return Err(QuantityError::NoNumber { text: text.to_owned() });
        }
        let out_of_range = || QuantityError::OutOfRange { text: text.to_owned() };
        let unit = Unit::parse(parts.suffix).map_err(|error| match error {
            UnitError::Unknown => QuantityError::UnknownSuffix {
                text: text.to_owned(),
                suffix: parts.suffix.to_owned(),
            },
            UnitError::ExponentOutOfRange => out_of_range(),
        })?;

        let magnitude = match unit.format {
            Format::BinarySi => Some(
                parts.nanos(unit).map_or(MOST_BINARY_NANOS, |nanos| nanos.min(MOST_BINARY_NANOS)),
            ),
            Format::DecimalSi | Format::DecimalExponent => parts.nanos(unit),
        };
        let magnitude =
            magnitude.and_then(|nanos| i128::try_from(nanos).ok()).ok_or_else(out_of_range)?;

        // PARITY: apimachinery/pkg/api/resource/quantity.go#ParseQuantity
        // A binary quantity between 0 and 1 turns into a decimal one when it is read, so
        // that what is added to it prints as decimal, too.
        let format = match unit.format {
            Format::BinarySi if (1..1_000_000_000).contains(&magnitude) => Format::DecimalSi,
            format => format,
        };
        let nanos = if parts.negative { -magnitude } else { magnitude };
        Ok(Self { nanos, format })
    }
}

/// The pieces of a quantity's text. `whole` and `fraction` are ASCII digits, or empty.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (negative, number) = match text.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, rest) = split_digits(number);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), split_digits);
        Self { negative, whole, fraction, suffix }
    }

    /// The magnitude in units of 10⁻⁹, rounded up; `None` where it exceeds 128 bits.
    fn nanos(&self, unit: Unit) -> Option<u128> {
        let factor = 1_u128 << unit.two;
        let digits = [self.whole, self.fraction].concat();
        let point = i64::try_from(self.whole.len()).ok()? + i64::from(unit.ten) + DECIMAL_PLACES;
        // A point to the left of all digits would put zeros between itself and them. They can be
        // left out: only a negative `ten` does that, the factor is 1 then, and anything below one
        // unit rounds up to one.
        let point = usize::try_from(point.max(0)).ok()?;

        let (before, behind) = digits.split_at(point.min(digits.len()));
        let before = scale_up(integer(before)?, point - before.len())?;
        before.checked_mul(factor)?.checked_add(fraction_of(factor, behind))
    }
}

/// The longest run of ASCII digits at the start, and what follows.
fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The number that `digits` say, 0 for none.
fn integer(digits: &str) -> Option<u128> {
    digits.bytes().try_fold(0_u128, |value, digit| {
        value.checked_mul(10)?.checked_add(u128::from(digit - b'0'))
    })
}

/// `value` with `zeros` zeros written behind it.
fn scale_up(value: u128, zeros: usize) -> Option<u128> {
    if value == 0 {
        return Some(0);
    }
    value.checked_mul(10_u128.checked_pow(u32::try_from(zeros).ok()?)?)
}

/// `factor` × `0.digits`, rounded up.
///
/// From the last digit to the first, each step is (digit × factor + what follows) / 10. Rounding
/// up at every step is as exact as rounding once at the end, because each numerator is whole:
/// ⌈(n + x) / 10⌉ = ⌈(n + ⌈x⌉) / 10⌉.
fn fraction_of(factor: u128, digits: &str) -> u128 {
    digits
        .bytes()
        .rev()
        .fold(0, |following, digit| (u128::from(digit - b'0') * factor + following).div_ceil(10))
}
