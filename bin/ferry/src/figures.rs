//! Figures as people read them at a glance.

use std::time::Duration;

use ferry_units::Bytes;

/// A span in the unit that suits it: `12 ms`, `3.21 s`, `75 s`.
pub(crate) fn span(span: Duration) -> String {
    match span {
        _ if span.is_zero() => "0 s".to_owned(),
        _ if span < Duration::from_millis(1) => format!("{} µs", span.as_micros()),
        _ if span < Duration::from_secs(1) => format!("{} ms", span.as_millis()),
        _ if span < Duration::from_secs(10) => {
            let text = format!("{:.2}", span.as_secs_f64());
            format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => format!("{:.0} s", span.as_secs_f64()),
    }
}

/// A size, from ten of its unit up without a fraction: `312 MiB`, `1.52 MiB`.
pub(crate) fn size(size: Bytes) -> String {
    let text = size.to_string();
    match text.split_once('.') {
        Some((whole, rest)) if whole.len() > 1 => {
            let unit = rest.split_once(' ').map_or("", |(_, unit)| unit);
            format!("{whole} {unit}")
        }
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_the_unit_that_suits_them() {
        for (micros, told) in [
            (0, "0 s"),
            (617, "617 µs"),
            (12_345, "12 ms"),
            (2_000_000, "2 s"),
            (3_210_000, "3.21 s"),
            (9_999_000, "10 s"),
            (75_400_000, "75 s"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), told);
        }
    }

    #[test]
    fn large_sizes_have_no_fraction() {
        for (bytes, told) in [(0, "0 B"), (1_600_000, "1.52 MiB"), (67_300_000, "64 MiB")] {
            assert_eq!(size(Bytes::new(bytes)), told);
        }
    }
}
