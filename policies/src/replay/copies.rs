//! What copies to the shadows of routes cost, before and after.
//!
//! Every request that was under way at a backend, and that the route's shadow may see, counts as copied with the route's share: nothing is drawn. Of one
//! that a backend refused as too long, and that was led on, copies are drawn on both routes until one is sent. A
//! copy costs what its backend takes for the recorded tokens, none of them cached: it sees a share of the prompts only, and has a cache of its own.
//! What all copies of a route cost in a day ends at its `max_cost_per_day`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::estimate::{Estimate, Resamples};
use super::requests::{Requests, stands_for};
use super::routed::{NotRouted, Policies};
use crate::decision::{Decision, ShadowFate};
use crate::policy::{Eligible, Policy};
use crate::spec::{Consumption, NanoUsd, Share};
use tradewind_protocol::Usage;

/// What copies to the shadows of routes cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Copies {
    /// Dollars a day under the policy in force; none where that is not at hand.
    pub usd_per_day_before: Option<Estimate>,
    /// Dollars a day under the new policy.
    pub usd_per_day_after: Estimate,
    /// Dollars a day, more or less.
    pub delta_usd_per_day: Option<Estimate>,
    /// By the routes that have a shadow, before or after.
    pub by_route: Vec<CopiedRoute>,
}

/// The copies of one route's requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CopiedRoute {
    /// The route.
    pub route: String,
    /// Under the policy in force; none where it has no shadow there, or that policy is not at hand.
    pub before: Option<CopiedTo>,
    /// Under the new policy.
    pub after: Option<CopiedTo>,
}

/// Where the copies of a route's requests go, and what that costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CopiedTo {
    /// The shadow.
    pub backend: String,
    /// How many of the requests that it may see are copied, from 0 to 1.
    pub share: f64,
    /// How many copies a day that would be, were none too dear.
    pub copies_per_day: f64,
    /// What these would cost: dollars a day.
    pub uncapped_usd_per_day: f64,
    /// The most that they may cost, in dollars a day; none where nothing is paid for them.
    pub max_usd_per_day: Option<f64>,
    /// What they cost: the lower of both.
    pub usd_per_day: f64,
    /// Whether it is the most that they may cost.
    pub is_capped: bool,
}

/// What one policy makes of a log.
#[derive(Debug, Default)]
struct Side<'p>(BTreeMap<&'p str, OfRoute<'p>>);

#[derive(Debug)]
struct OfRoute<'p> {
    backend: &'p str,
    share: Share,
    max_per_day: Option<NanoUsd>,
    /// The requests that may be copied: the place in the log, how many copies it stands for, the dollars of each.
    each: Vec<(usize, f64, f64)>,
}

/// Both policies.
#[derive(Debug)]
pub(super) struct Sides<'p> {
    before: Option<Side<'p>>,
    after: Side<'p>,
    /// How many times the log is a day.
    per_day: f64,
}

impl<'p> Sides<'p> {
    /// None where there are no shadows.
    pub(super) fn of(log: &[&Decision], requests: &Requests, policies: Policies<'p>, per_day: f64) -> Option<Self> {
        let Policies { old: before, new: after, .. } = policies;
        let has_any = |policy: &Policy| policy.shadows().next().is_some();
        let were_any = before.map_or_else(|| log.iter().any(|decision| decision.shadow.is_some()), has_any);
        if !(were_any || has_any(after)) {
            return None;
        }
        // What is not known of one side is left out of both.
        let is_unknown = |policy, decision| matches!(policies.routed(policy, decision), Err(NotRouted::Unrecorded(_)));
        let was_unknown = |decision| before.is_some_and(|before| is_unknown(before, decision));
        let each = log.iter().copied().enumerate();
        let known: Vec<_> = each.filter(|(place, own)| !requests.is_unrecorded(*place) && !was_unknown(own)).collect();
        let of = |policy| Side::of(&known, policies, policy);
        Some(Self { before: before.map(of), after: of(after), per_day })
    }

    /// Dollars a day, more or less, where requests count so much; none where it is not known what they were.
    pub(super) fn delta(&self, counts: &dyn Fn(usize) -> f64) -> Option<f64> {
        let before = self.before.as_ref()?.dollars(self.per_day, counts);
        Some(self.after.dollars(self.per_day, counts) - before)
    }

    /// The figures.
    pub(super) fn told(&self, resamples: &Resamples) -> Option<Copies> {
        let day = |side: &Side<'_>| resamples.estimate(|counts| Some(side.dollars(self.per_day, counts)));
        Some(Copies {
            usd_per_day_before: self.before.as_ref().and_then(day),
            usd_per_day_after: day(&self.after)?,
            delta_usd_per_day: resamples.estimate(|counts| self.delta(counts)),
            by_route: self.by_route(),
        })
    }

    fn by_route(&self) -> Vec<CopiedRoute> {
        let mut routes: BTreeMap<&str, CopiedRoute> = BTreeMap::new();
        let mut of = |name: &'p str, put: &dyn Fn(&mut CopiedRoute)| {
            let empty = || CopiedRoute { route: name.to_owned(), before: None, after: None };
            put(routes.entry(name).or_insert_with(empty));
        };
        for (name, own) in self.before.iter().flat_map(|side| &side.0) {
            of(name, &|row| row.before = Some(own.told(self.per_day)));
        }
        for (name, own) in &self.after.0 {
            of(name, &|row| row.after = Some(own.told(self.per_day)));
        }
        routes.into_values().collect()
    }
}

