//! Each decision of a log, decided again.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand_pcg::Pcg64;

use super::coupling::{Coupling, Odds};
use super::fit::{self, FEW, Fits, Fitted, Key};
use super::in_flight::InFlight;
use super::outlooks::{self, Latest, Options, Under, Way};
use super::routed::{NotRouted, Policies};
use super::{Options as Asked, World};
use crate::decision::{Attempt, Decision};
use crate::policy::Unknown;
use crate::select::{self, Turn};
use crate::spec::{Consumption, NanoUsd};
use tradewind_protocol::Usage;

/// A replay's numbers.
const STREAM: u128 = 0x7265_706c_6179;

/// What the new policy makes of a log.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// One for each decision, in the order of time.
    pub(super) each: Vec<Replayed>,
    /// How many go on to a larger model if their tokens allow it, which the log does not tell.
    pub(super) if_granted: usize,
    /// The most requests that would be under way at once, where that is more than the log has seen there: backend, then both numbers.
    pub(super) beyond: BTreeMap<String, (f64, f64)>,
}

/// What becomes of one request.
#[derive(Clone, Debug)]
pub(super) enum Replayed {
    /// It was not decided by a choice among backends: nothing to compare.
    NotDecided,
    /// The new policy serves what the old one refused.
    NowServed,
    /// The new policy has no backend for it.
    Unroutable {
        /// Why.
        reason: String,
    },
    /// The record does not have the claims or headers by which the new policy would decide.
    Unrecorded(Unknown),
    /// The log does not tell how a backend answers that it would, or might, go to.
    Unsupported {
        /// Which.
        backend: String,
    },
    /// It was decided again.
    Decided(Box<Decided>),
}

/// A request that was decided again.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    /// How many requests the record stands for.
    pub(super) stands_for: f64,
    /// How likely its first attempt goes where it went.
    pub(super) stays: f64,
    /// The odds of its first attempt, under the new policy.
    pub(super) odds: Odds,
    /// Where it went, and how likely that was.
    pub(super) went: (Key, f64),
    /// Whether the old odds, worked out again, are those that were recorded.
    pub(super) is_reproduced: bool,
    /// Dollars: what it cost, and what it is expected to cost; none where a price is missing.
    pub(super) dollars: Option<(f64, f64)>,
    /// Seconds to the first token that were measured, of a stream.
    pub(super) first_token: Option<f64>,
    /// Seconds to the first token that are predicted, each with its probability.
    pub(super) predicted: Vec<(f64, f64)>,
}

impl Requests {
    pub(super) fn replayed(log: &[&Decision], fits: &Fits, policies: Policies<'_>, asked: Asked) -> Self {
        let mut replay = Replay {
            fits,
            policies,
            world: asked.world,
            latest: Latest::default(),
            in_flight: InFlight::default(),
            rng: Pcg64::new(u128::from(asked.seed), STREAM),
            beyond: BTreeMap::new(),
            if_granted: 0,
        };
        let each = log.iter().map(|decision| replay.next(decision)).collect();
        Self { each, if_granted: replay.if_granted, beyond: replay.beyond }
    }

    /// Whether the log does not have what the new policy would decide the request in this place by.
    pub(super) fn is_unrecorded(&self, place: usize) -> bool {
        matches!(self.each.get(place), Some(Replayed::Unrecorded(_)))
    }
}

/// A replay under way.
struct Replay<'a> {
    fits: &'a Fits,
    policies: Policies<'a>,
    world: World,
    latest: Latest,
    in_flight: InFlight,
    rng: Pcg64,
    beyond: BTreeMap<String, (f64, f64)>,
    if_granted: usize,
}

