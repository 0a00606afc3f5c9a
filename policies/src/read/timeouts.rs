//! Reads a `timeouts` table.

use std::time::Duration;

use super::cursor::{Located, Table, Value};
use crate::fault::Report;
use crate::spec::TimeoutOverrides;

/// What the timeouts are set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All backends, or one.
    Backends,
    /// One route. The connections of a backend serve all its routes, so a route has no say in how they are made.
    Route,
}

/// The timeouts that are set. Those that cannot be read are reported and count as not set.
pub(super) fn read(value: Value<'_>, scope: Scope, report: &mut Report<'_>) -> TimeoutOverrides {
    let Some(mut table) = value.table(report) else {
        return TimeoutOverrides::default();
    };
    if scope == Scope::Route
        && let Some(Located { at, key, .. }) = table.take("connect").and_then(|value| value.string(report))
    {
        let advice = "the connections of a backend serve all its routes; set `connect` at the backend or in `[defaults]`";
        report.fault(at, key, advice.to_owned());
    }
    let overrides = TimeoutOverrides {
        connect: timeout(&mut table, "connect", report),
        first_token: timeout(&mut table, "first_token", report),
        idle: timeout(&mut table, "idle", report),
        total: timeout(&mut table, "total", report),
    };
    table.finish(report);
    overrides
}

fn timeout(table: &mut Table<'_>, name: &'static str, report: &mut Report<'_>) -> Option<Duration> {
    let Located { value, at, key } = table.take(name)?.string(report)?;
    match humantime::parse_duration(value) {
        Ok(duration) if !duration.is_zero() => Some(duration),
        Ok(_) => {
            report.fault(at, key, format!("`{value}` would fail every request; accepted: more than zero"));
            None
        }
        Err(_) => {
            report.fault(at, key, format!("`{value}` is not a duration; accepted: one such as `500ms`, `30s` or `10m`"));
            None
        }
    }
}
