//! What was known of each backend when a request came, in the form that the production rule chooses by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::World;
use super::fit::{self, Fits, Key};
use super::in_flight::InFlight;
use crate::decision::{Candidate as Recorded, Decision, Expected, RemovedReason};
use crate::policy::{Eligible, Policy};
use crate::select::{Aim, Candidate, FirstToken, Monotonic, Outlook, Removed};
use crate::spec::{NanoUsd, Objective, Price};
use tradewind_protocol::Usage;

/// What was last known of a backend is good for so long, in microseconds; after that, what was usual is.
const FRESH: u64 = 600_000_000;

/// A backend that a request might go to.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) key: Key,
    pub(super) price: Option<Arc<Price>>,
    /// Whether nothing in the log tells how it answers.
    pub(super) is_unknown: bool,
    /// What the log expects of it, with the shift of the load.
    pub(super) expected: Option<Expected>,
    /// Seconds to the first token with the shift, over those without it.
    pub(super) slowed: f64,
    /// What a request takes there: seconds to the first token, and per token.
    pub(super) takes: (f64, f64),
}

/// The backends that a request might go to under one policy.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) each: Vec<Way>,
    /// By their places in `each`.
    pub(super) candidates: Vec<Candidate<usize>>,
}

/// What was last recorded of each backend.
#[derive(Debug, Default)]
pub(super) struct Latest(BTreeMap<Key, (u64, Expected, f64)>);

impl Latest {
    pub(super) fn observe(&mut self, decision: &Decision) {
        for candidate in &decision.candidates {
            if let (Some(key), Some(expected)) = (Key::of(candidate), candidate.expected) {
                self.0.insert(key, (decision.at.micros(), expected, decision.length() as f64));
            }
        }
    }

    /// What is known of a backend that this decision did not look at.
    fn carried(&self, key: &Key, decision: &Decision, fits: &Fits) -> Option<Expected> {
        let now = decision.at.micros();
        let recent = self.0.get(key).filter(|(at, ..)| now.saturating_sub(*at) <= FRESH);
        let (age, expected, prompt) = match recent {
            Some((at, expected, prompt)) => ((now - at) as f64 * 1e-6, *expected, *prompt),
            None => (0.0, fits.get(key)?.expected?, 0.0),
        };
        let prompt_s = if prompt > 0.0 { expected.prompt_s * decision.length() as f64 / prompt } else { expected.prompt_s };
        let silent_s = expected.silent_s.map(|seconds| seconds + age);
        Some(Expected { prompt_s, cached_tokens: 0.0, silent_s, output_tokens: decision.expected_output_tokens, ..expected })
    }
}

/// The backends of the record, as the policy that decided saw them; none where a score is missing.
pub(super) fn recorded(decision: &Decision) -> Option<Options> {
    let mut options = Options::default();
    for candidate in decision.candidates.iter().filter(|candidate| candidate.excluded.is_none()) {
        let (key, expected, score) = (Key::of(candidate)?, candidate.expected?, candidate.score?);
        let removed = candidate.removed.map(|removal| removed(removal.reason));
        let outlook = outlook(&expected, score.crowding, score.cost, removed);
        options.candidates.push(Candidate { target: options.each.len(), tier: candidate.tier as usize, outlook });
        options.each.push(Way { key, price: None, is_unknown: false, expected: Some(expected), slowed: 1.0, takes: (0.0, 0.0) });
    }
    Some(options)
}

/// What the new policy is asked with.
pub(super) struct Under<'a> {
    pub(super) policy: &'a Policy,
    pub(super) fits: &'a Fits,
    pub(super) latest: &'a Latest,
    pub(super) world: World,
}

impl Under<'_> {
    /// The backends that the new policy lets a request go to.
    pub(super) fn options(&self, decision: &Decision, eligible: &Eligible<'_>, in_flight: &mut InFlight) -> Options {
        let mut options = Options::default();
        for target in eligible.targets() {
            let Some(backend) = self.policy.backends().get(target.backend.get()) else { continue };
            let key = Key { backend: backend.name.to_string(), model: target.model.to_string() };
            let record =
                decision.candidates.iter().find(|own| own.backend == key.backend && own.model.as_ref() == Some(&key.model));
            let seen = record.and_then(|record| record.expected).or_else(|| self.latest.carried(&key, decision, self.fits));
            let is_unknown = seen.is_none();
            let worst = || self.fits.worst().filter(|_| self.world == World::Pessimistic);
            let usual = seen.or_else(worst);
            let shift = in_flight.shift(&key.backend, decision.at.micros());
            let shifted = usual.map(|expected| self.shifted(&key, expected, shift));
            let output = match eligible.routing.objective {
                Objective::Completion | Objective::CheapestWithinSlo => decision.expected_output_tokens,
                Objective::FirstToken => 0.0,
            };
            let novelty = in_flight.novelty(&key.backend, decision.at.micros());
            let known = shifted.map(|(expected, _)| self.known(&key, decision, expected, novelty));
            let cached = known.map_or(0.0, |(expected, _)| expected.cached_tokens);
            let price = target.price.as_deref().map(|price| priced(price, decision, cached));
            let aim = Aim::of(eligible.routing, price);
            let expected = known.map(|(expected, _)| Expected { output_tokens: output, aim, ..expected });
            let takes = known.map_or((0.0, 0.0), |(_, takes)| takes);
            let cost = price.zip(eligible.routing.seconds_per_dollar).map_or(0.0, |(price, rate)| price.dollars() * rate);
            let crowding = crowding(record, shift, output);
            let removed = if backend.drained.at(decision.at) { Some(Removed::Drained) } else { record.and_then(still_removed) };
            // One that nothing is known of must not be chosen by chance: it is never the best, and counts where it might be.
            let outlook = expected.map_or_else(|| unknown(aim), |expected| outlook(&expected, crowding, cost, removed));
            options.candidates.push(Candidate { target: options.each.len(), tier: eligible.tier(target), outlook });
            let slowed = shifted.map_or(1.0, |(_, slowed)| slowed);
            options.each.push(Way { key, price: target.price.clone(), is_unknown, expected, slowed, takes });
        }
        options
    }

    /// What is expected with so many more requests under way, and by how much slower the first token is.
    fn shifted(&self, key: &Key, expected: Expected, shift: f64) -> (Expected, f64) {
        let (load, pace) = self.fits.get(key).map_or((0.0, 0.0), |fitted| (fitted.load_slope, fitted.pace_slope));
        let load_s = (expected.load_s + load * shift).max(0.0);
        // The pace was never better than when the backend was idle.
        let idle = expected.per_token_s - pace * expected.in_flight;
        let per_token_s = (expected.per_token_s + pace * shift).max(idle.max(0.2 * expected.per_token_s));
        let in_flight = (expected.in_flight + shift).max(0.0);
        let shifted = Expected { load_s, per_token_s, in_flight, ..expected };
        (shifted, fit::first_token_of(&shifted) / fit::first_token_of(&expected))
    }
}