impl Replay<'_> {
    fn next(&mut self, decision: &Decision) -> Replayed {
        // The same numbers are drawn for every request, whatever becomes of it: what one policy does to one leaves the luck of the others.
        let luck = [self.rng.random(), self.rng.random(), self.rng.random()];
        self.latest.observe(decision);
        let replayed = self.decided(decision, luck);
        let first = decision.first_attempt();
        if let Some(first) = first {
            self.in_flight.recorded_begin(&first.backend, decision.at.micros());
        }
        // One of which nothing can be said is no less load than it was.
        let is_left_out = matches!(replayed, Replayed::NotDecided | Replayed::Unsupported { .. } | Replayed::Unrecorded(_));
        if let Some(first) = first.filter(|_| is_left_out) {
            self.in_flight.replayed_begin(&first.backend, decision.at.micros());
        }
        for attempt in &decision.attempts {
            let end = end(decision, attempt.begun_s + attempt.total_s);
            self.in_flight.recorded(&attempt.backend, end);
            if is_left_out {
                self.in_flight.replayed(&attempt.backend, end);
            }
        }
        replayed
    }

    fn decided(&mut self, decision: &Decision, luck: [f64; 3]) -> Replayed {
        let routed = self.policies.routed(self.policies.new, decision);
        let Some(first) = decision.first_attempt() else {
            let was_refused =
                decision.route.is_none() || decision.candidates.iter().all(|candidate| candidate.excluded.is_some());
            // What a limit or a client that left ended before it came to a route, the policy's routes had no say in.
            let was_refused = was_refused && !matches!(decision.status, 429 | 499);
            return match routed {
                _ if !was_refused => Replayed::NotDecided,
                Ok(_) => Replayed::NowServed,
                Err(NotRouted::Unrecorded(unknown)) => Replayed::Unrecorded(unknown),
                Err(NotRouted::Nowhere(_)) => Replayed::NotDecided,
            };
        };
        let eligible = match routed {
            Ok(eligible) => eligible,
            Err(NotRouted::Unrecorded(unknown)) => return Replayed::Unrecorded(unknown),
            Err(NotRouted::Nowhere(reason)) => return Replayed::Unroutable { reason },
        };
        if eligible.left().is_some() && decision.outgrown.is_empty() {
            self.if_granted += 1;
        }
        let under = Under { policy: self.policies.new, fits: self.fits, latest: &self.latest, world: self.world };
        let options = under.options(decision, &eligible, &mut self.in_flight);
        if let Some(unknown) = self.unknown(&options, first.turn) {
            return Replayed::Unsupported { backend: unknown.key.backend.clone() };
        }
        let Some((went, old)) = recorded_odds(decision, first) else { return Replayed::NotDecided };
        let new = odds(&options, first.turn);
        if new.is_empty() {
            // All that is left was out of service for a moment: the old policy found something, so this is a loss.
            return Replayed::Unroutable { reason: "every backend that is left was out of service at that moment".to_owned() };
        }
        Replayed::Decided(Box::new(self.weighed(decision, &options, &went, &old, new, luck)))
    }

    /// A backend that nothing is known of, and that would have been looked at.
    fn unknown<'o>(&self, options: &'o Options, turn: Turn) -> Option<&'o Way> {
        let places =
            options.candidates.iter().filter(|candidate| options.each.get(candidate.target).is_some_and(|way| way.is_unknown));
        let unknown = places.min_by_key(|candidate| candidate.tier)?;
        let chosen = select::odds(&options.candidates, turn);
        let tier_of = |target: usize| options.candidates.iter().find(|candidate| candidate.target == target).map(|own| own.tier);
        let tier = chosen.iter().filter_map(|(target, _)| tier_of(*target)).min();
        let is_reached = self.world == World::Fitted && tier.is_none_or(|tier| unknown.tier <= tier);
        options.each.get(unknown.target).filter(|way| is_reached || way.expected.is_none())
    }

    fn weighed(&mut self, decision: &Decision, options: &Options, went: &Key, old: &Odds, new: Odds, luck: [f64; 3]) -> Decided {
        let coupling = Coupling::of(went, old, &new);
        let way = |key: &Key| options.each.iter().find(|way| way.key == *key);
        let [lot, first_factor, pace_factor] = luck;
        let first_token = fit::first_token(decision);
        let mut predicted = Vec::new();
        if let Some(measured) = first_token.filter(|_| coupling.stays > 0.0) {
            predicted.push((measured * way(went).map_or(1.0, |way| way.slowed), coupling.stays));
        }
        let mut ends = BTreeMap::new();
        for (key, odds) in &coupling.moves {
            let Some((first_token_s, per_token_s)) = way(key).map(|way| way.takes) else { continue };
            let fitted = self.fits.get(key);
            let seconds = first_token_s * self.factor(fitted, first_factor, |fitted| &fitted.first_token);
            let pace = per_token_s * self.factor(fitted, pace_factor, |fitted| &fitted.per_token);
            ends.insert(key, seconds + pace * output_tokens(decision));
            if first_token.is_some() {
                predicted.push((seconds, *odds));
            }
        }
        match coupling.drawn(lot) {
            Some(key) => self.begin(decision, options, key, ends.get(key).copied().unwrap_or(decision.total_s)),
            None => self.repeat(decision, options, went),
        }
        let odds_before = old.get(went).copied().unwrap_or(0.0);
        let recorded = decision.first_attempt().map_or(0.0, |attempt| attempt.probability);
        Decided {
            stands_for: stands_for(decision),
            stays: coupling.stays,
            dollars: dollars(decision, &coupling, options),
            odds: new,
            went: (went.clone(), recorded),
            // Exploring is recorded as it was drawn, and so is a draw that might have explored.
            is_reproduced: (odds_before - recorded).abs() < 0.05,
            first_token,
            predicted,
        }
    }

    /// What a request took there, as a multiple of what was expected, drawn from those of the log.
    fn factor(&self, fitted: Option<&Fitted>, luck: f64, of: impl Fn(&Fitted) -> &Vec<f64>) -> f64 {
        let known = fitted.map(|fitted| of(fitted).as_slice()).filter(|factors| factors.len() >= FEW);
        let luck = if self.world == World::Pessimistic { f64::midpoint(1.0, luck) } else { luck };
        known.and_then(|factors| nth(factors, luck)).unwrap_or(1.0)
    }

    /// One that goes elsewhere: it is under way there for so many seconds.
    fn begin(&mut self, decision: &Decision, options: &Options, key: &Key, seconds: f64) {
        self.in_flight.replayed_begin(&key.backend, decision.at.micros());
        self.in_flight.replayed(&key.backend, end(decision, seconds));
        self.note_load(options, key);
    }

    /// One that stays: it is under way where and as long as it was.
    fn repeat(&mut self, decision: &Decision, options: &Options, went: &Key) {
        self.in_flight.replayed_begin(&went.backend, decision.at.micros());
        for attempt in &decision.attempts {
            self.in_flight.replayed(&attempt.backend, end(decision, attempt.begun_s + attempt.total_s));
        }
        self.note_load(options, went);
    }

    fn note_load(&mut self, options: &Options, key: &Key) {
        let expected = options.each.iter().find(|way| way.key == *key).and_then(|way| way.expected);
        let (Some(expected), Some(fitted)) = (expected, self.fits.get(key)) else { return };
        if expected.in_flight > fitted.most_in_flight {
            let (most, _) = self.beyond.entry(key.backend.clone()).or_insert((0.0, fitted.most_in_flight));
            *most = most.max(expected.in_flight);
        }
    }
}

