//! Which of the eligible targets an attempt goes to.
//!
//! Every candidate is scored: a model has few backends, and looking at all of them beats looking at two. Among those within a tenth of the
//! best, chance decides, weighted towards the best: the replicas of a gateway that all believe the same would otherwise all move at once.

use std::time::Duration;

use rand::{Rng, RngExt};
use smallvec::SmallVec;

use super::aim::{Weighed, cheapest};
use super::monotonic::Monotonic;
use super::outlook::{Outlook, Removed};

/// Scores up to this many times the best take part in the draw.
pub(super) const NEAR_TIE: f64 = 1.10;
/// How fast the chance falls with the distance from the best, as a share of the best.
pub(super) const TEMPERATURE: f64 = 0.04;
/// The share of requests that first try a target that has not been heard of for long, when there is one.
pub(super) const EXPLORE: f64 = 0.02;
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
pub(super) const INLINE: usize = 32;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// Whether an earlier tier was passed over that had targets, but none in time.
    pub spilled: bool,
}

/// Why a target was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
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
    fn of<T>(scored: &Scored<'_, T>) -> Self {
        let outlook = &scored.candidate.outlook;
        let first_token = outlook.first_token.seconds();
        let generation = outlook.output_tokens * outlook.per_token;
        Self { first_token, generation, crowding: outlook.crowding, failure: scored.failure, cost: outlook.cost }
    }

    /// The sum, in seconds: less is better.
    pub fn total(&self) -> f64 {
        self.first_token + self.generation + self.crowding + self.failure + self.cost
    }
}

/// A candidate that may be used, and how good it is.
pub(super) struct Scored<'c, T> {
    pub(super) candidate: &'c Candidate<T>,
    /// Seconds without failures and money.
    pub(super) latency: f64,
    /// What failures add.
    failure: f64,
    /// All of it.
    pub(super) total: f64,
}

/// What failing and turning elsewhere adds to an answer that takes `latency` seconds, where the best of the others takes `alternative`.
fn failure(rate: f64, latency: f64, alternative: f64) -> f64 {
    let odds = rate / (1.0 - rate).max(LEAST_SUCCESS);
    odds * (FAILED_ATTEMPT + RISK * alternative.min(MOST_ALTERNATIVE * latency) + FAILOVER)
}

pub(super) type AllScored<'c, T> = SmallVec<[Scored<'c, T>; INLINE]>;

/// The score of every candidate, those that are left out included: what `explain` shows.
pub fn scores<T>(candidates: &[Candidate<T>]) -> impl Iterator<Item = (&Candidate<T>, Score)> {
    score(candidates.iter()).into_iter().map(|scored| (scored.candidate, Score::of(&scored)))
}

/// Chooses a target for an attempt among the candidates, or none if none can be used now. The caller leaves out those that were tried.
pub fn choose<T: Copy>(candidates: &[Candidate<T>], turn: Turn, rng: &mut impl Rng) -> Option<Choice<T>> {
    let InTier { scored, spilled } = in_first_tier(candidates)?;
    let (chosen, reason, probability) = match (scored.as_slice(), turn) {
        ([], _) => return None,
        ([only], _) => (only, Reason::Only, 1.0),
        (_, Turn::Hedge) => (quickest(&scored)?, Reason::Best, 1.0),
        (_, Turn::First) => {
            let silent = silent(&scored);
            match silent.filter(|_| rng.random_bool(EXPLORE)) {
                Some(explored) => (explored, Reason::Explored, EXPLORE),
                None => {
                    let (chosen, reason, probability) = draw(&scored, turn, rng)?;
                    let share = if silent.is_some() { 1.0 - EXPLORE } else { 1.0 };
                    (chosen, reason, share * probability)
                }
            }
        }
        (_, Turn::Careful | Turn::Again) => draw(&scored, turn, rng)?,
    };
    let Candidate { target, tier, outlook } = chosen.candidate;
    Some(Choice {
        target: *target,
        tier: *tier,
        score: Score::of(chosen),
        reason,
        probability,
        despite: outlook.removed,
        spilled,
    })
}

