//! Which of the eligible targets an attempt goes to.
//!
//! Every candidate is scored: a model has few backends, and looking at all of them beats looking at two. Among those within a tenth of the
//! best, chance decides, weighted towards the best: the replicas of a gateway that all believe the same would otherwise all move at once.

use std::time::Duration;

use rand::{Rng, RngExt};
use smallvec::SmallVec;

use super::monotonic::Monotonic;
use super::outlook::{Outlook, Removed};

/// Scores up to this many times the best take part in the draw.
const NEAR_TIE: f64 = 1.10;
/// How fast the chance falls with the distance from the best, as a share of the best.
const TEMPERATURE: f64 = 0.04;
/// The share of requests that first try a target that has not been heard of for long, when there is one.
const EXPLORE: f64 = 0.02;
/// How long a target has to have been silent for that.
const SILENT: Duration = Duration::from_secs(15);
/// With less than this share of a tier's targets in service, caution is given up: the few that are left would only fall as well.
const PANIC: f64 = 0.5;
/// What a failed attempt takes, in seconds, and what noticing it and turning elsewhere takes.
const FAILED_ATTEMPT: f64 = 0.15;
const FAILOVER: f64 = 0.3;
/// The share of the next best target's time that a failure is charged with: the price of the risk.
const RISK: f64 = 0.15;
/// The next best target counts as no slower than so many times this one.
const MOST_ALTERNATIVE: f64 = 3.0;
/// The least share of attempts that succeeds, however many failed.
const LEAST_SUCCESS: f64 = 0.1;

/// Up to so many targets, nothing is allocated.
const INLINE: usize = 32;

/// A target that may serve the request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate<T> {
    /// Which one; handed back as it is.
    pub target: T,
    /// How preferred: a later tier is for when the earlier ones cannot.
    pub tier: usize,
    /// What is known about it.
    pub outlook: Outlook,
}

/// Which attempt of a request is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The first. It may explore.
    First,
    /// The first, of a request that must not explore: it cannot be repeated elsewhere, or costs too much.
    Careful,
    /// Another, after one that failed: a safe bet.
    Again,
    /// A second beside one that is slow: the one that is likely to be first.
    Hedge,
}

/// Where to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice<T> {
    /// The target.
    pub target: T,
    /// Its tier.
    pub tier: usize,
    /// What it is expected to cost.
    pub score: Score,
    /// Why it was chosen.
    pub reason: Reason,
    /// How likely this choice was, from 0 to 1: what a replay of the log needs to be fair to the others.
    pub probability: f64,
    /// Why the target had been left out, where too little else remained.
    pub despite: Option<Removed>,
}

/// Why a target was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was the only one.
    Only,
    /// It had the best score.
    Best,
    /// It was drawn from several near-equal scores.
    NearTie,
    /// It had not been heard of for long.
    Explored,
}

/// The seconds a request is expected to take on a target, by their causes, so that people can read why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// To the first token.
    pub first_token: f64,
    /// From the first to the last.
    pub generation: f64,
    /// What it costs the other requests there.
    pub crowding: f64,
    /// What failing and turning elsewhere adds, weighed by how often that happens.
    pub failure: f64,
    /// Its price.
    pub cost: f64,
}

impl Score {
    /// The score of a target, where the best of the others takes `alternative` seconds.
    fn of(outlook: &Outlook, alternative: f64) -> Self {
        let first_token = outlook.first_token.seconds();
        let generation = outlook.output_tokens * outlook.per_token;
        let latency = first_token + generation + outlook.crowding;
        let odds = outlook.failure_rate / (1.0 - outlook.failure_rate).max(LEAST_SUCCESS);
        let failure = odds * (FAILED_ATTEMPT + RISK * alternative.min(MOST_ALTERNATIVE * latency) + FAILOVER);
        Self { first_token, generation, crowding: outlook.crowding, failure, cost: outlook.cost }
    }

