//! What holds for every quantity, and agreement with a second implementation that is too slow and
//! too simple to be wrong in the same way.

use proptest::prelude::*;

use super::Quantity;
use super::suffix::Format;

/// The value of a number and suffix as schoolbook arithmetic on written digits: doubled `two`
/// times, the point moved by `ten` and nine more places, and the rest rounded up.
fn model(whole: &str, fraction: &str, two: usize, ten: i64) -> String {
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|d| d - b'0').collect();
    for _ in 0..two {
        digits = sum(&digits, &digits);
    }
    let mut places = i64::try_from(fraction.len()).unwrap() - ten - 9;
    while places < 0 {
        digits.push(0);
        places += 1;
    }
    let mut rest = false;
    while places > 0 {
        rest |= digits.pop().is_some_and(|digit| digit != 0);
        places -= 1;
    }
    if rest {
        digits = sum(&digits, &[1]);
    }
    let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    let text = text.trim_start_matches('0');
    if text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

/// Adds as on paper, digit by digit from the right.
fn sum(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut result = Vec::new();
    for place in 0..left.len().max(right.len()) {
        let digit = |of: &[u8]| of.iter().rev().nth(place).copied().unwrap_or(0);
        let total = digit(left) + digit(right) + carry;
        result.push(total % 10);
        carry = total / 10;
    }
    result.push(carry);
    result.reverse();
    result
}

/// A suffix with what it multiplies by, 2^`.1` × 10^`.2`.
fn suffixes() -> impl Strategy<Value = (String, usize, i64)> {
    const NAMED: [(&str, usize, i64); 16] = [
        ("Ki", 10, 0),
        ("Mi", 20, 0),
        ("Gi", 30, 0),
        ("Ti", 40, 0),
        ("Pi", 50, 0),
        ("Ei", 60, 0),
        ("n", 0, -9),
        ("u", 0, -6),
        ("m", 0, -3),
        ("", 0, 0),
        ("k", 0, 3),
        ("M", 0, 6),
        ("G", 0, 9),
        ("T", 0, 12),
        ("P", 0, 15),
        ("E", 0, 18),
    ];
    let named =
        prop::sample::select(&NAMED[..]).prop_map(|(text, two, ten)| (text.to_owned(), two, ten));
    let exponents =
        ("[eE]", -60_i64..60).prop_map(|(letter, ten)| (format!("{letter}{ten}"), 0, ten));
    prop_oneof![3 => named, 1 => exponents]
}

/// Numbers of all lengths around what a quantity can hold, as digits before and behind the point.
fn numbers() -> impl Strategy<Value = (String, String)> {
    ("[0-9]{0,40}|[0-9]{0,4}", "[0-9]{0,40}|[0-9]{0,4}")
        .prop_filter("a number has a digit", |(whole, fraction)| {
            !whole.is_empty() || !fraction.is_empty()
        })
}

/// Quantities of every format and size.
fn quantities() -> impl Strategy<Value = Quantity> {
    let format =
        prop::sample::select(&[Format::BinarySi, Format::DecimalSi, Format::DecimalExponent][..]);
    let nanos = prop_oneof![
        -i128::MAX..=i128::MAX,
        (-4096_i128..4096).prop_map(|value| value * 1_000_000_000),
        (-4096_i128..4096, 0_u32..7)
            .prop_map(|(value, factors)| { value * 1024_i128.pow(factors) * 1_000_000_000 }),
        (-4096_i128..4096, 0_u32..34).prop_map(|(value, zeros)| value * 10_i128.pow(zeros)),
    ];
    (nanos, format).prop_map(|(nanos, format)| Quantity { nanos, format })
}

fn reread(quantity: Quantity) -> Quantity {
    quantity.to_string().parse().expect("a printed quantity is a quantity")
}

proptest! {
    #[test]
    fn reading_agrees_with_arithmetic_on_paper(
        sign in "[+-]?",
        (whole, fraction) in numbers(),
        (suffix, two, ten) in suffixes(),
    ) {
        let read = format!("{sign}{whole}.{fraction}{suffix}").parse::<Quantity>();
        let nanos = model(&whole, &fraction, two, ten).parse::<i128>().ok();
        let nanos = match two {
            0 => nanos,
            _ => Some(nanos.unwrap_or(i128::MAX).min(i128::from(i64::MAX) * 1_000_000_000)),
        };
        let nanos = nanos.map(|nanos| if sign == "-" { -nanos } else { nanos });
        prop_assert_eq!(read.ok().map(|quantity| quantity.nanos), nanos);
    }

    #[test]
    fn a_point_without_digits_behind_it_changes_nothing(
        whole in "[0-9]{1,12}",
        (suffix, ..) in suffixes(),
    ) {
        let plain = format!("{whole}{suffix}").parse::<Quantity>();
        let pointed = format!("{whole}.{suffix}").parse::<Quantity>();
        prop_assert_eq!(plain.ok(), pointed.ok());
    }

    #[test]
    fn canonical_text_reads_back_as_the_same_value(quantity in quantities()) {
        let again = reread(quantity);
        prop_assert_eq!(again, quantity);
        // A binary quantity without a suffix settles as a decimal one.
        let settled = if quantity.format == Format::BinarySi { reread(again) } else { again };
        prop_assert_eq!(settled.to_string(), again.to_string());
    }

    #[test]
    fn canonical_text_has_no_fraction_no_plus_and_no_superfluous_zeros(quantity in quantities()) {
        let text = quantity.to_string();
        prop_assert!(!text.contains(['.', '+']), "{}", text);
        let number = text.strip_prefix('-').unwrap_or(&text);
        prop_assert!(number == "0" || !number.starts_with('0'), "{}", text);
        if let Some(mantissa) = number.strip_suffix(|c: char| c.is_ascii_alphabetic()) {
            prop_assert!(!mantissa.ends_with("000"), "{}", text);
        }
    }

    #[test]
    fn printed_values_are_ordered_as_the_values_are(left in quantities(), right in quantities()) {
        prop_assert_eq!(reread(left).cmp(&reread(right)), left.cmp(&right));
        prop_assert_eq!(left == right, left.cmp(&right).is_eq());
    }

    #[test]
    fn rounding_errs_by_less_than_one_unit(value in 0_u64.., fraction in 0_u32..1_000_000_000) {
        let quantity: Quantity = format!("{value}.{fraction:09}").parse().unwrap();
        let down = quantity.to_rate_rounded_down().unwrap().get();
        prop_assert_eq!(down, value);
        let up = quantity.to_bytes_rounded_up().ok().map(ferry_units::Bytes::get);
        prop_assert_eq!(up, value.checked_add(u64::from(fraction > 0)));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*|[-+0-9.eEinumkKMGTP ]{0,12}") {
        if let Ok(quantity) = text.parse::<Quantity>() {
            prop_assert_eq!(reread(quantity), quantity);
        }
    }
}
