//! When two JSON values are the same, and which of two comes first.
//!
//! Numbers count, not how they are written: `1` and `1.0` are one value. The order is total, also
//! among numbers beyond what a float holds exactly, because sets of fields are sorted by it.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

/// 2^127: no whole number of JSON is as large, so a float beyond it needs no closer look.
const BEYOND_WHOLE: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

/// Whether two values are the same.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    // Nearly all that is the same is written the same, and that is cheap to see.
    left == right || compare(left, right) == Ordering::Equal
}

/// Whether two objects have the same fields with the same values.
pub(super) fn same_object(left: &Map<String, Value>, right: &Map<String, Value>) -> bool {
    left.len() == right.len()
        && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
}

/// Which of two values comes first: numbers, strings, booleans, lists, objects, `null`.
// PARITY: structured-merge-diff/value/value.go#CompareUsing
pub(crate) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => compare_lists(left, right),
        (Value::Object(left), Value::Object(right)) => compare_objects(left, right),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

fn compare_lists(left: &[Value], right: &[Value]) -> Ordering {
    let unequal = left.iter().zip(right).map(|(left, right)| compare(left, right));
    unequal.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
}

fn compare_objects(left: &Map<String, Value>, right: &Map<String, Value>) -> Ordering {
    let mut left: Vec<(&String, &Value)> = left.iter().collect();
    let mut right: Vec<(&String, &Value)> = right.iter().collect();
    // They are sorted already unless the map keeps the order of the text.
    left.sort_by_key(|(name, _)| *name);
    right.sort_by_key(|(name, _)| *name);
    for ((left_name, left), (right_name, right)) in left.iter().zip(&right) {
        let order = left_name.cmp(right_name).then_with(|| compare(left, right));
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn compare_numbers(left: &Number, right: &Number) -> Ordering {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(left), None) => compare_to_float(left, float(right)),
        (None, Some(right)) => compare_to_float(right, float(left)).reverse(),
        (None, None) => {
            let (left, right) = (float(left), float(right));
            left.partial_cmp(&right).unwrap_or(Ordering::Equal)
        }
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(0.0)
}

/// Exact, where converting the whole number to a float would make neighbours equal.
fn compare_to_float(whole: i128, float: f64) -> Ordering {
    if float >= BEYOND_WHOLE {
        return Ordering::Less;
    }
    if float < -BEYOND_WHOLE {
        return Ordering::Greater;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the bounds were checked, and trunc")]
    let truncated = float.trunc() as i128;
    let fraction = || 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal);
    whole.cmp(&truncated).then_with(fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_ordered_by_kind_and_then_by_what_they_say() {
        let sorted = [
            json!(-1.5),
            json!(0),
            json!(1.25),
            json!(2),
            json!(9_007_199_254_740_992_i64),
            json!(9_007_199_254_740_993_i64),
            json!(u64::MAX),
            json!(1e300),
            json!(""),
            json!("a"),
            json!("b"),
            json!(false),
            json!(true),
            json!([]),
            json!([1]),
            json!([1, 0]),
            json!([2]),
            json!({}),
            json!({ "a": 1 }),
            json!({ "a": 1, "b": 0 }),
            json!({ "a": 2 }),
            json!({ "b": 0 }),
            json!(null),
        ];
        for (left, first) in sorted.iter().enumerate() {
            for (right, second) in sorted.iter().enumerate() {
                assert_eq!(compare(first, second), left.cmp(&right), "{first} and {second}");
            }
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        assert!(same(&json!(1), &json!(1.0)));
        assert!(same(&json!([{ "a": 0.0 }]), &json!([{ "a": 0 }])));
        assert!(same(&json!(0.0), &json!(-0.0)));
        assert!(!same(&json!(9_007_199_254_740_993_i64), &json!(9_007_199_254_740_992.0)));
        assert!(!same(&json!("1"), &json!(1)));
    }

    proptest! {
        #[test]
        fn the_order_of_numbers_is_total(
            numbers in prop::collection::vec(
                prop_oneof![
                    any::<i64>().prop_map(Value::from),
                    any::<u64>().prop_map(Value::from),
                    any::<f64>().prop_map(Value::from),
                    (9_007_199_254_740_990_i64..9_007_199_254_740_999).prop_map(Value::from),
                    (9_007_199_254_740_990.0..9_007_199_254_740_999.0).prop_map(Value::from),
                ],
                3,
            ),
        ) {
            let [a, b, c] = [&numbers[0], &numbers[1], &numbers[2]];
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            if compare(a, b).is_le() && compare(b, c).is_le() {
                prop_assert!(compare(a, c).is_le());
            }
        }
    }
}