    /// The sum, in seconds: less is better.
    pub fn total(&self) -> f64 {
        self.first_token + self.generation + self.crowding + self.failure + self.cost
    }
}

/// Seconds without failures and money.
fn latency(outlook: &Outlook) -> f64 {
    outlook.completion() + outlook.crowding
}

type Scored<'c, T> = SmallVec<[(&'c Candidate<T>, Score); INLINE]>;

/// The score of every candidate, those that are left out included: what `explain` shows.
pub fn scores<T>(candidates: &[Candidate<T>]) -> impl Iterator<Item = (&Candidate<T>, Score)> {
    let (best, second) = two_least(candidates.iter().map(|candidate| latency(&candidate.outlook)));
    candidates.iter().map(move |candidate| {
        let own = latency(&candidate.outlook);
        let alternative = if own <= best { second } else { best };
        (candidate, Score::of(&candidate.outlook, alternative))
    })
}

/// Chooses a target for an attempt among the candidates, or none if none can be used now. The caller leaves out those that were tried.
pub fn choose<T: Copy>(candidates: &[Candidate<T>], turn: Turn, rng: &mut impl Rng) -> Option<Choice<T>> {
    let tiers = candidates.iter().map(|candidate| candidate.tier);
    let (first, last) = (tiers.clone().min()?, tiers.max()?);
    (first..=last).find_map(|tier| in_tier(candidates, tier, turn, false, rng)).or_else(|| {
        // Nowhere is a target that we would like to use; there may be one that we can.
        (first..=last).find_map(|tier| in_tier(candidates, tier, turn, true, rng))
    })
}

/// When the first of the candidates that are left out comes back: what to tell the client if nothing can be chosen.
pub fn back_at<T>(candidates: &[Candidate<T>]) -> Option<Monotonic> {
    candidates.iter().filter_map(|candidate| candidate.outlook.removed?.until()).min()
}

fn in_tier<T: Copy>(
    candidates: &[Candidate<T>],
    tier: usize,
    turn: Turn,
    is_last_resort: bool,
    rng: &mut impl Rng,
) -> Option<Choice<T>> {
    let members = || candidates.iter().filter(move |candidate| candidate.tier == tier);
    let scored = score(members, usable(members, is_last_resort));
    let (chosen, score, reason, probability) = match (scored.as_slice(), turn) {
        ([], _) => return None,
        ([(only, score)], _) => (*only, *score, Reason::Only, 1.0),
        (_, Turn::Hedge) => {
            let latency = |entry: &&(&Candidate<T>, Score)| latency(&entry.0.outlook);
            let (quickest, score) = scored.iter().min_by(|a, b| latency(a).total_cmp(&latency(b)))?;
            (*quickest, *score, Reason::Best, 1.0)
        }
        (_, Turn::First) => {
            let silent = silent(&scored);
            match silent.filter(|_| rng.random_bool(EXPLORE)) {
                Some((explored, score)) => (explored, score, Reason::Explored, EXPLORE),
                None => {
                    let (chosen, score, reason, probability) = draw(&scored, rng)?;
                    let share = if silent.is_some() { 1.0 - EXPLORE } else { 1.0 };
                    (chosen, score, reason, share * probability)
                }
            }
        }
        (_, Turn::Careful | Turn::Again) => draw(&scored, rng)?,
    };
    let Candidate { target, tier, outlook } = *chosen;
    Some(Choice { target, tier, score, reason, probability, despite: outlook.removed })
}

