//! Reads durations.

use std::time::Duration;

use super::cursor::{Located, Value, shortened};
use crate::fault::Report;

const ACCEPTED: &str = "one such as `500ms`, `30s` or `10m`";

/// Any duration, none at all included.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<Duration>> {
    let Located { value: written, at, key } = value.string_such_as(ACCEPTED, report)?;
    match humantime::parse_duration(written) {
        Ok(value) => Some(Located { value, at, key }),
        Err(_) => {
            let written = shortened(written);
            report.fault(at, key, format!("`{written}` is not a duration; accepted: {ACCEPTED}"));
            None
        }
    }
}

/// A duration from `least` to `most`.
pub(super) fn between(least: Duration, most: Duration, value: Value<'_>, report: &mut Report<'_>) -> Option<Duration> {
    let Located { value, at, key } = read(value, report)?;
    let fits = (least..=most).contains(&value);
    if !fits {
        let [written, least, most] = [value, least, most].map(humantime::format_duration);
        report.fault(at, key, format!("`{written}` is out of range; accepted: `{least}` to `{most}`"));
    }
    fits.then_some(value)
}