/// When the first of the candidates that are left out comes back: what to tell the client if nothing can be chosen.
pub fn back_at<T>(candidates: &[Candidate<T>]) -> Option<Monotonic> {
    candidates.iter().filter_map(|candidate| candidate.outlook.removed?.until()).min()
}

/// Those that may be used of the first tier that has any, scored.
pub(super) fn in_first_tier<T>(candidates: &[Candidate<T>]) -> Option<InTier<'_, T>> {
    let tiers = candidates.iter().map(|candidate| candidate.tier);
    let (first, last) = (tiers.clone().min()?, tiers.max()?);
    let mut tiers = (first..=last).filter_map(|tier| in_tier(candidates, tier, false));
    let Some(scored) = tiers.next() else {
        // Nowhere is a target that we would like to use; there may be one that we can.
        let scored = (first..=last).find_map(|tier| in_tier(candidates, tier, true))?;
        return Some(InTier { scored, spilled: false });
    };
    let mut each = scored.iter().map(|scored| &scored.candidate.outlook);
    let is_late = each.all(|outlook| outlook.aim.spills && !outlook.is_in_time());
    let is_in_time = |scored: &AllScored<'_, T>| scored.iter().any(|scored| scored.candidate.outlook.is_in_time());
    match tiers.find(is_in_time).filter(|_| is_late) {
        Some(scored) => Some(InTier { scored, spilled: true }),
        None => Some(InTier { scored, spilled: false }),
    }
}

/// The targets of one tier that may be used, scored.
pub(super) struct InTier<'c, T> {
    pub(super) scored: AllScored<'c, T>,
    /// Whether an earlier tier has some too, but none in time.
    pub(super) spilled: bool,
}

fn in_tier<T>(candidates: &[Candidate<T>], tier: usize, is_last_resort: bool) -> Option<AllScored<'_, T>> {
    let members = || candidates.iter().filter(move |candidate| candidate.tier == tier);
    let may_be_used = usable(members(), is_last_resort);
    let scored = score(members().filter(|candidate| may_be_used(candidate)));
    (!scored.is_empty()).then_some(scored)
}

/// The one whose answer is expected first, whatever it costs.
pub(super) fn quickest<'s, 'c, T>(scored: &'s [Scored<'c, T>]) -> Option<&'s Scored<'c, T>> {
    scored.iter().min_by(|a, b| a.latency.total_cmp(&b.latency))
}

/// Which members may be used: those in service; all that only our own caution keeps out, if those in service are too few.
fn usable<'c, T: 'c>(members: impl Iterator<Item = &'c Candidate<T>>, is_last_resort: bool) -> impl Fn(&Candidate<T>) -> bool {
    // First those whose caution is about pace and proof, which a request may well disprove.
    let (mut all, mut healthy, mut has_cautious) = (0_u32, 0_u32, false);
    for removed in members.map(|candidate| candidate.outlook.removed).filter(|removed| removed.is_none_or(Removed::is_soft)) {
        all += 1;
        healthy += u32::from(!matches!(removed, Some(Removed::BreakerOpen { .. } | Removed::Unhealthy)));
        has_cautious |= matches!(removed, Some(Removed::Returning | Removed::Unproven));
    }
    // A tier without any that is well is left to the next; the last resort is all that remains.
    let panics = healthy > 0 && f64::from(healthy) < PANIC * f64::from(all);
    move |candidate| match candidate.outlook.removed {
        None => true,
        Some(Removed::BreakerOpen { .. } | Removed::Unhealthy) => panics || is_last_resort && !has_cautious,
        Some(Removed::Returning | Removed::Unproven) => is_last_resort,
        Some(Removed::Paced { .. }) => is_last_resort && !has_cautious,
        Some(_) => false,
    }
}

