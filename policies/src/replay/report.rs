//! The figures of a replay, and what they cannot say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::InForce;
use super::copies::{Copies, Sides};
use super::estimate::{Estimate, Resamples, Sorted};
use super::fit::{FEW, Fits};
use super::requests::{Decided, Replayed, Requests};
use super::unrecorded::{self, Unrecorded, unrecorded};
use super::weighted::{Weighted, weighted};
use crate::decision::Decision;

/// A log of less time says little of a day.
const SHORT: f64 = 3600.0;
const DAY: f64 = 86_400.0;

/// What the traffic of a log would have been under another policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// How many decisions the log has.
    pub decisions: usize,
    /// How many of them were decided again.
    pub replayed: usize,
    /// The time from the first to the last, in seconds.
    pub span_s: f64,
    /// The share of the requests whose first attempt goes elsewhere.
    pub share_moved: Option<Estimate>,
    /// Dollars a day, more or less, copies to shadows among it.
    pub cost_delta_usd_per_day: Option<Estimate>,
    /// What copies to shadows cost; none where no route has a shadow.
    pub copies: Option<Copies>,
    /// How many requests the cost is worked out from: those with tokens and prices on both sides.
    pub priced: usize,
    /// The 95th percentile of the seconds to the first token, as measured.
    pub p95_ttft_s: Option<f64>,
    /// How much later it is predicted to be.
    pub p95_ttft_delta_s: Option<Estimate>,
    /// How many requests would find no backend.
    pub unroutable: usize,
    /// Which these are.
    pub unroutable_requests: Vec<Unroutable>,
    /// How many requests that were refused for want of a backend would find one.
    pub now_served: usize,
    /// How many requests the log cannot tell anything of: they may go to a backend that it has never seen, or are decided by what it does not have.
    pub unsupported: usize,
    /// Which these are, where they are decided by claims or headers that the log does not have.
    pub unrecorded: Vec<Unrecorded>,
    /// How many recorded choices the rule makes again with the recorded odds, of those that were decided again.
    pub reproduced: usize,
    /// The same, by what was recorded alone.
    pub weighted: Option<Weighted>,
    /// By the route that requests took.
    pub by_route: Vec<Row>,
    /// By tenant.
    pub by_tenant: Vec<Row>,
    /// By backend: the first attempts that it had, and those that it is predicted to have.
    pub by_backend: Vec<Row>,
    /// What the log cannot tell, in words; empty if all figures stand as they are.
    pub caveats: Vec<String>,
}

/// Requests that would find no backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unroutable {
    /// Whose.
    pub tenant: String,
    /// The name that was asked for.
    pub asked: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub requests: usize,
}

/// Requests that have something in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What.
    pub name: String,
    /// How many there were; of a backend, first attempts.
    pub requests: usize,
    /// How many there would be: the others moved, or found no backend.
    pub requests_after: f64,
    /// The share that moves away.
    pub share_moved: f64,
    /// Dollars a day, more or less, without copies to shadows; none of a backend, for requests take their money with them.
    pub cost_delta_usd_per_day: Option<f64>,
}

/// Sums up a replay.
pub(super) fn traffic(
    log: &[&Decision],
    fits: &Fits,
    requests: &Requests,
    copies: Option<&Sides<'_>>,
    in_force: InForce<'_>,
    seed: u64,
) -> Traffic {
    let resamples = Resamples::of(log.len(), seed);
    let decided: Vec<(usize, &Decided)> =
        requests.each.iter().enumerate().filter_map(|(place, replayed)| Some((place, decided(replayed)?))).collect();
    let per_day = per_day(log);
    let count = |is: fn(&Replayed) -> bool| requests.each.iter().filter(|replayed| is(replayed)).count();
    let (before, after) = first_tokens(&decided);
    let delta = |counts: &dyn Fn(usize) -> f64| Some(after.quantile(0.95, counts)? - before.quantile(0.95, counts)?);
    let rows = |name: &dyn Fn(&Decision) -> Option<String>| rows(log, requests, per_day, name);
    let lacking = unrecorded(log, requests);
    let mut caveats = unrecorded::caveats(&lacking, log.len(), in_force);
    caveats.extend(self::caveats(log, fits, requests, &decided, copies, in_force));
    Traffic {
        decisions: log.len(),
        replayed: decided.len(),
        span_s: span(log),
        share_moved: resamples.estimate(|counts| mean(&decided, counts, |decided| Some(1.0 - decided.stays))),
        cost_delta_usd_per_day: resamples.estimate(|counts| {
            // What copies cost is told by itself, where that of requests is not known.
            let requests = cost(&decided, counts)? * per_day;
            Some(requests + copies.and_then(|copies| copies.delta(counts)).unwrap_or_default())
        }),
        copies: copies.and_then(|copies| copies.told(&resamples)),
        priced: decided.iter().filter(|(_, decided)| decided.dollars.is_some()).count(),
        p95_ttft_s: before.quantile(0.95, &|_| 1.0),
        p95_ttft_delta_s: resamples.estimate(delta),
        unroutable: count(|replayed| matches!(replayed, Replayed::Unroutable { .. })),
        unroutable_requests: unroutable(log, requests),
        now_served: count(|replayed| matches!(replayed, Replayed::NowServed)),
        unsupported: count(|replayed| matches!(replayed, Replayed::Unsupported { .. } | Replayed::Unrecorded(_))),
        unrecorded: lacking,
        reproduced: decided.iter().filter(|(_, decided)| decided.is_reproduced).count(),
        weighted: weighted(log, requests, &resamples),
        by_route: rows(&|decision| decision.route.clone()),
        by_tenant: rows(&|decision| Some(decision.tenant.clone())),
        by_backend: by_backend(&decided),
        caveats,
    }
}

