//! Reads one `[[backend]]`.

use std::collections::BTreeMap;

use super::law::{law, noise};
use super::quantity::{not_negative, positive, positive_seconds, seconds, share, text, whole};
use super::{Located, optional};
use crate::fault::Report;
use crate::read::{Table, Value};
use crate::simulate::law::Law;
use crate::simulate::scenario::{Allowance, Backend, ColdStart, Crowding, Failing, Limit, Phase, Price, Queue, Stall};

/// How long a server takes to refuse, unless the scenario says otherwise.
const REFUSAL_TAKES: f64 = 0.020;
/// How long a server takes to fail, unless the scenario says otherwise.
const FAILURE_TAKES: f64 = 0.120;
/// What a full queue tells to wait, unless the scenario says otherwise.
const QUEUE_RETRY_AFTER: f64 = 1.0;
/// A token bucket holds so many seconds' worth, unless the scenario says otherwise.
const BURST_SECONDS: f64 = 5.0;

pub(super) fn read(mut table: Table<'_>, report: &mut Report<'_>) -> Located<Backend> {
    let (at, key) = (table.at, table.key.clone());
    let slots = table.optional("slots", report, whole(1)).flatten();
    let backend = Backend {
        name: table.required("name", report, text).unwrap_or_default(),
        failure_domain: table.optional("failure_domain", report, text).flatten(),
        round_trip: optional(&mut table, "rtt", 0.0, report, seconds),
        first_token: table.required("ttft", report, |value, report| phase(value, slots, report)).unwrap_or_else(stand_in),
        per_token: table.required("tpot", report, |value, report| phase(value, slots, report)).unwrap_or_else(stand_in),
        slots,
        queue: queue(&mut table, slots, report),
        stall: table.optional("stall", report, stall).flatten(),
        failing: table.optional("failure", report, failing).flatten().unwrap_or(Failing { share: 0.0, takes: FAILURE_TAKES }),
        breaks: optional(&mut table, "breaks", 0.0, report, share),
        limit: table.optional("limit", report, limit).flatten(),
        price: table.optional("price", report, price).flatten().unwrap_or_default(),
        joins: optional(&mut table, "joins", 0.0, report, seconds),
        leaves: optional(&mut table, "leaves", f64::INFINITY, report, seconds),
        cold_start: table.optional("cold_start", report, cold_start).flatten(),
        events: Vec::new(),
    };
    if backend.leaves <= backend.joins {
        report.fault(at, key.as_str(), "it would leave before it joins; accepted: a `leaves` after `joins`");
    }
    table.finish(report);
    Located { value: backend, at, key }
}

/// Reports backends of the same name: an event could not tell them apart.
pub(super) fn check_names(backends: &[Located<Backend>], report: &mut Report<'_>) {
    let mut seen = BTreeMap::new();
    for Located { value: backend, at, key } in backends {
        if let Some(first) = seen.insert(backend.name.as_str(), *at) {
            let mention = report.mention(first);
            report.fault(*at, key.as_str(), format!("there is another backend `{}`{mention}", backend.name));
        }
    }
}

/// Stands in for a phase that could not be read.
fn stand_in() -> Phase {
    let crowding = Crowding { at_full: 1.0, power: 1.0 };
    Phase { base: 1.0, per_1k_prompt_tokens: 0.0, noise: Law::Constant(1.0), crowding }
}

fn phase(value: Value<'_>, slots: Option<u32>, report: &mut Report<'_>) -> Option<Phase> {
    let mut table = value.table(report)?;
    let base = table.required("base", report, seconds).unwrap_or_default();
    let per_1k_prompt_tokens = optional(&mut table, "per_1k_prompt_tokens", 0.0, report, seconds);
    let noise = noise(&mut table, report);
    let at_full = table.optional("at_full", report, positive).flatten();
    if at_full.is_some() && slots.is_none() {
        report.fault(
            table.at,
            table.key.as_str(),
            "`at_full` means with all slots taken, and there are no slots; add `slots` to the backend",
        );
    }
    let power = optional(&mut table, "power", 1.0, report, positive);
    table.finish(report);
    Some(Phase { base, per_1k_prompt_tokens, noise, crowding: Crowding { at_full: at_full.unwrap_or(1.0), power } })
}