impl<'p> Side<'p> {
    fn of(log: &[(usize, &Decision)], policies: Policies<'p>, policy: &'p Policy) -> Self {
        let name = |index: usize| policy.backends().get(index).map_or("", |backend| backend.name.as_str());
        let mut side = Self::default();
        for (route, shadow) in policy.shadows() {
            let (share, max_per_day) = (shadow.share, shadow.max_cost_per_day);
            let empty = OfRoute { backend: name(shadow.target.backend.get()), share, max_per_day, each: Vec::new() };
            side.0.entry(route.as_str()).or_insert(empty);
        }
        if side.0.is_empty() {
            return side;
        }
        for (place, decision) in log.iter().copied().filter(|(_, decision)| !decision.attempts.is_empty()) {
            let Ok(last) = policies.routed(policy, decision) else { continue };
            let refused_by = |first: &Eligible<'_>| first.route != last.route;
            let first = before_refusal(decision).and_then(|before| policies.routed(policy, &before).ok()).filter(refused_by);
            let mut uncopied = stands_for(decision);
            for eligible in first.iter().chain([&last]) {
                let (Some(shadow), Some(own)) = (eligible.shadow(), side.0.get_mut(eligible.route.as_str())) else { continue };
                let dollars = shadow.target.price.as_deref().map_or(0.0, |price| price.of(copied(decision)).dollars());
                let copies = shadow.share.get() * uncopied;
                own.each.push((place, copies, dollars));
                uncopied -= copies;
            }
        }
        side
    }

    /// Dollars a day where requests count so much.
    fn dollars(&self, per_day: f64, counts: &dyn Fn(usize) -> f64) -> f64 {
        // From zero: the sum of no numbers is a negative one.
        self.0.values().map(|own| own.capped(own.dollars(per_day, counts))).fold(0.0, |sum, dollars| sum + dollars)
    }
}

impl OfRoute<'_> {
    fn dollars(&self, per_day: f64, counts: &dyn Fn(usize) -> f64) -> f64 {
        let each = self.each.iter().map(|(place, copies, dollars)| counts(*place) * copies * dollars);
        per_day * each.sum::<f64>()
    }

    fn capped(&self, dollars: f64) -> f64 {
        self.max_per_day.map_or(dollars, |most| dollars.min(most.dollars()))
    }

    fn told(&self, per_day: f64) -> CopiedTo {
        let uncapped_usd_per_day = self.dollars(per_day, &|_| 1.0);
        let usd_per_day = self.capped(uncapped_usd_per_day);
        CopiedTo {
            backend: self.backend.to_owned(),
            share: self.share.get(),
            copies_per_day: per_day * self.each.iter().map(|(_, copies, _)| copies).sum::<f64>(),
            uncapped_usd_per_day,
            max_usd_per_day: self.max_per_day.map(NanoUsd::dollars),
            usd_per_day,
            is_capped: usd_per_day < uncapped_usd_per_day,
        }
    }
}

/// The request as it was before a backend refused it as too long, if one did.
fn before_refusal(decision: &Decision) -> Option<Decision> {
    decision.too_small.map(|_| Decision { too_small: None, ..decision.clone() })
}

/// What a copy uses: what the request did, or was expected to where it came to no end. How long a server is shared, and the bytes of an answer, a log
/// does not tell.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of tokens, never negative")]
fn copied(decision: &Decision) -> Consumption {
    let answered = || decision.expected_output_tokens.max(0.0) * decision.answers() as f64;
    let expected = || Usage::new(decision.prompt_tokens, answered().round() as u64);
    let usage = decision.usage.map_or_else(expected, |usage| Usage {
        reasoning_tokens: usage.reasoning_tokens,
        ..Usage::new(usage.prompt_tokens, usage.completion_tokens)
    });
    Consumption { took: Duration::from_secs_f64(decision.total_s.clamp(0.0, 1e6)), ..Consumption::from(usage) }
}

/// What the figures of copies do not say.
pub(super) fn caveats(log: &[&Decision], is_before_known: bool) -> Vec<String> {
    let mut caveats = Vec::new();
    if !is_before_known {
        caveats.push(
            "what copies to shadows cost before is not known without the policy that was in force: the cost is that of the requests alone"
                .to_owned(),
        );
    }
    let fates = || log.iter().filter_map(|decision| decision.shadow.as_ref().map(|shadow| shadow.fate));
    // What a policy leaves out, or has no money for, the figures leave out as well.
    let unsent = [ShadowFate::Stored, ShadowFate::Unavailable, ShadowFate::Dropped];
    let counted = unsent.map(|fate| (fate, fates().filter(|own| *own == fate).count()));
    let counted: Vec<_> = counted.into_iter().filter(|(_, count)| *count > 0).collect();
    if !counted.is_empty() {
        let (each, all): (Vec<_>, usize) = (
            counted.iter().map(|(fate, count)| format!("{count} {fate}")).collect(),
            counted.iter().map(|(_, count)| count).sum(),
        );
        let (each, drawn) = (each.join(", "), fates().count());
        caveats.push(format!("{all} of {drawn} copies that the log drew were not sent ({each}): figures of copies count all"));
    }
    caveats
}
