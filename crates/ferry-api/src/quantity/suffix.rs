//! What stands behind the number of a quantity: the tables of suffixes, read and printed from the
//! same place.
//!
//! Source: Kubernetes `apimachinery/pkg/api/resource/suffix.go`.

use std::num::IntErrorKind;

/// The `i`-th is 2¹⁰⁽ⁱ⁺¹⁾.
pub(super) const BINARY_SUFFIXES: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// The `i`-th is 10³ⁱ⁻⁹.
pub(super) const DECIMAL_SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

/// The kind of suffix that a quantity was written with, and prefers to be printed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// `12Mi`.
    BinarySi,
    /// `12M`, and `12`.
    #[default]
    DecimalSi,
    /// `12e6`.
    DecimalExponent,
}

/// What a suffix multiplies by: 2^`two` × 10^`ten`. One of the exponents is zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) two: u32,
    pub(super) ten: i32,
    pub(super) format: Format,
}

/// Why a text is no unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnitError {
    /// There is no such suffix.
    Unknown,
    /// An exponent beyond 32 bits.
    ExponentOutOfRange,
}

impl Unit {
    pub(super) fn parse(suffix: &str) -> Result<Self, UnitError> {
        if let Some((i, _)) = (0..).zip(DECIMAL_SUFFIXES).find(|(_, known)| *known == suffix) {
            return Ok(Self { two: 0, ten: 3 * i - 9, format: Format::DecimalSi });
        }
        if let Some((i, _)) = (0..).zip(BINARY_SUFFIXES).find(|(_, known)| *known == suffix) {
            return Ok(Self { two: 10 * (i + 1), ten: 0, format: Format::BinarySi });
        }
        let exponent = suffix.strip_prefix(['e', 'E']).ok_or(UnitError::Unknown)?;
        match exponent.parse() {
            Ok(ten) => Ok(Self { two: 0, ten, format: Format::DecimalExponent }),
            Err(error) => Err(match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                    UnitError::ExponentOutOfRange
                }
                _ => UnitError::Unknown,
            }),
        }
    }
}

/// The suffix that was probably meant by one that does not exist: `MB` for `M`, `kb` for `k` or
/// `Ki`, `MiB` and ` Mi` for `Mi`.
pub(super) fn suggestion(suffix: &str) -> Option<&'static str> {
    let bare = suffix.trim();
    let bare = bare.strip_suffix(['b', 'B']).unwrap_or(bare);
    if bare.eq_ignore_ascii_case("k") {
        return Some("k or Ki");
    }
    // Nobody who writes `MB` means a thousandth of a byte, so nothing below k is proposed.
    BINARY_SUFFIXES
        .iter()
        .chain(&DECIMAL_SUFFIXES[4..])
        .copied()
        .find(|known| bare.eq_ignore_ascii_case(known))
}
