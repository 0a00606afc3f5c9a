//! Selection as the gateway uses it: look at each target, rank, start, report what became of it.

#![expect(clippy::indexing_slicing, reason = "a helper that panics fails its test")]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tradewind_policies::select::{Candidate, Health, Monotonic, Outcome, Ranking, Reason, Removed, rank};

fn at(seconds: f64) -> Monotonic {
    Monotonic::since_epoch(Duration::from_secs_f64(seconds))
}

fn success(seconds: f64) -> Outcome {
    Outcome::Success { latency: Duration::from_secs_f64(seconds) }
}

/// A target that has answered in `seconds` for a while, up to now (second 20).
fn answering_in(seconds: f64) -> Health {
    let mut health = Health::default();
    (0..=20).for_each(|second| health.observe(at(f64::from(second)), success(seconds)));
    health
}

/// Ranks targets, each numbered by its place, at second 20.
fn ranked(tiers: &[&[(usize, Health)]], rng: &mut StdRng) -> Ranking<usize> {
    let look = |(target, health): &(usize, Health)| Candidate { target: *target, outlook: health.outlook(at(20.0), 0) };
    let tiers: Vec<Vec<_>> = tiers.iter().map(|tier| tier.iter().map(look).collect()).collect();
    let tiers: Vec<&[_]> = tiers.iter().map(Vec::as_slice).collect();
    rank(&tiers, rng)
}

fn order(ranking: &Ranking<usize>) -> Vec<usize> {
    ranking.attempts.iter().map(|attempt| attempt.target).collect()
}

#[test]
fn the_fastest_of_a_tier_is_first_and_lower_tiers_come_last() {
    let first = [(0, answering_in(2.0)), (1, answering_in(0.5)), (2, answering_in(1.0))];
    let second = [(3, answering_in(0.1))];
    let ranking = ranked(&[&first, &second], &mut StdRng::seed_from_u64(1));
    assert_eq!(order(&ranking), [1, 2, 0, 3]);
    assert_eq!(ranking.attempts[3].tier, 1);
    assert_eq!(ranking.attempts[0].reason, Reason::Best);
}

#[test]
fn near_ties_are_drawn_and_clear_losers_never_are() {
    let tier = [(0, answering_in(1.0)), (1, answering_in(1.03)), (2, answering_in(1.5))];
    let mut rng = StdRng::seed_from_u64(1);
    let mut first = BTreeMap::<_, u32>::new();
    for _ in 0..1000 {
        let ranking = ranked(&[&tier], &mut rng);
        assert_eq!(ranking.attempts[0].reason, Reason::NearTie);
        *first.entry(order(&ranking)[0]).or_default() += 1;
    }
    assert!(first[&0] > first[&1] && first[&1] > 200, "{first:?}");
    assert!(!first.contains_key(&2), "{first:?}");
}

#[test]
fn requests_under_way_make_a_target_less_attractive() {
    let health = answering_in(1.0);
    let idle = health.outlook(at(20.0), 0).score;
    let busy = health.outlook(at(20.0), 10).score;
    assert!(busy.total() > idle.total() && busy.latency == idle.latency);
}

#[test]
fn a_target_that_answers_429_in_a_millisecond_gets_no_traffic_while_it_cools_down() {
    let mut fast = answering_in(0.001);
    fast.observe(at(20.0), Outcome::RateLimited { retry_after: Some(Duration::from_secs(7)) });
    let tier = [(0, fast), (1, answering_in(3.0))];
    let ranking = ranked(&[&tier], &mut StdRng::seed_from_u64(1));
    assert_eq!(order(&ranking), [1]);
    assert_eq!(ranking.removed[..], [(0, Removed::CoolingDown { until: at(27.0) })]);
    assert_eq!(fast.outlook(at(27.0), 0).removed, None);
}

#[test]
fn failing_fast_is_not_being_fast() {
    let mut health = answering_in(2.0);
    let before = health.outlook(at(20.0), 0).score;
    for _ in 0..4 {
        health.observe(at(20.0), Outcome::Failure);
    }
    let after = health.outlook(at(20.0), 0).score;
    assert_eq!(after.latency, before.latency);
    assert!(after.failure > before.failure);
    health.observe(at(20.0), Outcome::Failure);
    assert_eq!(health.outlook(at(20.0), 0).removed, Some(Removed::BreakerOpen { until: at(25.0) }));
}

#[test]
fn faults_of_the_client_say_nothing_against_a_target() {
    let mut health = answering_in(2.0);
    let before = health.outlook(at(20.0), 0);
    (0..100).for_each(|_| health.observe(at(20.0), Outcome::ClientFault));
    assert_eq!(health.outlook(at(20.0), 0), before);
}

#[test]
fn only_one_request_probes_a_half_open_target() {
    let mut health = answering_in(1.0);
    (0..5).for_each(|_| health.observe(at(20.0), Outcome::Failure));
    assert!(health.start(at(24.0)).is_err());
    // Two requests rank it at the same moment; the second finds the probe taken.
    assert_eq!(health.outlook(at(25.0), 0).removed, None);
    assert_eq!(health.start(at(25.0)), Ok(()));
    assert!(matches!(health.start(at(25.0)), Err(Removed::BreakerOpen { .. })));
    health.observe(at(25.5), success(0.5));
    assert_eq!(health.start(at(25.5)), Ok(()));
}

