//! What a route wants of a target beside speed: that nine answers in ten come in time, for the least money.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::choose::{INLINE, NEAR_TIE, Scored, TEMPERATURE, near};
use super::outlook::Outlook;
use crate::spec::{NanoUsd, Objective, Routing, Slo, Spill};

/// How many standard deviations of the logarithm lie below the ninetieth percentile.
const P90: f64 = 1.2816;
/// Where more than this share of attempts fails, nine in ten are not in time, however quick the others are.
const MOST_FAILING: f64 = 0.1;
/// A target that comes this close to the limit shares its requests with the next dearer one: else all gateways would leave it in the same moment, and
/// all come back in the next.
const MARGIN: f64 = 0.1;

/// What a route wants of a target beside speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Aim {
    /// The most seconds to the first token, for nine requests in ten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_p90_s: Option<f64>,
    /// The most seconds per token, for nine requests in ten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_token_p90_s: Option<f64>,
    /// What the request costs there, in dollars, where the cheapest target is chosen that is in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cheapest_usd: Option<f64>,
    /// Whether a tier of which no target is in time is passed over for a later one of which one is.
    #[serde(skip_serializing_if = "is_not")]
    pub spills: bool,
}

impl Aim {
    /// Nothing but speed.
    pub const NONE: Self = Self { first_token_p90_s: None, per_token_p90_s: None, cheapest_usd: None, spills: false };

    /// What a route wants of a target where the request costs `price`, if that is known; it costs nothing else.
    pub fn of(routing: &Routing, price: Option<NanoUsd>) -> Self {
        let Some(Slo { ttft_p90, tpot_p90 }) = routing.slo else { return Self::NONE };
        let is_cheapest = routing.objective == Objective::CheapestWithinSlo;
        Self {
            first_token_p90_s: ttft_p90.map(|most| most.as_secs_f64()),
            per_token_p90_s: tpot_p90.map(|most| most.as_secs_f64()),
            cheapest_usd: is_cheapest.then(|| price.map_or(0.0, NanoUsd::dollars)),
            spills: routing.spill == Spill::Slo,
        }
    }

    /// Whether nothing but speed is wanted.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_not(flag: &bool) -> bool {
    !flag
}

impl Outlook {
    /// The seconds within which nine in ten first tokens are expected.
    pub fn first_token_p90(&self) -> f64 {
        p90(self.first_token.seconds(), self.first_token_variance)
    }

    /// The seconds per token that nine in ten answers are expected to keep to.
    pub fn per_token_p90(&self) -> f64 {
        p90(self.per_token, self.per_token_variance)
    }

    /// What is expected as a multiple of what is wanted, the worst of all that is: up to one, the target is in time. `None` where nothing is
    /// wanted.
    pub fn strain(&self) -> Option<f64> {
        let first_token = self.aim.first_token_p90_s.map(|most| self.first_token_p90() / most);
        let per_token = self.aim.per_token_p90_s.map(|most| self.per_token_p90() / most);
        let worst = first_token.into_iter().chain(per_token).reduce(f64::max)?;
        Some(worst.max(self.failure_rate / MOST_FAILING))
    }

    /// Whether it is in time, where that is wanted.
    pub(super) fn is_in_time(&self) -> bool {
        self.strain().is_none_or(|strain| strain <= 1.0)
    }
}

/// The ninetieth percentile of what is distributed log-normally, by its mean and the variance of its logarithm.
fn p90(mean: f64, variance: f64) -> f64 {
    mean * (P90 * variance.sqrt() - variance / 2.0).exp()
}

pub(super) type Weighed<'s, 'c, T> = SmallVec<[(&'s Scored<'c, T>, f64); INLINE]>;