impl Under<'_> {
    /// What the router would know of the backend, and what a request takes there: by what the log measured, where there was enough of it. As far
    /// as the router has more to learn from than it had, it knows that too.
    fn known(&self, key: &Key, decision: &Decision, expected: Expected, novelty: f64) -> (Expected, (f64, f64)) {
        let told = fit::first_token_of(&expected);
        let Some(law) = self.fits.get(key).and_then(|fitted| fitted.law) else {
            return (expected, (told, expected.per_token_s));
        };
        let takes = (law.first_token(decision.length() as f64, expected.in_flight), law.per_token(expected.in_flight));
        let (first_token, per_token) = takes;
        // One factor for both terms, so that the law's own parts stay as they were recorded.
        let factor = expected.factor * (1.0 + novelty * (first_token / told.max(1e-6) - 1.0));
        let per_token_s = expected.per_token_s + novelty * (per_token - expected.per_token_s);
        (Expected { factor, per_token_s, ..expected }, takes)
    }
}

/// What a request costs the others there, which grows with their number.
fn crowding(record: Option<&Recorded>, shift: f64, output: f64) -> f64 {
    let known = record.and_then(|record| Some((record.score?.crowding, record.expected?)));
    match known {
        Some((crowding, expected)) if output > 0.0 && expected.in_flight > 0.0 => {
            crowding * ((expected.in_flight + shift) / expected.in_flight).max(0.0)
        }
        _ => 0.0,
    }
}

/// The price of a request, as the router works it out.
fn priced(price: &Price, decision: &Decision, cached_tokens: f64) -> NanoUsd {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of tokens, never negative")]
    let whole = |tokens: f64| tokens.max(0.0).round() as u64;
    let tokens = Usage::new(decision.length(), whole(decision.expected_output_tokens * decision.answers() as f64));
    price.of(Usage { cached_tokens: whole(cached_tokens), ..tokens })
}

fn outlook(expected: &Expected, crowding: f64, cost: f64, removed: Option<Removed>) -> Outlook {
    let Expected { base_s, prompt_s, load_s, factor, per_token_s, output_tokens, in_flight, .. } = *expected;
    Outlook {
        first_token: FirstToken { base: base_s, prompt: prompt_s, load: load_s, factor },
        per_token: per_token_s,
        output_tokens,
        crowding,
        cost,
        failure_rate: expected.failure_rate.clamp(0.0, 1.0),
        first_token_variance: expected.first_token_variance,
        per_token_variance: expected.per_token_variance,
        aim: expected.aim,
        removed,
        heard: expected.silent_s.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
        // A log does not tell how many wait; it matters for exploring alone.
        waiting: 0,
        is_stuck: false,
        is_told: false,
        in_flight,
    }
}

/// One that is scored behind all others.
fn unknown(aim: Aim) -> Outlook {
    let endless = Expected {
        base_s: 1e6,
        prompt_s: 0.0,
        load_s: 0.0,
        factor: 1.0,
        per_token_s: 0.0,
        output_tokens: 0.0,
        cached_tokens: 0.0,
        in_flight: 0.0,
        failure_rate: 0.0,
        first_token_variance: 0.0,
        per_token_variance: 0.0,
        aim,
        strain: None,
        silent_s: Some(0.0),
    };
    outlook(&endless, 0.0, 0.0, None)
}

/// Whether it was a matter of the backend that would have been the same. What the operator drained is the policy's to say.
fn still_removed(record: &Recorded) -> Option<Removed> {
    record.removed.filter(|removal| removal.reason != RemovedReason::Drained).map(|removal| removed(removal.reason))
}

fn removed(reason: RemovedReason) -> Removed {
    // When it comes back decides nothing about a choice.
    let until = Monotonic::default();
    match reason {
        RemovedReason::CoolingDown => Removed::CoolingDown { until },
        RemovedReason::Paced => Removed::Paced { until },
        RemovedReason::BreakerOpen => Removed::BreakerOpen { until },
        RemovedReason::Misconfigured => Removed::Misconfigured { until },
        RemovedReason::Full => Removed::Full,
        RemovedReason::Returning => Removed::Returning,
        RemovedReason::Unproven => Removed::Unproven,
        RemovedReason::Drained => Removed::Drained,
        RemovedReason::Unhealthy => Removed::Unhealthy,
    }
}