/// `queue = N`, or a table that also says how requests are refused.
fn queue(table: &mut Table<'_>, slots: Option<u32>, report: &mut Report<'_>) -> Queue {
    // As many as are answered at a time: who waits longer than an answer takes is better off elsewhere.
    let usual = Queue { bound: slots.unwrap_or(0), retry_after: Some(QUEUE_RETRY_AFTER), takes: REFUSAL_TAKES };
    let Some(value) = table.take("queue") else { return usual };
    if slots.is_none() {
        report.fault(value.at, value.key.as_str(), "nobody waits where any number is answered at a time; add `slots`");
    }
    if value.is_number() {
        return Queue { bound: whole(0)(value, report).unwrap_or_default(), ..usual };
    }
    let Some(mut table) = value.table(report) else { return usual };
    let queue = Queue {
        bound: optional(&mut table, "bound", usual.bound, report, whole(0)),
        retry_after: table.optional("retry_after", report, seconds).flatten(),
        takes: optional(&mut table, "takes", REFUSAL_TAKES, report, seconds),
    };
    table.finish(report);
    queue
}

pub(super) fn stall(value: Value<'_>, report: &mut Report<'_>) -> Option<Stall> {
    let mut table = value.table(report)?;
    let share = table.required("share", report, share);
    let lasts = table.required("lasts", report, |value, report| law(value, seconds, report));
    table.finish(report);
    Some(Stall { share: share?, lasts: lasts? })
}

pub(super) fn failing(value: Value<'_>, report: &mut Report<'_>) -> Option<Failing> {
    let mut table = value.table(report)?;
    let share = table.required("share", report, share);
    let takes = optional(&mut table, "takes", FAILURE_TAKES, report, seconds);
    table.finish(report);
    Some(Failing { share: share?, takes })
}

pub(super) fn limit(value: Value<'_>, report: &mut Report<'_>) -> Option<Limit> {
    let mut table = value.table(report)?;
    let per_second = table.optional("requests_per_second", report, not_negative).flatten();
    let burst = table.optional("burst", report, positive).flatten();
    let per_minute = table.optional("tokens_per_minute", report, not_negative).flatten();
    let token_burst = table.optional("token_burst", report, positive).flatten();
    let allowance =
        |rate: f64, burst: Option<f64>| Allowance { rate, burst: burst.unwrap_or_else(|| (rate * BURST_SECONDS).max(1.0)) };
    let limit = Limit {
        requests: per_second.map(|rate| allowance(rate, burst)),
        tokens: per_minute.map(|rate| allowance(rate / 60.0, token_burst)),
        retry_after: table.optional("retry_after", report, seconds).flatten(),
        takes: optional(&mut table, "takes", REFUSAL_TAKES, report, seconds),
        tells_remaining: optional(&mut table, "tells_remaining", false, report, |value, report| value.boolean(report)),
    };
    if limit.requests.is_none() && limit.tokens.is_none() {
        let message = "it limits nothing; accepted: `requests_per_second`, `tokens_per_minute` or both";
        report.fault(table.at, table.key.as_str(), message);
    }
    table.finish(report);
    Some(limit)
}

pub(super) fn price(value: Value<'_>, report: &mut Report<'_>) -> Option<Price> {
    let mut table = value.table(report)?;
    let price = Price {
        input: optional(&mut table, "in", 0.0, report, not_negative),
        output: optional(&mut table, "out", 0.0, report, not_negative),
    };
    table.finish(report);
    Some(price)
}

fn cold_start(value: Value<'_>, report: &mut Report<'_>) -> Option<ColdStart> {
    let mut table = value.table(report)?;
    let lasts = table.required("lasts", report, positive_seconds);
    let factor = table.required("factor", report, positive);
    table.finish(report);
    Some(ColdStart { lasts: lasts?, factor: factor? })
}
