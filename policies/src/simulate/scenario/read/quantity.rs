//! Reads single quantities.

use super::MOST;
use crate::fault::Report;
use crate::read::{Located, Value, shortened};

/// What a duration may look like, for messages.
const DURATIONS: &str = "a number of seconds, or text such as `250ms`, `1.5s`, `2m` or `1h 30m`";

/// A text.
pub(super) fn text(value: Value<'_>, report: &mut Report<'_>) -> Option<String> {
    value.string(report).map(|text| text.value.to_owned())
}

/// A duration of zero or more, in seconds.
pub(super) fn seconds(value: Value<'_>, report: &mut Report<'_>) -> Option<f64> {
    if value.is_number() {
        return not_negative(value, report);
    }
    let Located { value: written, at, key } = value.string(report)?;
    let seconds = duration(written);
    if seconds.is_none() {
        report.fault(at, key, format!("`{}` is not a duration; accepted: {DURATIONS}", shortened(written)));
    }
    seconds
}

/// A duration of more than zero, in seconds.
pub(super) fn positive_seconds(value: Value<'_>, report: &mut Report<'_>) -> Option<f64> {
    let (at, key) = (value.at, value.key.clone());
    let seconds = seconds(value, report)?;
    if seconds == 0.0 {
        report.fault(at, key, "it has to take some time; accepted: more than zero");
    }
    Some(seconds)
}

/// A number of zero or more.
pub(super) fn not_negative(value: Value<'_>, report: &mut Report<'_>) -> Option<f64> {
    number(value, "zero or more", |number| number >= 0.0, report)
}

/// A number of more than zero.
pub(super) fn positive(value: Value<'_>, report: &mut Report<'_>) -> Option<f64> {
    number(value, "more than zero", |number| number > 0.0, report)
}

/// A share: 0.05 or `"5%"`.
pub(super) fn share(value: Value<'_>, report: &mut Report<'_>) -> Option<f64> {
    const ACCEPTED: &str = "0 to 1, or text from `0%` to `100%`";
    if value.is_number() {
        return number(value, ACCEPTED, |number| (0.0..=1.0).contains(&number), report);
    }
    let Located { value: written, at, key } = value.string(report)?;
    let share = written.strip_suffix('%').and_then(|percent| percent.trim().parse::<f64>().ok()).map(|percent| percent / 100.0);
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    if share.is_none() {
        report.fault(at, key, format!("`{}` is not a share; accepted: {ACCEPTED}", shortened(written)));
    }
    share
}

/// One or more of something.
pub(super) fn count(value: Value<'_>, report: &mut Report<'_>) -> Option<usize> {
    let accept = |written| usize::try_from(written).ok().filter(|_| (1..=MOST).contains(&written));
    value.integer(&format!("1 to {MOST}"), accept, report).map(|count| count.value)
}

/// A whole number of at least `least`.
pub(super) fn whole(least: u32) -> impl FnOnce(Value<'_>, &mut Report<'_>) -> Option<u32> {
    move |value, report| {
        let accept = |written| u32::try_from(written).ok().filter(|number| *number >= least);
        value.integer(&format!("{least} or more"), accept, report).map(|number| number.value)
    }
}

fn number(value: Value<'_>, accepted: &str, accept: impl FnOnce(f64) -> bool, report: &mut Report<'_>) -> Option<f64> {
    value.number(accepted, |number| accept(number).then_some(number), report).map(|number| number.value)
}

/// A decimal number with one unit, or whole numbers with several.
fn duration(written: &str) -> Option<f64> {
    let written = written.trim();
    let unit_at = written.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (digits, unit) = written.split_at(unit_at);
    let unit = match unit.trim() {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return humantime::parse_duration(written).ok().map(|duration| duration.as_secs_f64()),
    };
    let digits = digits.trim().parse::<f64>().ok()?;
    (digits.is_finite() && digits >= 0.0).then_some(digits * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_decimal_numbers_with_a_unit_or_sums_of_whole_ones() {
        for (written, seconds) in [
            ("250ms", Some(0.25)),
            ("1.5s", Some(1.5)),
            ("2 m", Some(120.0)),
            ("1h 30m", Some(5400.0)),
            ("-1s", None),
            ("3", None),
            ("x", None),
        ] {
            assert_eq!(duration(written), seconds, "{written}");
        }
    }
}
