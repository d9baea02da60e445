//! One histogram of what a server tells in Prometheus's text.

/// How many values did not exceed which bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// Bounds, rising, the last one infinite; each with the count of all values up to it.
    buckets: Vec<(f64, f64)>,
}

impl Histogram {
    /// The first histogram whose name has this word in it. It has no labels of its own.
    pub(super) fn find(text: &str, word: &str) -> Option<Self> {
        let mut buckets = Vec::new();
        let mut family = None;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, rest)) = line.split_once("_bucket{") else { continue };
            if !name.contains(word) || *family.get_or_insert(name) != name {
                continue;
            }
            let (labels, count) = rest.rsplit_once('}')?;
            let bound = labels.split("le=\"").nth(1)?.split('"').next()?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            buckets.push((bound, count.trim().parse().ok()?));
        }
        (!buckets.is_empty()).then_some(Self { buckets })
    }

    /// What so many of a hundred do not exceed, as if values lay evenly between two bounds.
    pub(super) fn percentile(&self, percent: u32) -> f64 {
        let all = self.buckets.last().map_or(0.0, |(_, count)| *count);
        let rank = all * f64::from(percent) / 100.0;
        let (mut below, mut fewer) = (0.0, 0.0);
        for &(bound, count) in &self.buckets {
            if count >= rank && count > fewer {
                if bound.is_infinite() {
                    return below;
                }
                return below + (bound - below) * (rank - fewer) / (count - fewer);
            }
            (below, fewer) = (bound, count);
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP ferry_flush_seconds How long a flush takes.
# TYPE ferry_flush_seconds histogram
requests_bucket{le="1"} 5
ferry_flush_seconds_bucket{le="0.001"} 50
ferry_flush_seconds_bucket{le="0.002"} 98
ferry_flush_seconds_bucket{le="0.004"} 100
ferry_flush_seconds_bucket{le="+Inf"} 100
ferry_flush_seconds_sum 0.1
other_flush_bucket{le="+Inf"} 7
"#;

    #[test]
    fn a_histogram_is_found_by_a_word_and_read_between_its_bounds() {
        let found = Histogram::find(TEXT, "flush").unwrap();
        for (percent, seconds) in [(50, 0.001), (99, 0.003), (100, 0.004)] {
            let value = found.percentile(percent);
            assert!((value - seconds).abs() < 1e-9, "{percent}: {value}");
        }
        assert_eq!(Histogram::find(TEXT, "absent"), None);
    }

    #[test]
    fn what_exceeds_every_bound_is_told_as_the_last_one() {
        let text = "flush_bucket{le=\"2\"} 0\nflush_bucket{le=\"+Inf\"} 3\n";
        let value = Histogram::find(text, "flush").unwrap().percentile(99);
        assert!((value - 2.0).abs() < 1e-9, "{value}");
    }
}
