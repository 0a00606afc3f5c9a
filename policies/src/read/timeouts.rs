//! Reads a `timeouts` table.

use std::time::Duration;

use super::cursor::{Located, Table, Value};
use super::duration;
use crate::fault::Report;
use crate::spec::{RateOverride, TimeoutOverrides, TokenRate};

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
        rate: rate(&mut table, report),
    };
    table.finish(report);
    overrides
}

fn timeout(table: &mut Table<'_>, name: &'static str, report: &mut Report<'_>) -> Option<Duration> {
    let Located { value, at, key } = duration::read(table.take(name)?, report)?;
    if value.is_zero() {
        report.fault(at, key, "`0s` would fail every request; accepted: more than zero");
    }
    (!value.is_zero()).then_some(value)
}

/// What is asked of the speed of a stream.
fn rate(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<RateOverride> {
    let accepted = format!("tokens a second, such as `2` or `0.5`, from 0 (any speed will do) to {}", TokenRate::MOST);
    let accept = |thousandths: u64| u32::try_from(thousandths).ok().filter(|rate| *rate <= TokenRate::MOST * 1000);
    let thousandths = table.take("tokens_per_second")?.decimal(TokenRate::PLACES, &accepted, accept, report)?;
    Some(TokenRate::of_thousandths(thousandths.value).map_or(RateOverride::Any, RateOverride::AtLeast))
}
