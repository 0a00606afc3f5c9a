//! Reads what a tenant may do.

use std::num::NonZeroU32;

use super::cursor::Value;
use super::draft::RawTenant;
use super::{matcher, require};
use crate::fault::Report;
use crate::spec::{Budget, NanoUsd, Requirement, TenantLimits, Wanted};

/// The most that may be stated of either limit; beyond it, none is meant.
const MOST: u32 = 10_000_000;

pub(super) fn read(entry: Value<'_>, report: &mut Report<'_>) -> RawTenant {
    let Some(mut table) = entry.table(report) else {
        return RawTenant {
            allow: Vec::new(),
            limits: TenantLimits::default(),
            budget: Budget::default(),
            requirement: Requirement::default(),
            who: None,
        };
    };
    let allow = table.require("allow", report).and_then(|value| value.parsed_list(report)).unwrap_or_default();
    let limits = table.take("limits").and_then(|value| limits(value, report)).unwrap_or_default();
    let budget = table.take("budget").and_then(|value| budget(value, report)).unwrap_or_default();
    let requirement = require::of_tenant(&mut table, report).unwrap_or_default();
    let who = table.take("who").and_then(|value| who(value, report));
    table.finish(report);
    RawTenant { allow, limits, budget, requirement, who }
}

fn budget(value: Value<'_>, report: &mut Report<'_>) -> Option<Budget> {
    let (at, key) = (value.at, value.key.clone());
    let mut table = value.table(report)?;
    let per_day = table.optional("per_day", report, Value::parsed::<NanoUsd>);
    let per_month = table.optional("per_month", report, Value::parsed::<NanoUsd>);
    table.finish(report);
    let (per_day, per_month) = (per_day?.map(|day| day.value), per_month?.map(|month| month.value));
    if per_day.zip(per_month).is_some_and(|(day, month)| day > month) {
        report.fault(
            at,
            key,
            "a day has more than its month, so it would never be the day that is used up; accepted: at most as much",
        );
        return None;
    }
    Some(Budget { per_day, per_month })
}

/// By which claims its tokens are known.
fn who(value: Value<'_>, report: &mut Report<'_>) -> Option<Wanted> {
    let mut table = value.table(report)?;
    let (at, key) = (table.at, table.key.clone());
    let claims = table.required("claims", report, matcher::wanted);
    table.finish(report);
    let claims = claims?;
    if claims.0.is_empty() {
        report.fault(at, key, "every token would fit; name a claim, such as `{ claims = { groups = [\"acme\"] } }`");
    }
    Some(claims)
}

fn limits(value: Value<'_>, report: &mut Report<'_>) -> Option<TenantLimits> {
    let mut table = value.table(report)?;
    let requests_per_minute = table.optional("requests_per_minute", report, limit);
    let concurrency = table.optional("concurrency", report, limit);
    table.finish(report);
    Some(TenantLimits { requests_per_minute: requests_per_minute?, concurrency: concurrency? })
}

fn limit(value: Value<'_>, report: &mut Report<'_>) -> Option<NonZeroU32> {
    let accept = |limit: i64| u32::try_from(limit).ok().filter(|limit| *limit <= MOST).and_then(NonZeroU32::new);
    value.integer("1 to 10000000; for no limit, leave the key out", accept, report).map(|located| located.value)
}