/// Which members may be used: those in service; all that only our own caution keeps out, if those in service are too few.
fn usable<'c, T: 'c, I: Iterator<Item = &'c Candidate<T>>>(
    members: impl Fn() -> I,
    is_last_resort: bool,
) -> impl Fn(&Candidate<T>) -> bool {
    let can = |candidate: &&Candidate<T>| candidate.outlook.removed.is_none_or(Removed::is_soft);
    let (all, healthy) = members().filter(can).fold((0_u32, 0_u32), |(all, healthy), candidate| {
        let is_broken = matches!(candidate.outlook.removed, Some(Removed::BreakerOpen { .. } | Removed::Unhealthy));
        (all + 1, healthy + u32::from(!is_broken))
    });
    let panics = f64::from(healthy) < PANIC * f64::from(all);
    // First those whose caution is about pace and proof, which a request may well disprove.
    let has_cautious =
        members().any(|candidate| matches!(candidate.outlook.removed, Some(Removed::Returning | Removed::Unproven)));
    move |candidate| match candidate.outlook.removed {
        None => true,
        Some(Removed::BreakerOpen { .. } | Removed::Unhealthy) => panics || is_last_resort && !has_cautious,
        Some(Removed::Returning | Removed::Unproven) => is_last_resort,
        Some(Removed::Paced { .. }) => is_last_resort && !has_cautious,
        Some(_) => false,
    }
}

/// The score of each that may be used, in the light of the others.
fn score<'c, T: 'c, I: Iterator<Item = &'c Candidate<T>>>(
    members: impl Fn() -> I,
    may_be_used: impl Fn(&Candidate<T>) -> bool,
) -> Scored<'c, T> {
    let usable = || members().filter(|candidate| may_be_used(candidate));
    let (best, second) = two_least(usable().map(|candidate| latency(&candidate.outlook)));
    usable()
        .map(|candidate| {
            let alternative = if latency(&candidate.outlook) <= best { second } else { best };
            (candidate, Score::of(&candidate.outlook, alternative))
        })
        .collect()
}

/// The least and the second least; a single one is its own second.
fn two_least(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (best, second) =
        values.fold(
            (f64::INFINITY, f64::INFINITY),
            |(best, second), value| {
                if value < best { (value, best) } else { (best, second.min(value)) }
            },
        );
    (best, if second.is_finite() { second } else { best })
}

/// The one that has been silent the longest, if any has been for long and nobody is finding out already. One that was never heard of has been
/// silent for ever.
fn silent<'c, T>(scored: &Scored<'c, T>) -> Option<(&'c Candidate<T>, Score)> {
    let silence = |candidate: &Candidate<T>| candidate.outlook.heard.unwrap_or(Duration::MAX);
    let worth_it = |(candidate, _): &&(&'c Candidate<T>, Score)| {
        !candidate.outlook.is_told && candidate.outlook.waiting == 0 && silence(candidate) > SILENT
    };
    scored.iter().filter(worth_it).max_by_key(|(candidate, _)| silence(candidate)).copied()
}

/// The best, or one drawn from those close to it.
fn draw<'c, T>(scored: &Scored<'c, T>, rng: &mut impl Rng) -> Option<(&'c Candidate<T>, Score, Reason, f64)> {
    let (best, least) = scored.iter().min_by(|(_, a), (_, b)| a.total().total_cmp(&b.total()))?;
    let least_total = least.total();
    let near = || scored.iter().filter(|(_, score)| score.total() <= NEAR_TIE * least_total);
    if near().nth(1).is_none() {
        return Some((*best, *least, Reason::Best, 1.0));
    }
    let weight = |score: &Score| (-(score.total() - least_total) / (TEMPERATURE * least_total)).exp();
    let weights: SmallVec<[f64; INLINE]> = near().map(|(_, score)| weight(score)).collect();
    let sum: f64 = weights.iter().sum();
    let mut left = rng.random::<f64>() * sum;
    let drawn = near().zip(&weights).find(|(_, weight)| {
        left -= *weight;
        left < 0.0
    });
    // Rounding can leave a sliver of the draw over; the best has weight one.
    let (chosen, score, weight) = drawn.map_or((*best, *least, 1.0), |((chosen, score), weight)| (*chosen, *score, *weight));
    Some((chosen, score, Reason::NearTie, weight / sum))
}