/// How many requests the record stands for.
pub(super) fn stands_for(decision: &Decision) -> f64 {
    1.0 / decision.share.clamp(1e-6, 1.0)
}

/// Where the first attempt went, and the odds that it had, worked out again from the record.
fn recorded_odds(decision: &Decision, first: &Attempt) -> Option<(Key, Odds)> {
    let options = outlooks::recorded(decision)?;
    let went = options.each.iter().find(|way| way.key.backend == first.backend)?.key.clone();
    let mut odds = odds(&options, first.turn);
    // What the record does not tell (who waited) may make the choice look impossible; then the record itself is believed.
    if !odds.contains_key(&went) {
        odds = [(went.clone(), 1.0)].into_iter().collect();
    }
    Some((went, odds))
}

fn odds(options: &Options, turn: Turn) -> Odds {
    let mut odds = Odds::new();
    for (target, probability) in select::odds(&options.candidates, turn) {
        if let Some(way) = options.each.get(target) {
            *odds.entry(way.key.clone()).or_default() += probability;
        }
    }
    odds
}

/// The tokens of an answer, or those that were expected. Several are made at once.
fn output_tokens(decision: &Decision) -> f64 {
    let told = decision.usage.map(|usage| usage.completion_tokens as f64 / decision.answers() as f64);
    told.unwrap_or(decision.expected_output_tokens)
}

/// What the request cost, and what it is expected to cost; none where it cost nothing that is known, or a price is missing.
fn dollars(decision: &Decision, coupling: &Coupling, options: &Options) -> Option<(f64, f64)> {
    let (usage, before) = (decision.usage?, NanoUsd(decision.cost_nano_usd?).dollars());
    let tokens = Usage {
        cached_tokens: usage.cached_tokens,
        cache_write_tokens: usage.cache_write_tokens,
        reasoning_tokens: usage.reasoning_tokens,
        ..Usage::new(usage.prompt_tokens, usage.completion_tokens)
    };
    // How long the server is shared, and the bytes of the answer, a log does not tell.
    let used = Consumption { took: Duration::from_secs_f64(decision.total_s.clamp(0.0, 1e6)), ..Consumption::from(tokens) };
    let price = |backend: &str| options.each.iter().find(|way| way.key.backend == backend).and_then(|way| way.price.as_deref());
    let stayed = match coupling.stays > 0.0 {
        true => coupling.stays * price(decision.chosen.as_deref()?)?.of(used).dollars(),
        false => 0.0,
    };
    let moved = coupling.moves.iter().map(|(key, odds)| Some(odds * price(&key.backend)?.of(used).dollars()));
    Some((before, stayed + moved.sum::<Option<f64>>()?))
}

/// The value at that share of the sorted values.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
fn nth(sorted: &[f64], share: f64) -> Option<f64> {
    sorted.get((share * sorted.len() as f64) as usize).or(sorted.last()).copied()
}

/// So many seconds after the request came.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a request, never negative")]
fn end(decision: &Decision, seconds: f64) -> u64 {
    decision.at.micros().saturating_add((seconds.max(0.0) * 1e6) as u64)
}
