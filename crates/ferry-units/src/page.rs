//! Guest memory counted in pages.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::Bytes;

/// The size of a page: a power of two, at least 4 KiB.
///
/// ```
/// use ferry_units::{Bytes, PageSize};
///
/// let page = PageSize::KIB_4;
/// assert_eq!(page.pages_in(Bytes::from_mib(1)).get(), 256);
/// assert!(PageSize::new(Bytes::new(5000)).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize {
    shift: u32,
}

/// A size that no page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a page of {} bytes: a page size is a power of two, at least 4096", .given.get())]
pub struct PageSizeError {
    /// What was asked for.
    pub given: Bytes,
}

/// The number of a page within a guest's memory, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PageIndex(pub u64);

/// How many pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PageCount(pub u64);

impl PageSize {
    /// 4 KiB, the page of x86-64 and the unit of every dirty log in ferry.
    pub const KIB_4: Self = Self { shift: 12 };

    /// 2 MiB, a huge page of x86-64.
    pub const MIB_2: Self = Self { shift: 21 };

    /// A page of `size`.
    pub fn new(size: Bytes) -> Result<Self, PageSizeError> {
        if size.get() >= 4096 && size.get().is_power_of_two() {
            Ok(Self { shift: size.get().trailing_zeros() })
        } else {
            Err(PageSizeError { given: size })
        }
    }

    /// Bytes of one page.
    pub const fn bytes(self) -> Bytes {
        Bytes::new(1 << self.shift)
    }

    /// How many pages cover `size`; the last one may be partly used.
    pub const fn pages_in(self, size: Bytes) -> PageCount {
        PageCount(size.get().div_ceil(self.bytes().get()))
    }

    /// The page that holds the byte at `offset`.
    pub const fn page_at(self, offset: Bytes) -> PageIndex {
        PageIndex(offset.get() >> self.shift)
    }

    /// Where `page` starts, or `None` beyond the largest address there is.
    pub const fn offset_of(self, page: PageIndex) -> Option<Bytes> {
        match page.0.checked_mul(1 << self.shift) {
            Some(offset) => Some(Bytes::new(offset)),
            None => None,
        }
    }
}

impl PageIndex {
    /// The page's number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl PageCount {
    /// How many.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// What they hold, at most the largest size there is.
    pub const fn bytes(self, page: PageSize) -> Bytes {
        Bytes::new(self.0.saturating_mul(page.bytes().get()))
    }
}

impl fmt::Display for PageIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {}", self.0)
    }
}

impl fmt::Display for PageCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pages", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_power_of_two_of_at_least_4_kib() {
        for (size, fits) in
            [(0, false), (2048, false), (4096, true), (6000, false), (1 << 30, true)]
        {
            assert_eq!(PageSize::new(Bytes::new(size)).is_ok(), fits, "{size}");
        }
    }

    #[test]
    fn a_partly_used_page_counts_as_one() {
        let page = PageSize::KIB_4;
        for (size, pages) in [(0, 0), (1, 1), (4096, 1), (4097, 2)] {
            assert_eq!(page.pages_in(Bytes::new(size)), PageCount(pages));
        }
        assert_eq!(page.page_at(Bytes::new(8191)), PageIndex(1));
        assert_eq!(page.offset_of(PageIndex(3)), Some(Bytes::new(12288)));
        assert_eq!(page.offset_of(PageIndex(u64::MAX)), None);
    }
}
