//! The order in which to try the eligible backends.
//!
//! Every candidate is scored: a model has few backends, and looking at all of them beats looking at two. Among those
//! within a tenth of the best, chance decides, weighted towards the best: the replicas of a gateway that all believe
//! the same would otherwise all move at once.

use std::time::Duration;

use rand::{Rng, RngExt};
use smallvec::SmallVec;

use super::health::{Outlook, Removed, Score};
use super::monotonic::Monotonic;

/// Scores up to this many times the best take part in the draw.
const NEAR_TIE: f64 = 1.10;
/// How fast the chance falls with the distance from the best, as a share of the best.
const TEMPERATURE: f64 = 0.04;
/// The share of requests that first try a backend that has not been heard of for long, when there is one. Each
/// tests a prejudice at the cost of perhaps one slow answer.
const EXPLORE: f64 = 0.02;
/// How long a backend has to have been silent for that.
const SILENT: Duration = Duration::from_secs(15);

/// Up to so many backends, nothing is allocated.
const INLINE: usize = 8;

/// A backend that may serve the request.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<T> {
    /// Which one; handed back as it is.
    pub target: T,
    /// What is known about it.
    pub outlook: Outlook,
}

/// One attempt to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked<T> {
    /// Where.
    pub target: T,
    /// The tier it came from, from 0.
    pub tier: usize,
    /// What it is expected to cost.
    pub score: Score,
    /// Why it stands where it stands.
    pub reason: Reason,
}

/// Why an attempt stands where it stands within its tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It had the best score of those left.
    Best,
    /// It was drawn from several near-equal scores.
    NearTie,
    /// It had not been heard of for long.
    Explored,
}

/// The attempts to make, in order, and what was left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking<T> {
    /// In the order in which to try them.
    pub attempts: SmallVec<[Ranked<T>; INLINE]>,
    /// What is unavailable, and why, in the order of the tiers.
    pub removed: SmallVec<[(T, Removed); INLINE]>,
}

impl<T> Ranking<T> {
    /// When the first of the removed targets comes back: what to tell the client if there is no attempt to make.
    pub fn back_at(&self) -> Option<Monotonic> {
        self.removed.iter().map(|(_, removed)| removed.until()).min()
    }
}

/// Orders the candidates of each tier by score; all of a tier come before those of the next. Unavailable ones are
/// left out.
pub fn rank<T: Copy>(tiers: &[&[Candidate<T>]], rng: &mut impl Rng) -> Ranking<T> {
    let mut ranking = Ranking { attempts: SmallVec::new(), removed: SmallVec::new() };
    for (tier, candidates) in tiers.iter().enumerate() {
        let mut left: SmallVec<[Candidate<T>; INLINE]> = SmallVec::new();
        for candidate in *candidates {
            match candidate.outlook.removed {
                Some(removed) => ranking.removed.push((candidate.target, removed)),
                None => left.push(*candidate),
            }
        }
        // Exploring is for the first attempt of a request; a fallback should be a safe bet.
        let mut explored = if ranking.attempts.is_empty() { explore(&left, rng) } else { None };
        while let Some((place, reason)) = explored.take().or_else(|| best(&left, rng)) {
            let Candidate { target, outlook } = left.swap_remove(place);
            ranking.attempts.push(Ranked { target, tier, score: outlook.score, reason });
        }
    }
    ranking
}

/// Now and then, the candidate that has been silent the longest; one that was never heard of has been silent for
/// ever.
fn explore<T>(candidates: &[Candidate<T>], rng: &mut impl Rng) -> Option<(usize, Reason)> {
    let silence = |candidate: &Candidate<T>| candidate.outlook.heard.unwrap_or(Duration::MAX);
    let (place, longest) = candidates.iter().map(silence).enumerate().max_by_key(|(_, silence)| *silence)?;
    (candidates.len() > 1 && longest > SILENT && rng.random_bool(EXPLORE)).then_some((place, Reason::Explored))
}

/// The best candidate, or one drawn from those close to it.
fn best<T>(candidates: &[Candidate<T>], rng: &mut impl Rng) -> Option<(usize, Reason)> {
    let scores = || candidates.iter().map(|candidate| candidate.outlook.score.total()).enumerate();
    let (best, least) = scores().min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let near = || scores().filter(|(_, score)| *score <= NEAR_TIE * least);
    if near().nth(1).is_none() {
        return Some((best, Reason::Best));
    }
    let weight = |score: f64| (-(score - least) / (TEMPERATURE * least)).exp();
    let mut draw = rng.random::<f64>() * near().map(|(_, score)| weight(score)).sum::<f64>();
    let drawn = near().find(|(_, score)| {
        draw -= weight(*score);
        draw < 0.0
    });
    // Rounding can leave a sliver of the draw over.
    Some((drawn.map_or(best, |(place, _)| place), Reason::NearTie))
}
