//! How long ago something was, in two figures at most: `32s`, `5m10s`, `3h4m`, `2d5h`, `1y40d`.

use ferry_units::WallTime;

/// What stands for a time that cannot be.
pub(super) const INVALID: &str = "<invalid>";
/// What stands for a time that is not known.
pub(super) const UNKNOWN: &str = "<unknown>";

/// The oldest future that counts as now: clocks differ a little.
const TOLERATED: i64 = -1;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// How long before `now` the time `then` was.
///
/// ```
/// let then = "2026-11-23T08:15:00Z".parse().unwrap();
/// let now = "2026-11-25T13:20:00Z".parse().unwrap();
/// assert_eq!(ferry_api::table::age(then, now), "2d5h");
/// ```
// PARITY: staging/src/k8s.io/apimachinery/pkg/util/duration/duration.go#HumanDuration
pub fn age(then: WallTime, now: WallTime) -> String {
    let seconds = now.unix_seconds().saturating_sub(then.unix_seconds());
    match seconds {
        seconds if seconds < TOLERATED => INVALID.to_owned(),
        ..0 => "0s".to_owned(),
        seconds if seconds < 2 * MINUTE => format!("{seconds}s"),
        seconds if seconds < 10 * MINUTE => two(seconds, (MINUTE, "m"), (1, "s")),
        seconds if seconds < 3 * HOUR => format!("{}m", seconds / MINUTE),
        seconds if seconds < 8 * HOUR => two(seconds, (HOUR, "h"), (MINUTE, "m")),
        seconds if seconds < 2 * DAY => format!("{}h", seconds / HOUR),
        seconds if seconds < 8 * DAY => two(seconds, (DAY, "d"), (HOUR, "h")),
        seconds if seconds < 2 * YEAR => format!("{}d", seconds / DAY),
        seconds if seconds < 8 * YEAR => two(seconds, (YEAR, "y"), (DAY, "d")),
        seconds => format!("{}y", seconds / YEAR),
    }
}

/// The same for a time as an object has it.
pub(super) fn since(then: &str, now: WallTime) -> String {
    then.parse().map_or_else(|_| INVALID.to_owned(), |then| age(then, now))
}

/// A figure of the large unit, and one of the small unit for the rest, unless that is zero.
fn two(seconds: i64, large: (i64, &str), small: (i64, &str)) -> String {
    let rest = seconds % large.0 / small.0;
    let first = format!("{}{}", seconds / large.0, large.1);
    if rest == 0 { first } else { format!("{first}{rest}{}", small.1) }
}