/// Those among which chance decides, each with its weight, where the cheapest that is in time is wanted; `None` where it is not.
///
/// Those of about the same price are one group, of which speed decides. The groups are asked from the cheapest on: each takes the requests that the one before
/// leaves over, which is none where that has time to spare. What is left over by all goes to the fastest.
pub(super) fn cheapest<'s, 'c, T>(scored: &'s [Scored<'c, T>]) -> Option<Weighed<'s, 'c, T>> {
    let mut priced: SmallVec<[(&Scored<'c, T>, f64, f64); INLINE]> = SmallVec::new();
    for own in scored {
        let outlook = &own.candidate.outlook;
        let share = ((1.0 - outlook.strain().unwrap_or_default()) / MARGIN).clamp(0.0, 1.0);
        priced.push((own, outlook.aim.cheapest_usd?, share));
    }
    priced.retain(|(_, _, share)| *share > 0.0);
    priced.sort_by(|(_, one, _), (_, other, _)| one.total_cmp(other));
    let (mut left, mut weighed, mut rest) = (1.0, Weighed::new(), priced.as_slice());
    while let Some((_, price, _)) = rest.first().filter(|_| left > 0.0) {
        let (group, dearer) = rest.split_at(rest.partition_point(|(_, own, _)| *own <= NEAR_TIE * price));
        let taken = group.iter().map(|(_, _, share)| *share).fold(0.0, f64::max);
        let best = group.iter().map(|(own, ..)| own.total).fold(f64::INFINITY, f64::min);
        let near = || group.iter().filter(|(own, ..)| own.total <= NEAR_TIE * best);
        let weight = |own: &Scored<'c, T>, share: f64| share * (-(own.total - best) / (TEMPERATURE * best)).exp();
        let sum: f64 = near().map(|(own, _, share)| weight(own, *share)).sum();
        weighed.extend(near().map(|(own, _, share)| (*own, left * taken * weight(own, *share) / sum)));
        (left, rest) = (left * (1.0 - taken), dearer);
    }
    if left > 0.0 {
        spread(&near(scored), left, &mut weighed);
    }
    Some(weighed)
}

/// Adds `share`, divided by these weights, to those that are there.
pub(super) fn spread<'s, 'c, T>(among: &Weighed<'s, 'c, T>, share: f64, weighed: &mut Weighed<'s, 'c, T>) {
    let sum: f64 = among.iter().map(|(_, weight)| weight).sum();
    for (own, weight) in among {
        let added = share * weight / sum;
        match weighed.iter_mut().find(|(known, _)| std::ptr::eq(*known, *own)) {
            Some((_, weight)) => *weight += added,
            None => weighed.push((own, added)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_pcg::Pcg64;

    use super::*;
    use crate::select::{Candidate, FirstToken, Removed, Turn, choose, odds};

    /// One that is expected to take so long, at the mean and at the ninetieth percentile, and costs so much.
    fn candidate(target: usize, tier: usize, seconds: f64, usd: f64) -> Candidate<usize> {
        let outlook = Outlook {
            first_token: FirstToken { base: seconds, prompt: 0.0, load: 0.0, factor: 1.0 },
            per_token: 0.01,
            output_tokens: 0.0,
            crowding: 0.0,
            cost: 0.0,
            failure_rate: 0.01,
            first_token_variance: 0.0,
            per_token_variance: 0.0,
            aim: Aim { first_token_p90_s: Some(1.0), per_token_p90_s: Some(0.02), cheapest_usd: Some(usd), spills: false },
            removed: None,
            heard: Some(std::time::Duration::from_secs(1)),
            waiting: 0,
            is_stuck: false,
            is_told: false,
            in_flight: 0.0,
        };
        Candidate { target, tier, outlook }
    }

    /// The probability of each, which is also the share in which it is chosen.
    fn shares(candidates: &[Candidate<usize>]) -> Vec<f64> {
        let odds = odds(candidates, Turn::First);
        let mut rng = Pcg64::new(7, 11);
        let mut counts = vec![0.0; candidates.len()];
        for _ in 0..20_000 {
            let choice = choose(candidates, Turn::First, &mut rng).unwrap();
            let expected = odds.iter().find(|(target, _)| *target == choice.target).unwrap().1;
            assert!((choice.probability - expected).abs() < 1e-9, "{} for {expected}", choice.probability);
            counts[choice.target] += 1.0 / 20_000.0;
        }
        for (target, count) in counts.iter().enumerate() {
            let expected: f64 = odds.iter().filter(|(own, _)| *own == target).map(|(_, odds)| odds).sum();
            assert!((count - expected).abs() < 0.02, "{target}: {count} for {expected}");
        }
        counts
    }

    #[test]
    fn the_cheapest_that_is_in_time_is_chosen_and_else_the_fastest() {
        assert_eq!(shares(&[candidate(0, 0, 0.2, 9.0), candidate(1, 0, 0.8, 1.0)])[0], 0.0);
        assert_eq!(shares(&[candidate(0, 0, 0.2, 9.0), candidate(1, 0, 1.1, 1.0)])[1], 0.0);
        assert_eq!(shares(&[candidate(0, 0, 1.2, 9.0), candidate(1, 0, 2.0, 1.0)])[1], 0.0);
    }

    #[test]
    fn of_those_that_cost_about_the_same_the_faster_one_is_chosen() {
        let shares = shares(&[candidate(0, 0, 0.5, 1.05), candidate(1, 0, 0.8, 1.0), candidate(2, 0, 0.51, 1.0)]);
        assert_eq!(shares[1], 0.0);
        assert!(shares[0] > shares[2] && shares[2] > 0.3, "{shares:?}");
    }

    #[test]
    fn one_that_comes_close_to_the_limit_shares_with_the_next() {
        let shares = shares(&[candidate(0, 0, 0.2, 9.0), candidate(1, 0, 0.95, 1.0)]);
        assert!((shares[0] - 0.5).abs() < 0.02, "{shares:?}");
    }

    #[test]
    fn slow_tokens_and_failures_are_not_in_time() {
        let mut slow = candidate(1, 0, 0.5, 1.0);
        slow.outlook.per_token = 0.03;
        assert_eq!(shares(&[candidate(0, 0, 0.2, 9.0), slow])[1], 0.0);
        let mut failing = candidate(1, 0, 0.5, 1.0);
        failing.outlook.failure_rate = 0.2;
        assert_eq!(failing.outlook.strain(), Some(2.0));
        assert_eq!(shares(&[candidate(0, 0, 0.2, 9.0), failing])[1], 0.0);
    }

    #[test]
    fn the_ninetieth_percentile_is_that_of_a_log_normal_law() {
        let mut one = candidate(0, 0, 1.0, 1.0);
        one.outlook.first_token_variance = 0.25;
        // The median is e^-1/8 of the mean, and 1.2816 half deviations above it lie nine in ten.
        assert!((one.outlook.first_token_p90() - 1.6749).abs() < 1e-3, "{}", one.outlook.first_token_p90());
    }

    #[test]
    fn a_retry_goes_where_it_is_fastest() {
        let candidates = [candidate(0, 0, 0.2, 9.0), candidate(1, 0, 0.5, 1.0)];
        assert_eq!(choose(&candidates, Turn::Again, &mut Pcg64::new(7, 11)).unwrap().target, 0);
    }

    #[test]
    fn a_tier_spills_where_none_of_it_is_in_time_and_one_of_a_later_tier_is() {
        let world = |first: f64, second: f64, spills: bool| {
            let mut candidates = [candidate(0, 0, first, 1.0), candidate(1, 1, 9.0, 1.0), candidate(2, 2, second, 1.0)];
            candidates.iter_mut().for_each(|candidate| candidate.outlook.aim.spills = spills);
            let choice = choose(&candidates, Turn::First, &mut Pcg64::new(7, 11)).unwrap();
            assert_eq!(odds(&candidates, Turn::First).first().unwrap().0, choice.target);
            (choice.target, choice.spilled)
        };
        assert_eq!(world(2.0, 0.5, true), (2, true), "the second tier is no better");
        assert_eq!(world(0.99, 0.5, true), (0, false));
        assert_eq!(world(2.0, 1.5, true), (0, false), "nobody is in time");
        assert_eq!(world(2.0, 0.5, false), (0, false));
        let mut candidates = [candidate(0, 0, 2.0, 1.0), candidate(1, 1, 0.5, 1.0)];
        candidates.iter_mut().for_each(|candidate| candidate.outlook.aim.spills = true);
        candidates[1].outlook.removed = Some(Removed::Full);
        assert_eq!(choose(&candidates, Turn::First, &mut Pcg64::new(7, 11)).unwrap().target, 0);
    }
}
