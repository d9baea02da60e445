//! Quantities: how Kubernetes writes an amount of memory, bandwidth or CPU time.
//!
//! A quantity is a decimal number with a suffix, such as `64Mi`, `1500m` or `1e3`. Its value is
//! kept exactly, in units of 10⁻⁹, and every step from text to text is integer arithmetic: a limit
//! that somebody wrote is the limit that is applied.
//!
//! Source: Kubernetes `apimachinery/pkg/api/resource/{quantity,suffix,amount,math}.go`. Ferry
//! differs in four places, on purpose:
//!
//! - A number needs a digit. Upstream's parser also reads `+`, `.` and `Mi`, as zero; its
//!   documentation and the pattern of its schemas do not.
//! - Values end where 127 bits of 10⁻⁹ end, at about 1.7 × 10²⁹. Upstream's do not end, apart from
//!   binary suffixes, which both cap at 2⁶³ − 1. An exponent beyond 32 bits is refused; upstream
//!   wraps it around.
//! - Printing always gives the canonical form. Upstream hands back some texts as they were read
//!   (`+1`, `01`, `1.500`, `1E3`), because it takes them for canonical.
//! - Blanks around a quantity within JSON are refused. Upstream strips them, which the pattern of
//!   its schemas does not allow either.

mod error;
mod parse;
mod print;
#[cfg(test)]
mod properties;
mod schema;
mod suffix;
#[cfg(test)]
mod tests;
mod text;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use ferry_units::{Bytes, BytesPerSecond};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

pub use error::QuantityError;
pub(crate) use schema::QUANTITY_PATTERN;
use suffix::Format;
pub use text::QuantityText;

/// Units of 10⁻⁹ in 10⁻³.
const NANOS_PER_MILLI: u128 = 1_000_000;

/// Units of 10⁻⁹ in 1.
const NANOS_PER_ONE: u128 = 1_000_000_000;

/// An exact amount, as Kubernetes understands the text of it.
///
/// It remembers the kind of suffix that it was written with, and prints in canonical form with
/// that kind: no fraction, and the largest suffix that keeps the value. Comparing, ordering and
/// hashing go by the value alone, so `1Gi` equals `1024Mi` and `1073741824`.
///
/// ```
/// use ferry_api::Quantity;
///
/// let memory: Quantity = "2048Mi".parse()?;
/// assert_eq!(memory.to_string(), "2Gi");
/// assert_eq!(memory, "2147483648".parse()?);
///
/// // What has no whole number of bytes is not rounded; it takes a finer suffix.
/// assert_eq!("1.4Mi".parse::<Quantity>()?.to_string(), "1468006400m");
///
/// let refusal = "64MB".parse::<Quantity>().unwrap_err();
/// assert_eq!(
///     refusal.to_string(),
///     "\"64MB\" is not a quantity: \"MB\" is no suffix; use Ki Mi Gi Ti Pi Ei, \
///      n u m k M G T P E, or an exponent such as 1e3 (did you mean M?)",
/// );
/// # Ok::<(), ferry_api::QuantityError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    /// The value in units of 10⁻⁹; never the smallest number there is, which has no negation.
    nanos: i128,
    /// The kind of suffix to print with, where it can say the value.
    format: Format,
}

impl Quantity {
    /// Nothing: `0`.
    pub const ZERO: Self = Self { nanos: 0, format: Format::DecimalSi };

    /// `bytes`, printed with a binary suffix.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self { format: Format::BinarySi, ..Self::from(bytes.get()) }
    }

    /// Whether the value lies below zero.
    pub const fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// The value as a size in bytes, rounded up to a whole one.
    ///
    /// Refused below zero and beyond 64 bits.
    // PARITY: apimachinery/pkg/api/resource/quantity.go#Value
    pub fn to_bytes_rounded_up(self) -> Result<Bytes, QuantityError> {
        self.in_units_of(NANOS_PER_ONE, u128::div_ceil).map(Bytes::new)
    }

    /// The value in thousandths, rounded up to a whole one: `1500m` of CPU time is 1500.
    ///
    /// Refused below zero and beyond 64 bits.
    // PARITY: apimachinery/pkg/api/resource/quantity.go#MilliValue
    pub fn to_milli_rounded_up(self) -> Result<u64, QuantityError> {
        self.in_units_of(NANOS_PER_MILLI, u128::div_ceil)
    }

    /// The value as a bandwidth in bytes per second, rounded down to a whole one: what KubeVirt
    /// makes of a limit before it tells the hypervisor. Less than one byte is 0 (`100m`), which
    /// means "no limit" there; one and a half (`1500m`) is 1.
    ///
    /// Refused below zero and beyond 64 bits.
    // PARITY: pkg/virt-launcher/virtwrap/converter/vcpu/vcpu.go#QuantityToByte takes one off the
    // rounded-up value of everything fractional, which is to round down.
    pub fn to_rate_rounded_down(self) -> Result<BytesPerSecond, QuantityError> {
        self.in_units_of(NANOS_PER_ONE, std::ops::Div::div).map(BytesPerSecond::new)
    }

    /// `self + other`, printed as `self` is unless that is zero; `None` where it is out of range.
    // PARITY: apimachinery/pkg/api/resource/quantity.go#Add
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let nanos = self.nanos.checked_add(other.nanos).filter(|sum| *sum != i128::MIN)?;
        Some(Self { nanos, format: if self.is_zero() { other.format } else { self.format } })
    }

    /// The value divided by `unit`, which is in units of 10⁻⁹.
    fn in_units_of(self, unit: u128, divide: fn(u128, u128) -> u128) -> Result<u64, QuantityError> {
        let nanos =
            u128::try_from(self.nanos).map_err(|_| QuantityError::Negative { quantity: self })?;
        u64::try_from(divide(nanos, unit)).map_err(|_| QuantityError::TooLarge { quantity: self })
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

impl From<u64> for Quantity {
    fn from(value: u64) -> Self {
        Self { nanos: i128::from(value) * 1_000_000_000, format: Format::DecimalSi }
    }
}

impl From<i64> for Quantity {
    fn from(value: i64) -> Self {
        Self { nanos: i128::from(value) * 1_000_000_000, format: Format::DecimalSi }
    }
}

impl TryFrom<&ApiQuantity> for Quantity {
    type Error = QuantityError;

    fn try_from(quantity: &ApiQuantity) -> Result<Self, Self::Error> {
        quantity.0.parse()
    }
}

impl From<Quantity> for ApiQuantity {
    fn from(quantity: Quantity) -> Self {
        Self(quantity.to_string())
    }
}
