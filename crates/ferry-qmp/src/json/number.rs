//! Numbers: all of `i64` and `u64` exactly, the rest as `f64`.

use std::fmt;

/// A JSON number, as QEMU keeps it: integers in 64 bits as long as they fit, else a double.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer that fits `i64`.
    Signed(i64),
    /// An integer above `i64::MAX`.
    Unsigned(u64),
    /// Anything with a fraction, an exponent, or too many digits. Always finite.
    Float(f64),
}

impl Number {
    /// Reads a number that the lexer has found well-formed.
    // PARITY: qobject/json-parser.c#parse_literal
    pub(super) fn parse(text: &str) -> Self {
        if let Ok(value) = text.parse::<i64>() {
            return Self::Signed(value);
        }
        if let Ok(value) = text.parse::<u64>() {
            return Self::Unsigned(value);
        }
        // QEMU keeps what overflows a double as infinity and writes it as `inf`, which is no JSON.
        let value: f64 = text.parse().unwrap_or(f64::MAX);
        Self::Float(value.clamp(f64::MIN, f64::MAX))
    }

    /// The value, if it is an integer that fits.
    // PARITY: qobject/qnum.c#qnum_get_try_int
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Signed(value) => Some(value),
            Self::Unsigned(_) | Self::Float(_) => None,
        }
    }

    /// The value, if it is an integer that fits and is not negative.
    // PARITY: qobject/qnum.c#qnum_get_try_uint
    pub fn as_u64(self) -> Option<u64> {
        match self {
            Self::Signed(value) => u64::try_from(value).ok(),
            Self::Unsigned(value) => Some(value),
            Self::Float(_) => None,
        }
    }

    /// The value, rounded where an integer has more than 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "the documentation says so")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Signed(value) => value as f64,
            Self::Unsigned(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Unsigned(value), Self::Signed)
    }
}

/// What is not finite has no JSON: not-a-number becomes 0, the infinities the largest doubles.
impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(value) => write!(f, "{value}"),
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Float(value) => write_as_c(*value, f),
        }
    }
}

/// Writes a double as C's `%.17g`: 17 digits suffice for any, trailing zeros go.
// PARITY: qobject/json-writer.c#json_writer_double
fn write_as_c(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const DIGITS: i32 = 17;
    let scientific = format!("{value:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("{:e} always writes an exponent");
    let exponent: i32 = exponent.parse().expect("a double's exponent is a small integer");
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).expect("the range was just checked");
        return f.write_str(without_trailing_zeros(&format!("{value:.decimals$}")));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(f, "{}e{sign}{:02}", without_trailing_zeros(mantissa), exponent.abs())
}

fn without_trailing_zeros(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_integers_keep_64_bits_and_the_rest_becomes_a_double() {
        for (text, number) in [
            ("0", Number::Signed(0)),
            ("-0", Number::Signed(0)),
            ("9223372036854775807", Number::Signed(i64::MAX)),
            ("9223372036854775808", Number::Unsigned(1 << 63)),
            ("18446744073709551615", Number::Unsigned(u64::MAX)),
            ("18446744073709551616", Number::Float(18_446_744_073_709_551_616.0)),
            ("-9223372036854775809", Number::Float(-9_223_372_036_854_775_808.0)),
            ("1.0", Number::Float(1.0)),
            ("1e999", Number::Float(f64::MAX)),
            ("-1e999", Number::Float(f64::MIN)),
        ] {
            assert_eq!(Number::parse(text), number, "{text}");
        }
    }

    #[test]
    fn parity_doubles_print_as_in_c() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (2.5, "2.5"),
            (0.1, "0.10000000000000001"),
            (-1e-8, "-1e-08"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.234_567_890_123_456_8e29, "1.2345678901234568e+29"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "4.9406564584124654e-324"),
        ] {
            assert_eq!(Number::Float(value).to_string(), text);
        }
    }
}
