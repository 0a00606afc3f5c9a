//! Selection as the gateway uses it: look at each target, choose, start, report what became of it.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tradewind_policies::select::{
    Aim, Ask, Candidate, Choice, Forecast, Health, Monotonic, Outcome, Prior, Reason, Removed, Turn, back_at, choose,
    hedge_after, is_overloaded, scores,
};
use tradewind_policies::spec::Concurrency;

const PLAIN: Ask =
    Ask { prompt_tokens: 500.0, cached_tokens: 0.0, output_tokens: 0.0, cost: 0.0, aim: Aim::NONE, forecast: None };
const FAILED: Outcome = Outcome::Failure { retry_after: None };

fn at(seconds: f64) -> Monotonic {
    Monotonic::since_epoch(Duration::from_secs_f64(seconds))
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn limited(seconds: u64) -> Outcome {
    Outcome::RateLimited { retry_after: Some(Duration::from_secs(seconds)) }
}

/// One attempt that ends at once as told, whatever the target thinks of it.
fn report(health: &mut Health, now: Monotonic, outcome: Outcome) {
    let mut fresh = Health::default();
    let started = health.start(now, &PLAIN, Some(Removed::Unproven)).or_else(|_| fresh.start(now, &PLAIN, None));
    health.end(now, started.unwrap(), outcome, &mut rng());
}

/// A target whose first tokens have come after `seconds` for a while, up to second 20.
fn answering_in(seconds: f64) -> Health {
    let mut health = Health::default();
    for second in 1..=20 {
        let sent = at(f64::from(second) - seconds);
        let mut started = health.start(sent, &PLAIN, None).unwrap();
        let now = at(f64::from(second));
        health.first_token(now, &mut started);
        health.end(now, started, Outcome::Success { output_tokens: 1 }, &mut rng());
    }
    health
}

/// Targets numbered by their places, at second 20.
fn candidates<'h>(tiers: impl IntoIterator<Item = &'h [Health]>) -> Vec<Candidate<usize>> {
    let members = tiers.into_iter().enumerate().flat_map(|(tier, members)| members.iter().map(move |health| (tier, health)));
    let candidate = |(target, (tier, health)): (usize, (usize, &Health))| Candidate {
        target,
        tier,
        outlook: health.outlook(at(20.0), &PLAIN),
    };
    members.enumerate().map(candidate).collect()
}

/// The order in which targets would be tried, one failing after the other.
fn order(mut candidates: Vec<Candidate<usize>>, rng: &mut StdRng) -> Vec<Choice<usize>> {
    let mut order = Vec::new();
    while let Some(choice) = choose(&candidates, if order.is_empty() { Turn::First } else { Turn::Again }, rng) {
        candidates.retain(|candidate| candidate.target != choice.target);
        order.push(choice);
    }
    order
}

fn targets(order: &[Choice<usize>]) -> Vec<usize> {
    order.iter().map(|choice| choice.target).collect()
}

#[test]
fn the_fastest_of_a_tier_is_first_and_lower_tiers_come_last() {
    let first = [answering_in(0.9), answering_in(0.2), answering_in(0.5)];
    let second = [answering_in(0.1)];
    let order = order(candidates([first.as_slice(), &second]), &mut rng());
    assert_eq!(targets(&order), [1, 2, 0, 3]);
    assert_eq!((order[3].tier, order[3].reason), (1, Reason::Only));
    assert_eq!((order[0].reason, order[0].probability), (Reason::Best, 1.0));
}

#[test]
fn near_ties_are_drawn_and_clear_losers_never_are() {
    let members = [answering_in(0.50), answering_in(0.515), answering_in(0.75)];
    let candidates = candidates([members.as_slice()]);
    let mut rng = rng();
    let mut chosen = BTreeMap::<_, u32>::new();
    let mut promised = BTreeMap::new();
    for _ in 0..2000 {
        let choice = choose(&candidates, Turn::First, &mut rng).unwrap();
        assert_eq!(choice.reason, Reason::NearTie);
        *chosen.entry(choice.target).or_default() += 1;
        promised.insert(choice.target, choice.probability);
    }
    assert!(chosen[&0] > chosen[&1] && chosen[&1] > 300 && !chosen.contains_key(&2), "{chosen:?}");
    for (target, count) in chosen {
        assert!((f64::from(count) / 2000.0 - promised[&target]).abs() < 0.05, "{promised:?}");
    }
}