fn decided(replayed: &Replayed) -> Option<&Decided> {
    match replayed {
        Replayed::Decided(decided) => Some(decided),
        _ => None,
    }
}

fn span(log: &[&Decision]) -> f64 {
    match (log.first(), log.last()) {
        (Some(first), Some(last)) => last.at.since(first.at).as_secs_f64(),
        _ => 0.0,
    }
}

/// How many times the log is a day.
pub(super) fn per_day(log: &[&Decision]) -> f64 {
    let span = span(log);
    if span > 0.0 { DAY / span } else { 0.0 }
}

/// The mean of what requests have.
fn mean(decided: &[(usize, &Decided)], counts: &dyn Fn(usize) -> f64, of: impl Fn(&Decided) -> Option<f64>) -> Option<f64> {
    let values = decided.iter().filter_map(|(place, decided)| Some((counts(*place) * decided.stands_for, of(decided)?)));
    let (total, sum) = values.fold((0.0, 0.0), |(total, sum), (weight, value)| (total + weight, sum + weight * value));
    (total > 0.0).then(|| sum / total)
}

/// With fewer priced requests than this share, nothing is said of what all cost.
const LEAST_PRICED: f64 = 0.5;

/// What all priced requests cost more or less; none where most are not.
fn cost(decided: &[(usize, &Decided)], counts: &dyn Fn(usize) -> f64) -> Option<f64> {
    let share = mean(decided, &|_| 1.0, |decided| Some(f64::from(u8::from(decided.dollars.is_some()))))?;
    if share < LEAST_PRICED {
        return None;
    }
    let deltas = decided.iter().filter_map(|(place, decided)| {
        decided.dollars.map(|(before, after)| counts(*place) * decided.stands_for * (after - before))
    });
    let deltas: Vec<f64> = deltas.collect();
    (!deltas.is_empty()).then(|| deltas.iter().sum())
}

/// Seconds to the first token, as measured and as predicted.
fn first_tokens(decided: &[(usize, &Decided)]) -> (Sorted, Sorted) {
    let streams = || decided.iter().filter_map(|(place, decided)| Some((*place, decided.first_token?, decided)));
    let before = streams().map(|(place, measured, decided)| (measured, decided.stands_for, place)).collect();
    let after = streams().flat_map(|(place, _, decided)| {
        decided.predicted.iter().map(move |(seconds, odds)| (*seconds, odds * decided.stands_for, place))
    });
    (Sorted::new(before), Sorted::new(after.collect()))
}

fn unroutable(log: &[&Decision], requests: &Requests) -> Vec<Unroutable> {
    let mut groups: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for (decision, replayed) in log.iter().zip(&requests.each) {
        if let Replayed::Unroutable { reason } = replayed {
            *groups.entry((&decision.tenant, &decision.asked, reason)).or_default() += 1;
        }
    }
    let own = |((tenant, asked, reason), requests): ((&str, &str, &str), usize)| Unroutable {
        tenant: tenant.to_owned(),
        asked: asked.to_owned(),
        reason: reason.to_owned(),
        requests,
    };
    groups.into_iter().map(own).collect()
}