/// The score of each, in the light of the others.
fn score<'c, T: 'c>(candidates: impl Iterator<Item = &'c Candidate<T>>) -> AllScored<'c, T> {
    let mut scored: AllScored<'c, T> = SmallVec::new();
    let (mut best, mut second) = (f64::INFINITY, f64::INFINITY);
    for candidate in candidates {
        let latency = candidate.outlook.completion() + candidate.outlook.crowding;
        (best, second) = if latency < best { (latency, best) } else { (best, second.min(latency)) };
        scored.push(Scored { candidate, latency, failure: 0.0, total: 0.0 });
    }
    // A single one is its own second.
    let second = if second.is_finite() { second } else { best };
    for scored in &mut scored {
        let outlook = &scored.candidate.outlook;
        let alternative = if scored.latency <= best { second } else { best };
        scored.failure = failure(outlook.failure_rate, scored.latency, alternative);
        scored.total = scored.latency + scored.failure + outlook.cost;
    }
    scored
}

/// The one that has been silent the longest, if any has been for long and nobody is finding out already. One that was never heard of has been
/// silent for ever.
pub(super) fn silent<'s, 'c, T>(scored: &'s [Scored<'c, T>]) -> Option<&'s Scored<'c, T>> {
    let silence = |scored: &Scored<'c, T>| scored.candidate.outlook.heard.unwrap_or(Duration::MAX);
    let worth_it = |scored: &&Scored<'c, T>| {
        let outlook = &scored.candidate.outlook;
        !outlook.is_told && outlook.waiting == 0 && silence(scored) > SILENT
    };
    scored.iter().filter(worth_it).max_by_key(|scored| silence(scored))
}

/// Those that a draw decides between, each with its weight. A further attempt is a safe bet: time was lost, so money does not count.
pub(super) fn weighed<'s, 'c, T>(scored: &'s [Scored<'c, T>], turn: Turn) -> Weighed<'s, 'c, T> {
    let cheapest = if matches!(turn, Turn::First | Turn::Careful) { cheapest(scored) } else { None };
    cheapest.unwrap_or_else(|| near(scored))
}

/// Those close to the best, each with its weight in the draw; the best has weight one.
pub(super) fn near<'s, 'c, T>(scored: &'s [Scored<'c, T>]) -> Weighed<'s, 'c, T> {
    let best = scored.iter().map(|scored| scored.total).fold(f64::INFINITY, f64::min);
    let weight = |scored: &Scored<'c, T>| (-(scored.total - best) / (TEMPERATURE * best)).exp();
    scored.iter().filter(|scored| scored.total <= NEAR_TIE * best).map(|scored| (scored, weight(scored))).collect()
}

/// The best, or one drawn from those close to it.
fn draw<'s, 'c, T>(scored: &'s [Scored<'c, T>], turn: Turn, rng: &mut impl Rng) -> Option<(&'s Scored<'c, T>, Reason, f64)> {
    let weighed = weighed(scored, turn);
    let (best, most) = match weighed.iter().max_by(|(_, one), (_, other)| one.total_cmp(other)) {
        Some((best, most)) => (*best, *most),
        None => (scored.iter().min_by(|a, b| a.total.total_cmp(&b.total))?, 1.0),
    };
    if weighed.len() <= 1 {
        return Some((best, Reason::Best, 1.0));
    }
    let sum: f64 = weighed.iter().map(|(_, weight)| weight).sum();
    let mut left = rng.random::<f64>() * sum;
    let drawn = weighed.iter().find(|(_, weight)| {
        left -= weight;
        left < 0.0
    });
    // Rounding can leave a sliver of the draw over.
    let (chosen, weight) = drawn.map_or((best, most), |(chosen, weight)| (*chosen, *weight));
    Some((chosen, Reason::NearTie, weight / sum))
}
