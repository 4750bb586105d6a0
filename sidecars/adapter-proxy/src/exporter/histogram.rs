//! Buckets and quantiles, as apps tell them in many ways.

use super::metric::{number_of, scaled};
use jaq_json::Val;

/// Pairs of an object `{"0.1": 3}` or of an array `[[0.1, 3]]`, sorted by the first.
///
/// # Errors
/// What is none of them.
pub fn pairs(value: &Val) -> Result<Vec<(f64, f64)>, String> {
    let mut pairs = match value {
        Val::Obj(object) => object.iter().map(|(bound, count)| pair(bound, count)).collect::<Result<Vec<_>, _>>()?,
        Val::Arr(array) => {
            let pairs = array.iter().map(|item| match item {
                Val::Arr(two) => match &two[..] {
                    [bound, count] => pair(bound, count),
                    _ => Err("its items are to have two values each".into()),
                },
                _ => Err("its items are to be arrays such as `[0.1, 3]`".into()),
            });
            pairs.collect::<Result<_, _>>()?
        }
        _ => return Err("expected an object such as `{\"0.1\": 3}` or an array such as `[[0.1, 3]]`".into()),
    };
    pairs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    if pairs.windows(2).any(|two| matches!(two, [(a, _), (b, _)] if a.total_cmp(b).is_eq())) {
        return Err("it has one twice".into());
    }
    Ok(pairs)
}

fn pair(bound: &Val, count: &Val) -> Result<(f64, f64), String> {
    let bound = number_of(bound, "").filter(|bound| !bound.is_nan()).ok_or_else(|| format!("{bound} is no bound"))?;
    let count = number_of(count, "").ok_or_else(|| format!("{count} is no number"))?;
    // There is one zero.
    Ok((bound + 0.0, count + 0.0))
}

/// How many are at most as large as each bound, up to infinity, with bounds multiplied by `scale`.
///
/// # Errors
/// When that is no histogram.
pub fn buckets(
    mut pairs: Vec<(f64, f64)>,
    cumulative: bool,
    count: Option<f64>,
    scale: f64,
) -> Result<Vec<(f64, f64)>, String> {
    if !cumulative {
        let mut all = 0.0;
        for (_, count) in &mut pairs {
            all += *count;
            *count = all;
        }
    }
    let last = pairs.last().copied().unwrap_or((0.0, 0.0));
    if last.0 < f64::INFINITY {
        pairs.push((f64::INFINITY, count.unwrap_or(last.1)));
    } else if count.is_some_and(|count| count.total_cmp(&last.1).is_ne()) {
        return Err(format!("its `count` is not the {} of its last bucket", last.1));
    }
    let (mut before, mut below) = (0.0, None);
    for (bound, count) in &mut pairs {
        *bound = scaled(*bound, scale);
        // A scale may be so large, or so small, that bounds are no more told apart.
        if below.replace(*bound).is_some_and(|below| below >= *bound) {
            return Err(format!("there are two buckets up to {bound}, once `scale` is in it"));
        }
        // Of numbers that are none, no comparison holds.
        if !(*count >= before && count.is_finite()) {
            return Err(format!("the bucket up to {bound} has {count}, and the one before has {before}"));
        }
        before = *count;
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::{buckets, pairs};
    use jaq_json::read::parse_single;

    const END: f64 = f64::INFINITY;

    fn of(json: &str) -> Result<Vec<(f64, f64)>, String> {
        pairs(&parse_single(json.as_bytes()).unwrap())
    }

    #[test]
    fn of_objects_and_arrays() {
        let expected = vec![(0.1, 1.0), (2.0, 5.0), (END, 7.0)];
        for json in [
            r#"{"0.1": 1, "2": 5, "+Inf": 7}"#,
            r#"{"+Inf": "7", "2": 5, "0.1": 1}"#,
            r#"[[2, 5], [0.1, 1], ["Infinity", 7]]"#,
        ] {
            assert_eq!(of(json).as_ref(), Ok(&expected), "{json}");
        }
        for json in [
            "1",
            "[1]",
            "[[1]]",
            r#"{"a": 1}"#,
            r#"{"1": null}"#,
            r#"{"NaN": 1}"#,
            r#"{"1": 1, "1.0": 1}"#,
            r#"{"0": 1, "-0": 1}"#,
        ] {
            assert!(of(json).is_err(), "{json}");
        }
    }

    #[test]
    fn each_has_those_before() {
        let two = || vec![(1.0, 2.0), (10.0, 3.0)];
        assert_eq!(buckets(two(), true, None, 1.0), Ok(vec![(1.0, 2.0), (10.0, 3.0), (END, 3.0)]));
        assert_eq!(buckets(two(), true, Some(4.0), 1.0), Ok(vec![(1.0, 2.0), (10.0, 3.0), (END, 4.0)]));
        assert_eq!(buckets(two(), false, Some(6.0), 0.5), Ok(vec![(0.5, 2.0), (5.0, 5.0), (END, 6.0)]));
        assert_eq!(buckets(vec![], true, Some(4.0), 1.0), Ok(vec![(END, 4.0)]));
        assert_eq!(buckets(vec![], true, None, 1.0), Ok(vec![(END, 0.0)]));
        for wrong in [vec![(1.0, 2.0), (2.0, 1.0)], vec![(1.0, -1.0)], vec![(1.0, f64::NAN)], vec![(1.0, END)]] {
            assert!(buckets(wrong.clone(), true, None, 1.0).is_err(), "{wrong:?}");
        }
        assert!(buckets(vec![(END, 2.0)], true, Some(3.0), 1.0).is_err());
        assert!(buckets(two(), true, Some(1.0), 1.0).is_err(), "fewer than in a bucket");
        for scale in [1e308, 0.0, -1.0] {
            assert!(buckets(two(), true, None, scale).is_err(), "{scale}");
        }
    }
}
