//! Reads a `timeouts` table.

use std::time::Duration;

use super::cursor::{Located, Table, Value};
use crate::fault::Report;
use crate::spec::TimeoutOverrides;

/// The timeouts that are set. Those that cannot be read are reported and count as not set.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> TimeoutOverrides {
    let Some(mut table) = value.table(report) else {
        return TimeoutOverrides::default();
    };
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