#[test]
fn a_target_that_answers_429_in_a_millisecond_gets_no_traffic_while_it_cools_down() {
    let mut fast = answering_in(0.001);
    report(&mut fast, at(20.0), limited(7));
    let members = [fast, answering_in(0.9)];
    let candidates = candidates([members.as_slice()]);
    assert_eq!(targets(&order(candidates.clone(), &mut rng())), [1]);
    let until = back_at(&candidates).unwrap();
    assert!((at(27.0)..=at(27.7)).contains(&until), "{until:?}");
    assert_eq!(members[0].outlook(at(27.8), &PLAIN).removed, None);
}

#[test]
fn failing_fast_is_not_being_fast() {
    let mut health = answering_in(0.9);
    let before = health.outlook(at(20.0), &PLAIN);
    (0..4).for_each(|_| report(&mut health, at(20.0), FAILED));
    let after = health.outlook(at(20.0), &PLAIN);
    assert_eq!(after.first_token, before.first_token);
    assert!(after.failure_rate > before.failure_rate);
    report(&mut health, at(20.0), FAILED);
    assert!(matches!(health.outlook(at(20.0), &PLAIN).removed, Some(Removed::BreakerOpen { .. })));
}

#[test]
fn faults_of_the_client_say_nothing_against_a_target() {
    let mut health = answering_in(0.9);
    let before = health.outlook(at(20.0), &PLAIN);
    (0..100).for_each(|_| report(&mut health, at(20.0), Outcome::ClientFault));
    assert_eq!(health.outlook(at(20.0), &PLAIN), before);
}

#[test]
fn an_overloaded_target_is_left_alone_as_long_as_it_asks() {
    let mut health = answering_in(0.5);
    report(&mut health, at(20.0), Outcome::Failure { retry_after: Some(Duration::from_secs(30)) });
    assert!(matches!(health.outlook(at(49.0), &PLAIN).removed, Some(Removed::CoolingDown { .. })));
    assert_eq!(health.outlook(at(54.0), &PLAIN).removed, None);
}

#[test]
fn only_one_request_probes_a_half_open_target() {
    let mut health = answering_in(0.5);
    (0..5).for_each(|_| report(&mut health, at(20.0), FAILED));
    assert!(health.start(at(24.0), &PLAIN, None).is_err());
    // Two requests look at it at the same moment; the second finds the probe taken.
    assert_eq!(health.outlook(at(26.0), &PLAIN).removed, None);
    let mut probe = health.start(at(26.0), &PLAIN, None).unwrap();
    assert!(matches!(health.start(at(26.0), &PLAIN, None), Err(Removed::BreakerOpen { .. })));
    health.first_token(at(26.5), &mut probe);
    let other = health.start(at(26.5), &PLAIN, None).unwrap();
    assert_eq!(health.in_flight(), 2);
    for started in [probe, other] {
        health.end(at(27.0), started, Outcome::Cancelled, &mut rng());
    }
    assert_eq!(health.in_flight(), 0);
}

#[test]
fn with_most_targets_broken_caution_is_given_up_and_with_all_of_them_too() {
    let broken = || {
        let mut health = answering_in(0.5);
        (0..5).for_each(|_| report(&mut health, at(20.0), FAILED));
        health
    };
    let all = [broken(), broken()];
    let choice = choose(&candidates([all.as_slice()]), Turn::First, &mut rng()).unwrap();
    assert!(matches!(choice.despite, Some(Removed::BreakerOpen { .. })));
    let mut health = all[choice.target].clone();
    assert!(health.start(at(20.0), &PLAIN, None).is_err());
    let started = health.start(at(20.0), &PLAIN, choice.despite).unwrap();
    health.end(at(20.0), started, Outcome::Cancelled, &mut rng());
    // The one that is well is still the best of them, but not the only one.
    let most = [broken(), broken(), answering_in(0.5)];
    let order = order(candidates([most.as_slice()]), &mut rng());
    assert_eq!(order.len(), 3);
    assert_eq!(order[0].target, 2);
}

#[test]
fn no_panic_lifts_a_rate_limit_or_uses_a_drained_target() {
    let mut limited_target = answering_in(0.5);
    report(&mut limited_target, at(20.0), limited(30));
    let mut candidates = candidates([[limited_target, answering_in(0.5)].as_slice()]);
    candidates[1].outlook = candidates[1].outlook.without(Removed::Drained);
    assert_eq!(choose(&candidates, Turn::First, &mut rng()), None);
}