#[test]
fn when_all_are_removed_the_earliest_return_is_known() {
    let mut soon = answering_in(1.0);
    soon.observe(at(20.0), Outcome::RateLimited { retry_after: Some(Duration::from_secs(3)) });
    let mut late = answering_in(1.0);
    late.observe(at(20.0), Outcome::RateLimited { retry_after: Some(Duration::from_secs(90)) });
    let ranking = ranked(&[&[(0, late)], &[(1, soon)]], &mut StdRng::seed_from_u64(1));
    assert!(ranking.attempts.is_empty());
    assert_eq!(ranking.back_at(), Some(at(23.0)));
}

#[test]
fn a_target_not_heard_of_for_long_is_tried_now_and_then() {
    let tier = [(0, answering_in(0.1)), (1, Health::new(Duration::from_secs(30)))];
    let mut rng = StdRng::seed_from_u64(1);
    let explored = (0..5000).filter(|_| order(&ranked(&[&tier], &mut rng))[0] == 1).count();
    assert!((50..200).contains(&explored), "{explored} of 5000");
}

/// Three targets in virtual time, one request a second; returns how many of the last 60 requests each got first.
fn shares(behaviour: impl Fn(usize, u32) -> Outcome) -> [u32; 3] {
    let mut rng = StdRng::seed_from_u64(7);
    let mut targets = [Health::default(); 3];
    let mut shares = [0; 3];
    for second in 0..300 {
        let now = at(f64::from(second));
        let candidates: Vec<_> =
            targets.iter().enumerate().map(|(target, health)| Candidate { target, outlook: health.outlook(now, 0) }).collect();
        for attempt in rank(&[&candidates], &mut rng).attempts {
            let (health, share) = (&mut targets[attempt.target], &mut shares[attempt.target]);
            if health.start(now).is_err() {
                continue;
            }
            let outcome = behaviour(attempt.target, second);
            health.observe(now, outcome);
            *share += u32::from(second >= 240);
            if matches!(outcome, Outcome::Success { .. }) {
                break;
            }
        }
    }
    shares
}

#[test]
fn traffic_leaves_a_target_that_turned_slow() {
    let shares = shares(|target, second| match (target, second) {
        (0, 0..120) => success(0.3),
        (0, _) => success(5.0),
        _ => success(1.0),
    });
    assert!(shares[0] <= 6, "{shares:?}");
}

#[test]
fn traffic_returns_to_a_target_that_recovered() {
    let shares = shares(|target, second| match (target, second) {
        (0, 0..60) => success(8.0),
        (0, _) => success(0.3),
        _ => success(1.0),
    });
    assert!(shares[0] > 40, "{shares:?}");
}

#[test]
fn traffic_leaves_a_target_that_is_down() {
    let shares = shares(|target, _| if target == 0 { Outcome::Failure } else { success(1.0) });
    assert!(shares[0] <= 3 && shares[1] + shares[2] == 60, "{shares:?}");
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let seconds = || (0.0..400.0_f64).prop_map(Duration::from_secs_f64);
    prop_oneof![
        4 => seconds().prop_map(|latency| Outcome::Success { latency }),
        1 => prop::option::of(seconds()).prop_map(|retry_after| Outcome::RateLimited { retry_after }),
        2 => Just(Outcome::Failure),
        1 => Just(Outcome::ClientFault),
        1 => seconds().prop_map(|elapsed| Outcome::Cancelled { elapsed }),
    ]
}

/// A target with any history, reports out of order included.
fn health() -> impl Strategy<Value = Health> {
    prop::collection::vec((0.0..20.0_f64, outcome()), 0..40).prop_map(|history| {
        let mut health = Health::default();
        for (second, outcome) in history {
            // Whether it may start or not, an attempt that was under way reports.
            let _unavailable = health.start(at(second));
            health.observe(at(second), outcome);
        }
        health
    })
}

proptest! {
    // Regressions become cases of their own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_target_is_either_ranked_once_in_its_tier_or_removed_once(
        tiers in prop::collection::vec(prop::collection::vec(health(), 0..12), 0..4), seed: u64,
    ) {
        let mut number = 0;
        let mut tier_of = BTreeMap::new();
        let tiers: Vec<Vec<(usize, Health)>> = tiers.into_iter().enumerate().map(|(tier, targets)| {
            targets.into_iter().map(|health| {
                number += 1;
                tier_of.insert(number, tier);
                (number, health)
            }).collect()
        }).collect();
        let slices: Vec<&[_]> = tiers.iter().map(Vec::as_slice).collect();
        let ranking = ranked(&slices, &mut StdRng::seed_from_u64(seed));

        prop_assert!(ranking.attempts.is_sorted_by_key(|attempt| attempt.tier));
        for attempt in &ranking.attempts {
            prop_assert_eq!(tier_of.remove(&attempt.target), Some(attempt.tier));
            prop_assert!(attempt.score.total().is_finite() && attempt.score.total() > 0.0);
        }
        for (target, removed) in &ranking.removed {
            prop_assert!(tier_of.remove(target).is_some());
            prop_assert!(removed.until() > at(20.0));
        }
        prop_assert!(tier_of.is_empty());
    }

    #[test]
    fn a_cooling_target_is_never_ranked(
        health in health(), wait in 0.1..300.0_f64, after in 0.0..0.99_f64, seed: u64,
    ) {
        let mut health = health;
        health.observe(at(20.0), Outcome::RateLimited { retry_after: Some(Duration::from_secs_f64(wait)) });
        let now = at(20.0 + wait * after);
        let candidate = Candidate { target: (), outlook: health.outlook(now, 0) };
        prop_assert!(rank(&[&[candidate]], &mut StdRng::seed_from_u64(seed)).attempts.is_empty());
    }

    #[test]
    fn no_target_is_out_for_more_than_five_minutes(health in health()) {
        let later = at(20.0 + 301.0);
        prop_assert_eq!(health.outlook(later, 0).removed, None);
    }
}
