//! Reads how a route chooses among its backends: the keys that `[defaults]` and `[[route]]` share.

use std::time::Duration;

use super::cursor::{Located, Table, Value};
use super::draft::{RawCeiling, RawRouting};
use super::duration;
use crate::fault::{Report, accepted};
use crate::spec::{MaxAttempts, Midstream, Objective, Routing, Share, Slo, Spill};

/// The least that a cent may buy. Less is no price of time but a slip, and no time at all would make money worthless, which `false` says clearer.
const LEAST_BOUGHT: Duration = Duration::from_millis(1);
/// The most that a cent may buy: whoever waits an hour for a cent wants a cheaper backend, not a slower answer.
const MOST_BOUGHT: Duration = Duration::from_hours(1);

/// The least time that may be promised of a first token or of each token, and the most.
const LEAST_PROMISED: Duration = Duration::from_micros(10);
const MOST_PROMISED: Duration = Duration::from_mins(10);

/// The settings that the table makes.
pub(super) fn read(table: &mut Table<'_>, report: &mut Report<'_>) -> RawRouting {
    let objectives = [
        ("completion", Objective::Completion),
        ("first-token", Objective::FirstToken),
        ("cheapest-within-slo", Objective::CheapestWithinSlo),
    ];
    let ends = [("error", Midstream::Error), ("continue", Midstream::Continue)];
    let spills = [("unavailable", Spill::Unavailable), ("slo", Spill::Slo)];
    let max_attempts = setting("max_attempts", table, report, max_attempts);
    let retry = table.take("retry").and_then(|value| retry(value, report)).unwrap_or_default();
    RawRouting {
        objective: setting("objective", table, report, |value, report| value.choice(&objectives, report)),
        seconds_per_dollar: setting("one_cent_buys", table, report, seconds_per_dollar),
        hedge_budget: setting("hedge", table, report, hedge),
        max_attempts: either(max_attempts, retry.max_attempts, report),
        retry_budget: retry.budget,
        midstream: setting("midstream", table, report, |value, report| value.choice(&ends, report)),
        ceiling: table.take("ceiling").and_then(|value| ceiling(value, report)).unwrap_or_default(),
        slo: setting("slo", table, report, slo),
        spill: setting("spill", table, report, |value, report| value.choice(&spills, report)),
    }
}

/// What a `retry` table sets.
#[derive(Default)]
struct Retry {
    max_attempts: Option<Located<MaxAttempts>>,
    budget: Option<Located<Share>>,
}

fn retry(value: Value<'_>, report: &mut Report<'_>) -> Option<Retry> {
    let mut table = value.table(report)?;
    let max_attempts = setting("max_attempts", &mut table, report, max_attempts);
    let budget = table.take("budget").and_then(|value| value.parsed(report));
    table.finish(report);
    Some(Retry { max_attempts, budget })
}

/// The number of attempts may stand in `retry` or beside it, but it is one setting.
fn either<T>(beside: Option<Located<T>>, within: Option<Located<T>>, report: &mut Report<'_>) -> Option<Located<T>> {
    if let (Some(beside), Some(within)) = (&beside, &within) {
        let place = report.mention(beside.at);
        report.fault(within.at, within.key.as_str(), format!("`max_attempts`{place} sets the same; keep one of them"));
    }
    beside.or(within)
}

fn slo(value: Value<'_>, report: &mut Report<'_>) -> Option<Slo> {
    let (at, key) = (value.at, value.key.clone());
    let mut table = value.table(report)?;
    let limit = |value: Value<'_>, report: &mut Report<'_>| duration::between(LEAST_PROMISED, MOST_PROMISED, value, report);
    let ttft_p90 = table.optional("ttft_p90", report, limit);
    let tpot_p90 = table.optional("tpot_p90", report, limit);
    table.finish(report);
    let slo = Slo { ttft_p90: ttft_p90?, tpot_p90: tpot_p90? };
    if slo.ttft_p90.is_none() && slo.tpot_p90.is_none() {
        report.fault(
            at,
            key,
            "nothing is promised; accepted: `ttft_p90`, `tpot_p90`, or both, such as `{ ttft_p90 = \"1.5s\" }`",
        );
        return None;
    }
    Some(slo)
}

fn ceiling(value: Value<'_>, report: &mut Report<'_>) -> Option<RawCeiling> {
    let mut table = value.table(report)?;
    let mut amount = |name| table.take(name).and_then(|value| value.parsed(report));
    let (per_request, per_tenant_day) = (amount("per_request"), amount("per_tenant_day"));
    table.finish(report);
    Some(RawCeiling { per_request, per_tenant_day })
}

fn max_attempts(value: Value<'_>, report: &mut Report<'_>) -> Option<MaxAttempts> {
    let accept = |written: i64| u32::try_from(written).ok().and_then(MaxAttempts::new);
    value.integer(&format!("1 to {}", MaxAttempts::MOST), accept, report).map(|most| most.value)
}

/// What a dollar has to buy, from what a cent has to; `None` where money does not count.
fn seconds_per_dollar(value: Value<'_>, report: &mut Report<'_>) -> Option<Option<f64>> {
    let a_cent = value.unless_false(report, |value, report| duration::between(LEAST_BOUGHT, MOST_BOUGHT, value, report))?;
    Some(a_cent.map(|bought| bought.as_secs_f64() * 100.0))
}

/// How many requests may be hedged; `None` if none may.
fn hedge(value: Value<'_>, report: &mut Report<'_>) -> Option<Option<Share>> {
    let written = value.unless_false(report, |value, report| {
        let mut table = value.table(report)?;
        let budget = table.optional("budget", report, hedge_budget);
        table.finish(report);
        budget
    })?;
    match written {
        None => Some(None),
        // An empty table is as good as none: what is usual.
        Some(None) => Some(Routing::default().hedge_budget),
        Some(Some(budget)) => Some((budget != Share::NONE).then_some(budget)),
    }
}

fn hedge_budget(value: Value<'_>, report: &mut Report<'_>) -> Option<Share> {
    let Located { value: budget, at, key } = value.parsed::<Share>(report)?;
    let fits = budget <= Routing::MOST_HEDGED;
    if !fits {
        let range = accepted(["0%", &Routing::MOST_HEDGED.to_string()]).replace(", ", " to ");
        report.fault(at, key, format!("`{budget}` is out of range, for so many second requests slow down the first{range}"));
    }
    fits.then_some(budget)
}

/// What `read` makes of the value of `name`, and where it stands. What cannot be read is reported and counts as not set.
fn setting<'t, T>(
    name: &'static str,
    table: &mut Table<'t>,
    report: &mut Report<'_>,
    read: impl FnOnce(Value<'t>, &mut Report<'_>) -> Option<T>,
) -> Option<Located<T>> {
    let value = table.take(name)?;
    let (at, key) = (value.at, value.key.clone());
    read(value, report).map(|value| Located { value, at, key })
}