#[test]
fn a_target_that_does_not_know_us_is_left_alone_and_says_why() {
    let mut health = answering_in(0.5);
    report(&mut health, at(20.0), Outcome::Misconfigured);
    assert!(matches!(health.outlook(at(50.0), &PLAIN).removed, Some(Removed::Misconfigured { .. })));
    assert_eq!(health.outlook(at(90.0), &PLAIN).removed, None);
}

#[test]
fn a_lower_tier_serves_when_the_first_is_out() {
    let mut out = answering_in(0.1);
    report(&mut out, at(20.0), limited(30));
    let choice = choose(&candidates([[out].as_slice(), &[answering_in(0.9)]]), Turn::First, &mut rng()).unwrap();
    assert_eq!((choice.target, choice.tier), (1, 1));
}

#[test]
fn a_target_not_heard_of_for_long_is_tried_now_and_then_and_by_one_at_a_time() {
    let slow = Prior { first_token: 30.0, ..Prior::default() };
    let mut unknown = Health::new(slow, Concurrency::Unlimited);
    let members = [answering_in(0.1), unknown.clone()];
    let all = candidates([members.as_slice()]);
    let mut rng = rng();
    let explored = (0..5000).filter(|_| choose(&all, Turn::First, &mut rng).unwrap().target == 1).count();
    assert!((50..200).contains(&explored), "{explored} of 5000");
    assert!((0..5000).all(|_| choose(&all, Turn::Careful, &mut rng).unwrap().target == 0));
    let probe = unknown.start(at(20.0), &PLAIN, None).unwrap();
    assert_eq!(unknown.outlook(at(20.0), &PLAIN).removed, Some(Removed::Unproven));
    unknown.end(at(20.0), probe, Outcome::Cancelled, &mut rng);
}

#[test]
fn the_longer_answer_goes_to_the_backend_with_the_better_pace() {
    // One is quick to begin and slow to go on, the other the other way round.
    let taught = |first_token: f64, per_token: f64| {
        let mut health = Health::default();
        for second in 1..=20 {
            let sent = at(f64::from(second) - first_token);
            let mut started = health.start(sent, &PLAIN, None).unwrap();
            health.first_token(at(f64::from(second)), &mut started);
            health.pace(at(f64::from(second)), &started, per_token);
            health.end(at(f64::from(second)), started, Outcome::Success { output_tokens: 0 }, &mut rng());
        }
        health
    };
    let members = [taught(0.1, 0.05), taught(0.9, 0.01)];
    let best = |output_tokens: f64| {
        let ask = Ask { output_tokens, ..PLAIN };
        let candidate =
            |(target, health): (usize, &Health)| Candidate { target, tier: 0, outlook: health.outlook(at(20.0), &ask) };
        let candidates: Vec<_> = members.iter().enumerate().map(candidate).collect();
        choose(&candidates, Turn::Careful, &mut rng()).unwrap().target
    };
    assert_eq!((best(1.0), best(300.0)), (0, 1));
}

#[test]
fn a_whole_answer_teaches_both_parts() {
    let mut health = Health::default();
    let ask = Ask { output_tokens: 100.0, ..PLAIN };
    for second in 0..60 {
        let started = health.start(at(f64::from(second)), &ask, None).unwrap();
        health.end(at(f64::from(second) + 10.0), started, Outcome::Success { output_tokens: 100 }, &mut rng());
    }
    let completion = health.outlook(at(69.0), &ask).completion();
    assert!((8.0..13.0).contains(&completion), "{completion}");
}

#[test]
fn a_price_moves_a_request_as_far_as_a_second_is_worth() {
    let members = [answering_in(0.2), answering_in(0.9)];
    let mut candidates = candidates([members.as_slice()]);
    assert_eq!(choose(&candidates, Turn::Careful, &mut rng()).unwrap().target, 0);
    candidates[0].outlook.cost = 3.0;
    assert_eq!(choose(&candidates, Turn::Careful, &mut rng()).unwrap().target, 1);
}

#[test]
fn a_cached_prompt_is_quicker() {
    let mut health = Health::default();
    for i in 0..200 {
        let prompt = f64::from(i % 9) * 1000.0;
        let ask = Ask { prompt_tokens: prompt, ..PLAIN };
        let sent = at(f64::from(i) * 0.1);
        let mut started = health.start(sent, &ask, Some(Removed::Unproven)).unwrap();
        health.first_token(sent + Duration::from_secs_f64(0.1 + 0.2 * prompt / 1000.0), &mut started);
        health.end(sent, started, Outcome::Success { output_tokens: 1 }, &mut rng());
    }
    let first =
        |cached_tokens| health.outlook(at(20.0), &Ask { prompt_tokens: 8000.0, cached_tokens, ..PLAIN }).first_token.seconds();
    assert!(first(7900.0) < first(0.0) / 4.0, "{} {}", first(7900.0), first(0.0));
}