fn rows(log: &[&Decision], requests: &Requests, per_day: f64, name: &dyn Fn(&Decision) -> Option<String>) -> Vec<Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (decision, replayed) in log.iter().zip(&requests.each) {
        let Some(name) = name(decision) else { continue };
        let row = rows.entry(name.clone()).or_insert_with(|| Row::new(name));
        row.requests += 1;
        match replayed {
            Replayed::Decided(decided) => {
                row.requests_after += 1.0;
                row.share_moved += 1.0 - decided.stays;
                let dollars = decided.dollars.map_or(0.0, |(before, after)| decided.stands_for * (after - before) * per_day);
                *row.cost_delta_usd_per_day.get_or_insert(0.0) += dollars;
            }
            Replayed::Unroutable { .. } => {}
            Replayed::NotDecided | Replayed::NowServed | Replayed::Unsupported { .. } | Replayed::Unrecorded(_) => {
                row.requests_after += 1.0;
            }
        }
    }
    rows.into_values().map(Row::shared).collect()
}

fn by_backend(decided: &[(usize, &Decided)]) -> Vec<Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut row =
        |name: &str, change: &dyn Fn(&mut Row)| change(rows.entry(name.to_owned()).or_insert_with(|| Row::new(name.to_owned())));
    for (_, decided) in decided {
        row(&decided.went.0.backend, &|row| {
            row.requests += 1;
            row.share_moved += 1.0 - decided.stays;
        });
        for (key, odds) in &decided.odds {
            row(&key.backend, &|row| row.requests_after += odds);
        }
    }
    rows.into_values().map(Row::shared).collect()
}

impl Row {
    fn new(name: String) -> Self {
        Self { name, requests: 0, requests_after: 0.0, share_moved: 0.0, cost_delta_usd_per_day: None }
    }

    /// What was summed up, as a share.
    fn shared(mut self) -> Self {
        self.share_moved /= self.requests.max(1) as f64;
        self
    }
}

fn caveats(
    log: &[&Decision],
    fits: &Fits,
    requests: &Requests,
    decided: &[(usize, &Decided)],
    copies: Option<&Sides<'_>>,
    in_force: InForce<'_>,
) -> Vec<String> {
    let mut caveats = Vec::new();
    if requests.if_granted > 0 {
        caveats.push(format!(
            "{} requests would go on to a larger model; whether their tokens allow it, the log does not tell: it is taken that they do",
            requests.if_granted
        ));
    }
    let unsupported: BTreeSet<&str> = requests
        .each
        .iter()
        .filter_map(|replayed| match replayed {
            Replayed::Unsupported { backend } => Some(backend.as_str()),
            _ => None,
        })
        .collect();
    let figures = if copies.is_some() { "all figures but those of copies" } else { "all figures" };
    caveats.extend(unsupported.iter().map(|backend| {
        format!("the log has never seen backend `{backend}`: requests that may go there are counted as unsupported and left out of {figures}")
    }));
    let reached: BTreeSet<_> = decided.iter().flat_map(|(_, decided)| decided.odds.keys()).collect();
    for (key, fitted) in fits.iter().filter(|(key, fitted)| reached.contains(key) && fitted.begun < FEW) {
        caveats.push(format!(
            "backend `{}` had only {} first attempts with `{}`: what moves there is predicted from what the router expected, unproven",
            key.backend, fitted.begun, key.model
        ));
    }
    caveats.extend(requests.beyond.iter().map(|(backend, (most, seen))| {
        format!("backend `{backend}` would have up to {most:.0} requests under way, and the log has seen {seen:.0}: how it bears more is not known")
    }));
    let sampled = log.iter().filter(|decision| decision.share < 1.0).count();
    if sampled > 0 {
        caveats.push(format!(
            "{sampled} decisions stand for more that were not recorded: the load that moves is more than what is replayed"
        ));
    }
    let in_force = in_force.hash().to_string();
    let others = log.iter().filter(|decision| decision.policy != in_force).count();
    if others > 0 {
        caveats.push(format!("{others} of {} decisions were made under another policy than the one compared with", log.len()));
    }
    let reproduced = decided.iter().filter(|(_, decided)| decided.is_reproduced).count();
    if reproduced < decided.len() - decided.len() / 20 {
        caveats.push(format!(
            "only {reproduced} of {} choices come out as recorded: the log does not tell all that they were made by",
            decided.len()
        ));
    }
    let unpriced = decided.iter().filter(|(_, decided)| decided.dollars.is_none()).count();
    if unpriced > 0 {
        caveats.push(format!(
            "{unpriced} of {} requests have no tokens or no price on one side, and are not in the cost",
            decided.len()
        ));
    }
    let span = span(log);
    if span < SHORT && !log.is_empty() {
        caveats.push(format!("the log spans {span:.0} s: a day is that times {:.0}", per_day(log)));
    }
    if decided.len() < FEW {
        caveats.push(format!("only {} requests were decided again", decided.len()));
    }
    caveats
}
