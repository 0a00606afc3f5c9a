//! How likely each candidate is to be chosen: the law that a choice is drawn from.

use smallvec::SmallVec;

use super::aim::{Weighed, spread};
use super::choose::{Candidate, EXPLORE, INLINE, InTier, Scored, Turn, in_first_tier, quickest, silent, weighed};

/// The targets that can be chosen, each with its probability. They sum to one, or there is none.
pub type Odds<T> = SmallVec<[(T, f64); INLINE]>;

/// How likely [`choose`](super::choose) is to choose each of the candidates; those that it cannot choose are left out.
pub fn odds<T: Copy>(candidates: &[Candidate<T>], turn: Turn) -> Odds<T> {
    let Some(InTier { scored, .. }) = in_first_tier(candidates) else { return Odds::new() };
    let certain = |chosen: Option<&Scored<'_, T>>| chosen.map(|scored| (scored.candidate.target, 1.0)).into_iter().collect();
    match (scored.as_slice(), turn) {
        ([only], _) => certain(Some(only)),
        (_, Turn::Hedge) => certain(quickest(&scored)),
        (_, Turn::Careful | Turn::Again) => drawn(&scored, turn, 1.0, None),
        (_, Turn::First) => match silent(&scored) {
            None => drawn(&scored, turn, 1.0, None),
            Some(explored) => drawn(&scored, turn, 1.0 - EXPLORE, Some(explored)),
        },
    }
}

/// A draw of that share, and the rest for the one that is explored.
fn drawn<T: Copy>(scored: &[Scored<'_, T>], turn: Turn, share: f64, explored: Option<&Scored<'_, T>>) -> Odds<T> {
    let mut odds = Weighed::new();
    spread(&weighed(scored, turn), share, &mut odds);
    let explored: Weighed<'_, '_, T> = explored.map(|explored| (explored, 1.0)).into_iter().collect();
    spread(&explored, 1.0 - share, &mut odds);
    odds.into_iter().map(|(own, odds)| (own.candidate.target, odds)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand_pcg::Pcg64;

    use super::*;
    use crate::select::{FirstToken, Monotonic, Outlook, Removed, choose};

    fn candidate(target: usize, tier: usize, seconds: f64) -> Candidate<usize> {
        let outlook = Outlook {
            first_token: FirstToken { base: seconds, prompt: 0.0, load: 0.0, factor: 1.0 },
            per_token: 0.01,
            output_tokens: 0.0,
            crowding: 0.0,
            cost: 0.0,
            failure_rate: 0.01,
            first_token_variance: 0.2,
            per_token_variance: 0.1,
            aim: crate::select::Aim::NONE,
            removed: None,
            heard: Some(Duration::from_secs(1)),
            waiting: 0,
            is_stuck: false,
            is_told: false,
            in_flight: 0.0,
        };
        Candidate { target, tier, outlook }
    }

    /// The shares in which `choose` chooses.
    fn chosen(candidates: &[Candidate<usize>], turn: Turn) -> Vec<f64> {
        let mut rng = Pcg64::new(7, 11);
        let mut counts = vec![0.0; candidates.len()];
        (0..40_000).filter_map(|_| choose(candidates, turn, &mut rng)).for_each(|choice| counts[choice.target] += 1.0 / 40_000.0);
        counts
    }

    #[test]
    fn the_odds_are_those_of_the_choice() {
        let silent = |mut candidate: Candidate<usize>| {
            candidate.outlook.heard = None;
            candidate
        };
        let removed = |mut candidate: Candidate<usize>| {
            candidate.outlook.removed = Some(Removed::CoolingDown { until: Monotonic::default() });
            candidate
        };
        let worlds = [
            vec![candidate(0, 0, 1.0), candidate(1, 0, 1.05), candidate(2, 0, 2.0)],
            vec![candidate(0, 0, 1.0), silent(candidate(1, 0, 1.05))],
            vec![candidate(0, 0, 1.0), silent(candidate(1, 0, 3.0)), candidate(2, 1, 0.1)],
            vec![removed(candidate(0, 0, 1.0)), candidate(1, 1, 1.0), candidate(2, 1, 1.02)],
            vec![removed(candidate(0, 0, 1.0))],
            vec![candidate(0, 3, 1.0)],
        ];
        for candidates in worlds {
            for turn in [Turn::First, Turn::Careful, Turn::Again, Turn::Hedge] {
                let shares = chosen(&candidates, turn);
                let odds = odds(&candidates, turn);
                for (target, share) in shares.iter().enumerate() {
                    let expected: f64 = odds.iter().filter(|(own, _)| *own == target).map(|(_, odds)| odds).sum();
                    assert!((share - expected).abs() < 0.01, "{turn:?} {target}: {share} for {expected}");
                }
                let sum: f64 = odds.iter().map(|(_, odds)| odds).sum();
                assert!(odds.is_empty() || (sum - 1.0).abs() < 1e-9, "{odds:?}");
            }
        }
    }
}