#[test]
fn a_target_that_forecasts_itself_is_believed_and_corrected() {
    let forecast = Some(Forecast { first_token: 0.2, per_token: 0.01 });
    let ask = Ask { forecast, output_tokens: 100.0, ..PLAIN };
    let mut health = Health::default();
    let before = health.outlook(at(0.0), &ask).completion();
    assert!((1.2..1.5).contains(&before), "{before}");
    for second in 0..30 {
        let sent = at(f64::from(second));
        let mut started = health.start(sent, &ask, None).unwrap();
        health.first_token(sent + Duration::from_millis(400), &mut started);
        health.pace(sent + Duration::from_secs(1), &started, 0.02);
        health.end(sent + Duration::from_secs(1), started, Outcome::Success { output_tokens: 100 }, &mut rng());
    }
    let after = health.outlook(at(30.0), &ask).completion();
    assert!((2.0..2.9).contains(&after), "{after}");
}

#[test]
fn requests_that_wait_too_long_are_news() {
    let mut health = answering_in(0.5);
    let before = health.outlook(at(20.0), &PLAIN).first_token.seconds();
    let waiting: Vec<_> = (0..4).map(|_| health.start(at(20.0), &PLAIN, None).unwrap()).collect();
    let outlook = health.outlook(at(26.0), &PLAIN);
    assert!(outlook.first_token.seconds() > 2.0 * before && outlook.is_stuck, "{outlook:?}");
    waiting.into_iter().for_each(|started| health.end(at(26.0), started, Outcome::Cancelled, &mut rng()));
}

#[test]
fn a_hedge_waits_for_the_ninety_fifth_percentile_and_not_when_all_are_slow() {
    let members = [answering_in(0.5), answering_in(0.6)];
    let all = candidates([members.as_slice()]);
    let after = hedge_after(&all[0].outlook, 500.0, &all[1..]).unwrap().as_secs_f64();
    assert!((0.5..1.5).contains(&after), "{after}");
    assert_eq!(hedge_after(&all[0].outlook, 9_000.0, &all[1..]), None);
    assert_eq!(hedge_after::<usize>(&all[0].outlook, 500.0, &[]), None);
    let mut out = answering_in(0.6);
    report(&mut out, at(20.0), limited(30));
    let troubled = candidates([[out].as_slice()]);
    assert!(is_overloaded(&troubled) && hedge_after(&all[0].outlook, 500.0, &troubled).is_none());
}

#[test]
fn what_was_learnt_survives_a_restart() {
    let before = answering_in(0.9);
    let mut after = Health::default();
    assert_eq!(after.learnt(), None);
    after.recall(&before.learnt().unwrap());
    let seconds = |health: &Health| health.outlook(at(20.0), &PLAIN).first_token;
    assert!((seconds(&after).base / seconds(&before).base - 1.0).abs() < 0.01);
    assert!(after.outlook(at(20.0), &PLAIN).first_token_variance > before.outlook(at(20.0), &PLAIN).first_token_variance);
}

#[test]
fn every_candidate_has_a_score_to_show() {
    let mut out = answering_in(0.1);
    report(&mut out, at(20.0), limited(30));
    let candidates = candidates([[out, answering_in(0.9)].as_slice()]);
    let shown: Vec<_> = scores(&candidates).map(|(candidate, score)| (candidate.target, score.total())).collect();
    assert_eq!(shown.len(), 2);
    assert!(shown[0].1 < shown[1].1);
}

