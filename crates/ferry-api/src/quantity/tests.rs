//! What is read, what is printed, and what is refused, as tables.

use std::collections::BTreeSet;

use ferry_units::{Bytes, BytesPerSecond};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::suffix::Format;
use super::{Quantity, QuantityError};

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn check_printed(rows: &[(&str, &str)]) {
    for (written, printed) in rows {
        assert_eq!(quantity(written).to_string(), *printed, "{written}");
        if *printed != "0" && !written.starts_with(['+', '-']) {
            assert_eq!(quantity(&format!("-{written}")).to_string(), format!("-{printed}"));
            assert_eq!(quantity(&format!("+{written}")).to_string(), *printed);
        }
    }
}

#[test]
fn a_binary_quantity_prints_the_largest_suffix_that_keeps_it_whole() {
    check_printed(&[
        ("2048Mi", "2Gi"),
        ("1024Ki", "1Mi"),
        ("1Ki", "1Ki"),
        ("1023Ki", "1023Ki"),
        ("1025Mi", "1025Mi"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("1.5Mi", "1536Ki"),
        ("1024Ti", "1Pi"),
        ("7Ei", "7Ei"),
        ("0Mi", "0"),
        ("-0Gi", "0"),
        // A whole number of bytes that is no whole number of KiB.
        ("1.0009765625Ki", "1025"),
        ("9.765625Ki", "10000"),
    ]);
}

#[test]
fn a_binary_quantity_that_no_binary_suffix_can_say_prints_as_decimal() {
    check_printed(&[
        ("1.4Mi", "1468006400m"),
        ("100.035Ki", "102435840m"),
        ("0.05Gi", "53687091200m"),
        ("0.5Ki", "512"),
        ("0.9765625Ki", "1k"),
        (".001Ki", "1024m"),
        (".000001Ki", "1024u"),
        (".000000001Ki", "1024n"),
        (".000000000001Ki", "2n"),
    ]);
}

#[test]
fn a_decimal_quantity_prints_without_a_fraction() {
    check_printed(&[
        ("0", "0"),
        ("00", "0"),
        ("-0", "0"),
        ("1", "1"),
        ("007", "7"),
        ("5.", "5"),
        (".5", "500m"),
        ("1.5", "1500m"),
        ("1.500", "1500m"),
        ("1500m", "1500m"),
        ("1000m", "1"),
        ("1.G", "1G"),
        ("1000M", "1G"),
        ("0.001T", "1G"),
        ("1000000k", "1G"),
        ("1234567M", "1234567M"),
        ("9.01", "9010m"),
        ("100.035k", "100035"),
        ("1E", "1E"),
        ("1.01E", "1010P"),
        ("12E", "12E"),
        ("18446744073709551616", "18446744073709551616"),
        ("1k", "1k"),
        ("1u", "1u"),
        ("1080n", "1080n"),
    ]);
}

#[test]
fn a_decimal_quantity_beyond_exa_prints_an_exponent() {
    check_printed(&[("1000E", "1e21"), ("5000E", "5e21"), ("1000000E", "1e24")]);
}

#[test]
fn an_exponent_stays_an_exponent_divisible_by_three() {
    check_printed(&[
        ("1e3", "1e3"),
        ("1E3", "1e3"),
        ("1e+03", "1e3"),
        ("1000e0", "1e3"),
        ("12e6", "12e6"),
        ("1e14", "100e12"),
        ("1.2e3", "1200"),
        ("1.5e0", "1500e-3"),
        ("100e-3", "100e-3"),
        ("1000e-12", "1e-9"),
        ("0.5e-1", "50e-3"),
        ("1e0", "1"),
        ("0e5", "0"),
        ("1e29", "100e27"),
    ]);
}

#[test]
fn what_is_finer_than_a_billionth_rounds_up_away_from_zero() {
    check_printed(&[
        ("0.1n", "1n"),
        ("0.9n", "1n"),
        ("3.001n", "4n"),
        ("0.00000012345", "124n"),
        ("1.1E-9", "2e-9"),
        ("1e-100", "1e-9"),
        ("1e-2147483648", "1e-9"),
        ("1.0000000000000000000000000000000000000000000001", "1000000001n"),
        ("0.00000000000000000000000000000000000000000001Ei", "1n"),
    ]);
}

#[test]
fn a_binary_quantity_is_capped_at_the_largest_signed_64_bit_number() {
    check_printed(&[
        ("8Ei", "9223372036854775807"),
        ("9223372036854775807Ki", "9223372036854775807"),
        ("99999999999999999999999999999999999999999999Ki", "9223372036854775807"),
        ("9007199254740991Ki", "9007199254740991Ki"),
    ]);
}

#[test]
fn decimal_digits_may_outnumber_every_integer_as_long_as_the_value_fits() {
    check_printed(&[
        (&format!("{}1", "0".repeat(500)), "1"),
        (&format!("0.{}e500", "0".repeat(499) + "1"), "1"),
        (&format!("1{}e-500", "0".repeat(500)), "1"),
        ("170141183460469231731687303715884105727n", "170141183460469231731687303715884105727n"),
    ]);
}

#[test]
fn a_refusal_says_what_is_accepted_and_what_was_probably_meant() {
    const SUFFIXES: &str = "use Ki Mi Gi Ti Pi Ei, n u m k M G T P E, or an exponent such as 1e3";
    let unknown = |text: &str, suffix: &str, hint: &str| {
        (
            text.to_owned(),
            format!("{text:?} is not a quantity: {suffix:?} is no suffix; {SUFFIXES}{hint}"),
        )
    };
    let no_number = |text: &str| {
        (
            text.to_owned(),
            format!(
                "{text:?} is not a quantity: it has no number; write one such as 64Mi, 500m or 1e3"
            ),
        )
    };
    let out_of_range = |text: &str| {
        (
            text.to_owned(),
            format!("{text:?} is out of range: a quantity lies between -1.7e29 and 1.7e29"),
        )
    };
    for (text, message) in [
        unknown("64MB", "MB", " (did you mean M?)"),
        unknown("64mb", "mb", " (did you mean M?)"),
        unknown("64MiB", "MiB", " (did you mean Mi?)"),
        unknown("64mi", "mi", " (did you mean Mi?)"),
        unknown("64 Mi", " Mi", " (did you mean Mi?)"),
        unknown("64Mi ", "Mi ", " (did you mean Mi?)"),
        unknown("64K", "K", " (did you mean k or Ki?)"),
        unknown("64kb", "kb", " (did you mean k or Ki?)"),
        unknown("64KiB", "KiB", " (did you mean Ki?)"),
        unknown("2g", "g", " (did you mean G?)"),
        unknown("1B", "B", ""),
        unknown("1Eix", "Eix", ""),
        unknown("1i", "i", ""),
        unknown("1e", "e", " (did you mean E?)"),
        unknown("1e+", "e+", ""),
        unknown("1e1.5", "e1.5", ""),
        unknown("1e3k", "e3k", ""),
        unknown("1ee3", "ee3", ""),
        unknown("1.1.M", ".M", ""),
        unknown("1+1", "+1", ""),
        unknown("1,5", ",5", ""),
        unknown("0x10", "x10", ""),
        unknown("1\u{fe0f}", "\u{fe0f}", ""),
        no_number(""),
        no_number(" 1"),
        no_number("+"),
        no_number("-"),
        no_number("."),
        no_number("Mi"),
        no_number("--1"),
        no_number("e3"),
        no_number("\u{661}"),
        out_of_range("1e30"),
        out_of_range("-1e2147483647"),
        out_of_range("1e2147483648"),
        out_of_range("0e99999999999999999999"),
        out_of_range("170141183460469231731687303716"),
        out_of_range("170141183460469231731687303715884105728n"),
        out_of_range("99999999999999999999999999999999999999999999"),
    ] {
        assert_eq!(text.parse::<Quantity>().unwrap_err().to_string(), message);
    }
}

#[test]
fn quantities_compare_by_value_and_not_by_text() {
    assert_eq!(quantity("1Gi"), quantity("1024Mi"));
    assert_eq!(quantity("1e3"), quantity("1k"));
    let ascending = ["-1Gi", "-1", "0", "1n", "100m", "1", "1k", "1Ki", "1M", "1Mi", "1E", "1Ei"];
    assert!(ascending.iter().map(|text| quantity(text)).is_sorted());
    let same = ["1024", "1Ki", "1.024k", "1024e0", "0.0009765625Mi"];
    let hashed: std::collections::HashSet<_> = same.iter().map(|text| quantity(text)).collect();
    let ordered: BTreeSet<_> = same.iter().map(|text| quantity(text)).collect();
    assert_eq!((hashed.len(), ordered.len()), (1, 1));
}

#[test]
fn parity_a_size_in_bytes_and_millis_round_up() {
    for (text, bytes, millis) in [
        ("0", 0, 0),
        ("1n", 1, 1),
        ("100m", 1, 100),
        ("1.0001", 2, 1001),
        ("1500m", 2, 1500),
        ("2", 2, 2000),
        ("1Ki", 1024, 1_024_000),
        ("18446744073709551", 18_446_744_073_709_551, 18_446_744_073_709_551_000),
    ] {
        assert_eq!(quantity(text).to_bytes_rounded_up(), Ok(Bytes::new(bytes)), "{text}");
        assert_eq!(quantity(text).to_milli_rounded_up(), Ok(millis), "{text}");
    }
}

#[test]
fn parity_a_fractional_bandwidth_loses_its_fraction() {
    for (text, bytes_per_second) in [
        ("0", 0),
        ("100m", 0),
        ("999999999n", 0),
        ("1", 1),
        ("1000m", 1),
        ("1500m", 1),
        ("1.4Mi", 1_468_006),
        ("64Mi", 67_108_864),
        ("18446744073709551615", u64::MAX),
    ] {
        let rate = quantity(text).to_rate_rounded_down();
        assert_eq!(rate, Ok(BytesPerSecond::new(bytes_per_second)), "{text}");
    }
}

#[test]
fn a_negative_or_too_large_quantity_is_no_number_of_bytes() {
    for text in ["-1n", "-100m", "-1Mi"] {
        let negative = Err(QuantityError::Negative { quantity: quantity(text) });
        assert_eq!(quantity(text).to_bytes_rounded_up().map(Bytes::get), negative, "{text}");
        assert_eq!(quantity(text).to_milli_rounded_up(), negative, "{text}");
        assert_eq!(quantity(text).to_rate_rounded_down().map(BytesPerSecond::get), negative);
    }
    let most = quantity("18446744073709551615.1");
    assert_eq!(most.to_rate_rounded_down(), Ok(BytesPerSecond::new(u64::MAX)));
    assert_eq!(most.to_bytes_rounded_up(), Err(QuantityError::TooLarge { quantity: most }));
    assert_eq!(
        quantity("-1024Ki").to_milli_rounded_up().unwrap_err().to_string(),
        "-1Mi is negative; use 0 or more"
    );
    assert_eq!(
        quantity("20E").to_bytes_rounded_up().unwrap_err().to_string(),
        "20E is too large: it does not fit 64 bits"
    );
}

#[test]
fn quantities_made_from_numbers_print_in_their_format() {
    for (made, printed) in [
        (Quantity::from_bytes(Bytes::from_gib(6)), "6Gi"),
        (Quantity::from_bytes(Bytes::new(1000)), "1k"),
        (Quantity::from_bytes(Bytes::new(1 << 62)), "4Ei"),
        // 8Ei would read back one less.
        (Quantity::from_bytes(Bytes::new(1 << 63)), "9223372036854775808"),
        (Quantity::from_bytes(Bytes::new(u64::MAX)), "18446744073709551615"),
        (Quantity::from(1024_u64), "1024"),
        (Quantity::from(-64_000_i64), "-64k"),
        (Quantity::from(u64::MAX), "18446744073709551615"),
        (Quantity::from(i64::MIN), "-9223372036854775808"),
        (Quantity::ZERO, "0"),
        (Quantity::default(), "0"),
    ] {
        assert_eq!(made.to_string(), printed);
        assert_eq!(quantity(printed), made);
    }
}

#[test]
fn parity_a_sum_keeps_the_format_of_its_first_summand_unless_that_is_zero() {
    for (left, right, sum) in [
        ("1Gi", "1073741824", "2Gi"),
        ("1073741824", "1Gi", "2147483648"),
        ("0", "1Gi", "1Gi"),
        ("0Gi", "1000M", "1G"),
        ("1Gi", "-1Gi", "0"),
        ("1Ki", "1m", "1024001m"),
        // Below 1, a binary quantity has become a decimal one when it was read.
        ("0.0001Ki", "1023.8976", "1024"),
        ("1e3", "1k", "2e3"),
    ] {
        let added = quantity(left).checked_add(quantity(right)).unwrap();
        assert_eq!(added.to_string(), sum, "{left} + {right}");
    }
    let most = quantity("170141183460469231731687303715884105727n");
    let least = quantity("-170141183460469231731687303715884105727n");
    assert_eq!(most.checked_add(quantity("1n")), None);
    assert_eq!(least.checked_add(quantity("-1n")), None);
    assert_eq!(least.checked_add(most), Some(Quantity::ZERO));
}

#[test]
fn parity_a_binary_quantity_below_one_becomes_decimal() {
    for (text, format) in [
        ("0Ki", Format::BinarySi),
        ("0.0001Ki", Format::DecimalSi),
        ("-0.0001Ki", Format::DecimalSi),
        ("0.5Ki", Format::BinarySi),
        ("1e0", Format::DecimalExponent),
    ] {
        assert_eq!(quantity(text).format, format, "{text}");
    }
}

#[test]
fn signs_are_known() {
    for (text, negative, zero) in
        [("-1n", true, false), ("-0", false, true), ("0", false, true), ("1n", false, false)]
    {
        assert_eq!(quantity(text).is_negative(), negative, "{text}");
        assert_eq!(quantity(text).is_zero(), zero, "{text}");
    }
}

#[test]
fn the_api_type_of_other_crates_converts_both_ways() {
    let written = ApiQuantity("1024Mi".to_owned());
    assert_eq!(Quantity::try_from(&written), Ok(quantity("1Gi")));
    assert_eq!(ApiQuantity::from(quantity("1024Mi")).0, "1Gi");
    assert!(Quantity::try_from(&ApiQuantity::default()).is_err());
}
