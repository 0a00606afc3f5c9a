//! Settings as they are written in a policy, and which of them differ.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

use crate::spec::{Midstream, Objective, Routing, Shadow, Spill, Timeouts, TokenRate};

/// A setting that changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Setting {
    /// Its key in the policy.
    pub key: Cow<'static, str>,
    /// What it was, as it is written there.
    pub from: String,
    /// What it becomes.
    pub to: String,
}

/// Each key with its value.
type Settings = Vec<(&'static str, String)>;

/// What differs between two lists of the same keys.
fn differing(old: Settings, new: Settings) -> Vec<Setting> {
    let pairs = old.into_iter().zip(new).filter(|((_, from), (_, to))| from != to);
    pairs.map(|((key, from), (_, to))| Setting { key: key.into(), from, to }).collect()
}

/// What differs in how a route chooses.
pub(super) fn of_routing(old: &Routing, new: &Routing) -> Vec<Setting> {
    differing(routing(old), routing(new))
}

/// What differs in how long things may take.
pub(super) fn of_timeouts(old: Timeouts, new: Timeouts) -> Vec<Setting> {
    differing(timeouts(old), timeouts(new))
}

/// What differs in how many copies of requests are sent to the same backend.
pub(super) fn of_shadow(old: &Shadow<'_>, new: &Shadow<'_>) -> Vec<Setting> {
    let settings = |shadow: &Shadow<'_>| {
        vec![("shadow.share", shadow.share.to_string()), ("shadow.max_cost_per_day", or_false(shadow.max_cost_per_day))]
    };
    differing(settings(old), settings(new))
}

fn routing(routing: &Routing) -> Settings {
    // Spelled out, so that whoever adds a setting decides how it is told.
    let Routing { objective, seconds_per_dollar, hedge_budget, max_attempts, retry_budget, midstream, ceiling, slo, spill } =
        *routing;
    let objective = match objective {
        Objective::Completion => "completion",
        Objective::FirstToken => "first-token",
        Objective::CheapestWithinSlo => "cheapest-within-slo",
    };
    let midstream = match midstream {
        Midstream::Error => "error",
        Midstream::Continue => "continue",
    };
    let spill = match spill {
        Spill::Unavailable => "unavailable",
        Spill::Slo => "slo",
    };
    let a_cent = seconds_per_dollar.map(|seconds| time(Duration::from_secs_f64(seconds / 100.0)));
    vec![
        ("objective", objective.to_owned()),
        ("one_cent_buys", or_false(a_cent)),
        ("hedge.budget", or_false(hedge_budget)),
        ("retry.max_attempts", max_attempts.get().to_string()),
        ("retry.budget", retry_budget.to_string()),
        ("midstream", midstream.to_owned()),
        ("slo.ttft_p90", or_false(slo.and_then(|slo| slo.ttft_p90).map(time))),
        ("slo.tpot_p90", or_false(slo.and_then(|slo| slo.tpot_p90).map(time))),
        ("spill", spill.to_owned()),
        ("ceiling.per_request", or_false(ceiling.per_request)),
        ("ceiling.per_tenant_day", or_false(ceiling.per_tenant_day)),
    ]
}

fn timeouts(timeouts: Timeouts) -> Settings {
    let Timeouts { connect, first_token, idle, total, tokens_per_second } = timeouts;
    vec![
        ("timeouts.connect", time(connect)),
        ("timeouts.first_token", time(first_token)),
        ("timeouts.idle", time(idle)),
        ("timeouts.total", time(total)),
        ("timeouts.tokens_per_second", tokens_per_second.map_or(0.0, TokenRate::get).to_string()),
    ]
}

fn time(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// A value, or the word for none.
pub(super) fn or_false(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "false".to_owned(), |value| value.to_string())
}