/// Three targets in virtual time, one request a second; returns how many of the last 60 requests each got first.
fn shares(behaviour: impl Fn(usize, u32) -> Result<f64, Outcome>) -> [u32; 3] {
    let mut rng = StdRng::seed_from_u64(7);
    let mut members = [const { None }; 3].map(|_: Option<()>| Health::default());
    let mut shares = [0; 3];
    for second in 0..300 {
        let now = at(f64::from(second));
        let candidate = |(target, health): (usize, &Health)| Candidate { target, tier: 0, outlook: health.outlook(now, &PLAIN) };
        let all: Vec<_> = members.iter().enumerate().map(candidate).collect();
        for choice in order(all, &mut rng) {
            let health = &mut members[choice.target];
            let Ok(mut started) = health.start(now, &PLAIN, choice.despite) else { continue };
            shares[choice.target] += u32::from(second >= 240);
            match behaviour(choice.target, second) {
                Ok(seconds) => {
                    let then = now + Duration::from_secs_f64(seconds);
                    health.first_token(then, &mut started);
                    health.end(then, started, Outcome::Success { output_tokens: 0 }, &mut rng);
                    break;
                }
                Err(outcome) => health.end(now, started, outcome, &mut rng),
            }
        }
    }
    shares
}

#[test]
fn traffic_leaves_a_target_that_turned_slow() {
    let shares = shares(|target, second| match (target, second) {
        (0, 0..120) => Ok(0.3),
        (0, _) => Ok(5.0),
        _ => Ok(0.9),
    });
    assert!(shares[0] <= 6, "{shares:?}");
}

#[test]
fn traffic_returns_to_a_target_that_recovered() {
    let shares = shares(|target, second| match (target, second) {
        (0, 0..60) => Ok(8.0),
        (0, _) => Ok(0.3),
        _ => Ok(0.9),
    });
    assert!(shares[0] > 40, "{shares:?}");
}

#[test]
fn traffic_leaves_a_target_that_is_down() {
    let shares = shares(|target, _| if target == 0 { Err(FAILED) } else { Ok(0.9) });
    assert!(shares[0] <= 3 && shares[1] + shares[2] >= 60, "{shares:?}");
}

/// What may happen to an attempt: seconds to its first token, if one comes, and its end.
type Story = (f64, Option<f64>, Outcome);

fn story() -> impl Strategy<Value = Story> {
    let seconds = || (0.0..400.0_f64).prop_map(Duration::from_secs_f64);
    let outcome = prop_oneof![
        4 => (0..2000_u64).prop_map(|output_tokens| Outcome::Success { output_tokens }),
        1 => prop::option::of(seconds()).prop_map(|retry_after| Outcome::RateLimited { retry_after }),
        2 => prop::option::of(seconds()).prop_map(|retry_after| Outcome::Failure { retry_after }),
        1 => Just(Outcome::Misconfigured),
        1 => Just(Outcome::ClientFault),
        1 => Just(Outcome::Cancelled),
    ];
    (0.0..20.0_f64, prop::option::of(0.0..50.0_f64), outcome)
}

/// A target with any history, reports out of order included.
fn health() -> impl Strategy<Value = Health> {
    prop::collection::vec(story(), 0..40).prop_map(|stories| {
        let mut health = Health::default();
        for (sent, first_token, outcome) in stories {
            let Ok(mut started) = health.start(at(sent), &PLAIN, Some(Removed::Unproven)) else { continue };
            if let Some(seconds) = first_token {
                health.first_token(at(sent + seconds), &mut started);
                health.pace(at(sent + seconds), &started, seconds / 100.0);
            }
            health.end(at(sent + 1.0), started, outcome, &mut rng());
        }
        health
    })
}

proptest! {
    // Regressions become cases of their own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_target_is_tried_at_most_once_and_only_soft_removals_are_overruled(
        tiers in prop::collection::vec(prop::collection::vec(health(), 0..12), 0..4), seed: u64,
    ) {
        let slices: Vec<&[_]> = tiers.iter().map(Vec::as_slice).collect();
        let all = candidates(slices);
        let order = order(all.clone(), &mut StdRng::seed_from_u64(seed));
        let mut seen = BTreeMap::new();
        for choice in &order {
            prop_assert!(seen.insert(choice.target, ()).is_none());
            prop_assert!(choice.score.total().is_finite() && choice.score.total() > 0.0);
            prop_assert!(choice.probability > 0.0 && choice.probability <= 1.0);
            prop_assert_eq!(all[choice.target].outlook.removed, choice.despite);
            prop_assert!(choice.despite.is_none_or(Removed::is_soft));
        }
        for candidate in &all {
            let hard = candidate.outlook.removed.is_some_and(|removed| !removed.is_soft());
            prop_assert_eq!(seen.contains_key(&candidate.target), !hard);
        }
    }

    #[test]
    fn a_cooling_target_is_never_chosen(health in health(), wait in 1.0..300.0_f64, after in 0.0..0.99_f64, seed: u64) {
        let mut health = health;
        report(&mut health, at(20.0), Outcome::RateLimited { retry_after: Some(Duration::from_secs_f64(wait)) });
        let now = at(20.0 + wait * after);
        let candidate = Candidate { target: (), tier: 0, outlook: health.outlook(now, &PLAIN) };
        prop_assert!(choose(&[candidate], Turn::First, &mut StdRng::seed_from_u64(seed)).is_none());
    }

    #[test]
    fn no_target_is_out_for_more_than_six_minutes(health in health()) {
        // Five minutes, and a tenth more so that not everybody returns at once.
        prop_assert_eq!(health.outlook(at(21.0 + 331.0), &PLAIN).removed, None);
    }

    #[test]
    fn nothing_stays_in_flight(stories in prop::collection::vec(story(), 0..40), seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut health = Health::default();
        let mut under_way = Vec::new();
        for (sent, _, outcome) in stories {
            if let Ok(started) = health.start(at(sent), &PLAIN, Some(Removed::Unproven)) {
                under_way.push((started, outcome));
            }
            if rng.random_bool(0.5) && let Some((started, outcome)) = under_way.pop() {
                health.end(at(sent), started, outcome, &mut rng);
            }
            prop_assert_eq!(health.in_flight(), under_way.len());
        }
        for (started, outcome) in under_way {
            health.end(at(30.0), started, outcome, &mut rng);
        }
        prop_assert_eq!(health.in_flight(), 0);
    }
}

/// Answers whose first token takes longer the more requests the target has: those of the test's own and `shared` ones of others.
fn slowed_by_others(shared: f64) -> Health {
    let mut health = Health::default();
    for second in 1..=60 {
        let others = if second % 2 == 0 { shared } else { 0.0 };
        let now = at(f64::from(second));
        health.observe_load(now, others, 0.0, FRESH);
        let mut started = health.start(now, &PLAIN, None).unwrap();
        let answered = at(f64::from(second) + 0.2 + 0.01 * others);
        health.first_token(answered, &mut started);
        health.end(answered, started, Outcome::Success { output_tokens: 1 }, &mut rng());
    }
    health
}

const FRESH: Duration = Duration::from_secs(1);

#[test]
fn what_others_put_on_a_target_counts_in_its_prediction() {
    let mut health = slowed_by_others(40.0);
    let now = at(61.0);
    health.observe_load(now, 0.0, 0.0, FRESH);
    let alone = health.outlook(now, &PLAIN);
    health.observe_load(now, 30.0, 10.0, FRESH);
    let shared = health.outlook(now, &PLAIN);
    assert_eq!((alone.first_token.load, health.shared_with(now)), (0.0, 40.0));
    assert!(shared.first_token.seconds() > 1.5 * alone.first_token.seconds(), "{alone:?} {shared:?}");
    // Nobody of ours is slowed down.
    assert_eq!(shared.crowding, 0.0);
}

#[test]
fn our_own_requests_are_not_counted_twice() {
    let mut health = slowed_by_others(40.0);
    let now = at(61.0);
    let own = [health.start(now, &PLAIN, None).unwrap(), health.start(now, &PLAIN, None).unwrap()];
    health.observe_load(now, 2.0, 0.0, FRESH);
    assert_eq!(health.shared_with(now), 0.0);
    health.observe_load(now, 1.0, 0.0, FRESH);
    assert_eq!(health.shared_with(now), 0.0, "a request of ours has not arrived there yet");
    let before = health.outlook(now, &PLAIN).first_token.load;
    health.observe_load(now, 2.0, 3.0, FRESH);
    assert_eq!(health.shared_with(now), 3.0, "those that wait count too");
    assert!(health.outlook(now, &PLAIN).first_token.load > before);
    own.into_iter().for_each(|started| health.end(now, started, Outcome::Cancelled, &mut rng()));
    assert_eq!(health.shared_with(now), 3.0);
}

#[test]
fn what_others_put_on_a_target_is_forgotten_when_it_is_no_longer_told() {
    let mut health = Health::default();
    health.observe_load(at(1.0), 7.0, 0.0, FRESH);
    assert_eq!((health.shared_with(at(2.0)), health.shared_with(at(2.1))), (7.0, 0.0));
    for nonsense in [f64::NAN, f64::INFINITY, -5.0] {
        health.observe_load(at(3.0), nonsense, 0.0, FRESH);
        assert_eq!(health.shared_with(at(3.0)), 0.0);
    }
}
