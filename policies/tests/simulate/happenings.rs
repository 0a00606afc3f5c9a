//! What can happen in a world happens, and to everybody alike.

use tradewind_policies::simulate::{Fate, Measure, Policy, Scenario, run};

use super::common::{figures, folder, parsed, shipped};

/// Two backends of which the first is much faster.
fn world(head: &str, fast: &str, slow: &str) -> Scenario {
    let text = format!(
        r#"
        name = "two"
        horizon = 100
        first_token_timeout = "2s"
        arrivals = {{ rate = 5 }}
        prompt = {{ law = "constant", value = 100 }}
        output = {{ law = "constant", value = 101 }}
        {head}
        [[backend]]
        name = "fast"
        failure_domain = "here"
        rtt = "10ms"
        ttft = {{ base = "90ms" }}
        tpot = {{ base = "1ms" }}
        {fast}
        [[backend]]
        name = "slow"
        rtt = "10ms"
        ttft = {{ base = "990ms" }}
        tpot = {{ base = "10ms" }}
        {slow}
        "#
    );
    parsed("two.toml", &text)
}

fn fates(scenario: &Scenario, policy: Policy) -> Vec<Fate> {
    run(scenario, policy, 1, 5).fates().to_vec()
}

fn during(fates: &[Fate], from: f64, to: f64) -> Vec<Fate> {
    fates.iter().copied().filter(|fate| from <= fate.arrived && fate.arrived < to).collect()
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-6
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let scenario = shipped("fixed-world.toml");
    let once = run(&scenario, Policy::Tradewind, 2, 1);
    assert_eq!(once, run(&scenario, Policy::Tradewind, 2, 1));
    assert_ne!(once, run(&scenario, Policy::Tradewind, 2, 2));
}

#[test]
fn every_policy_meets_the_same_requests() {
    let scenario = shipped("fixed-world.toml");
    let arrivals = |policy| fates(&scenario, policy).iter().map(|fate| fate.arrived).collect::<Vec<_>>();
    assert_eq!(arrivals(Policy::Tradewind), arrivals(Policy::RoundRobin));
}

#[test]
fn an_undisturbed_answer_takes_what_the_file_says() {
    let scenario = world("", "", "");
    for fate in fates(&scenario, Policy::Oracle) {
        assert!(close(fate.first_token.unwrap(), 0.1) && close(fate.completed.unwrap(), 0.2), "{fate:?}");
    }
}

#[test]
fn a_backend_that_refuses_connections_costs_a_round_trip() {
    let scenario = world("", "[[event]]\nbackends = [\"fast\"]\nfrom = 20\nto = 40\ndown = true", "");
    let fates = fates(&scenario, Policy::RoundRobin);
    let failed_over: Vec<_> = during(&fates, 20.0, 40.0).into_iter().filter(|fate| fate.failed_attempts == 1).collect();
    assert!(failed_over.len() > 20 && failed_over.iter().all(|fate| close(fate.first_token.unwrap(), 1.01)));
    assert!(during(&fates, 40.0, 100.0).iter().all(|fate| fate.failed_attempts == 0));
}

#[test]
fn a_black_hole_costs_the_timeout() {
    let scenario = world("", "[[event]]\nfailure_domain = \"here\"\nfrom = 20\nto = 40\nblackhole = true", "");
    let fates = fates(&scenario, Policy::RoundRobin);
    let failed_over: Vec<_> = during(&fates, 20.0, 40.0).into_iter().filter(|fate| fate.failed_attempts == 1).collect();
    assert!(failed_over.len() > 20 && failed_over.iter().all(|fate| close(fate.first_token.unwrap(), 3.0)));
}

#[test]
fn streams_that_are_cut_cannot_be_saved() {
    let scenario = world("", "[[event]]\nbackends = [\"fast\", \"slow\"]\nfrom = 50\nto = 51\ncut = true", "");
    let struck: Vec<_> = fates(&scenario, Policy::RoundRobin).into_iter().filter(|fate| fate.failed_attempts > 0).collect();
    assert!(!struck.is_empty());
    for fate in struck {
        let was_streaming = fate.first_token.is_some_and(|after| fate.arrived + after < 50.0);
        assert_eq!(fate.completed.is_none(), was_streaming, "{fate:?}");
    }
}

#[test]
fn nobody_knows_of_a_backend_before_it_joins_or_after_it_leaves() {
    let scenario = world("", "joins = 30\nleaves = 60", "");
    let fates = fates(&scenario, Policy::RoundRobin);
    let on_fast = |from, to| {
        let fates = during(&fates, from, to);
        fates.iter().filter(|fate| fate.backend == scenario.backends.ids().next()).count() as f64 / fates.len() as f64
    };
    assert_eq!((on_fast(0.0, 30.0), on_fast(60.0, 100.0)), (0.0, 0.0));
    assert!((on_fast(30.0, 60.0) - 0.5).abs() < 0.1);
}

#[test]
fn a_cold_start_wears_off_in_a_straight_line() {
    let scenario = world("", "cold_start = { lasts = 50, factor = 3 }", "");
    let fates = fates(&scenario, Policy::Oracle);
    let first = |from, to| during(&fates, from, to).first().unwrap().first_token.unwrap();
    assert!(first(0.0, 10.0) > 0.25 && close(first(50.0, 100.0), 0.1));
    assert!((first(25.0, 30.0) - 0.19).abs() < 0.01);
}

#[test]
fn a_slowdown_builds_up_and_goes_away() {
    let scenario = world("", "", "[[event]]\nbackends = [\"fast\"]\nfrom = 20\nto = 60\nslow = { ttft = 3, ramp = 10 }");
    let fates = fates(&scenario, Policy::Oracle);
    let most = |from, to| during(&fates, from, to).iter().map(|fate| fate.first_token.unwrap()).fold(0.0, f64::max);
    assert!(close(most(0.0, 20.0), 0.1) && close(most(30.0, 50.0), 0.28) && close(most(60.0, 100.0), 0.1));
    assert!(most(20.0, 25.0) < 0.2);
}

#[test]
fn a_full_server_queues_and_then_refuses() {
    let slots = "slots = 1\nqueue = { bound = 1, retry_after = \"1s\", takes = 0 }\nleaves = 0.001";
    let alone = world("attempts = 1", &slots.replace("leaves = 0.001", ""), "leaves = 0.001");
    let figures = figures(&alone, Policy::RoundRobin, 1, &[3]);
    assert!(figures.measured[Measure::LimitedAttempts] > 5.0);
    assert!(figures.measured[Measure::FirstTokenP99] > 0.2 && figures.measured[Measure::FirstTokenP99] < 0.31);
}

#[test]
fn a_dear_backend_is_used_as_far_as_it_is_worth_its_price() {
    let dear = "price = { in = 0, out = 1000 }";
    let share = |policy: &str| {
        let scenario = world(&format!("policy = {{ {policy} }}"), dear, "");
        *figures(&scenario, Policy::Tradewind, 1, &[3]).shares.iter().next().unwrap()
    };
    // An answer on the fast backend costs ten cents and is 1.8 s earlier.
    assert!(share("") > 0.9 && share("one_cent_buys = \"100ms\"") > 0.9);
    assert!(share("one_cent_buys = \"1s\"") < 0.1);
}

#[test]
fn the_router_heeds_what_answers_say_is_left_of_a_limit() {
    let refused = |tells: bool| {
        let limit = format!("limit = {{ tokens_per_minute = 20_000, retry_after = 2, tells_remaining = {tells} }}");
        figures(&world("", &limit, ""), Policy::Tradewind, 1, &[3, 4]).measured[Measure::LimitedAttempts]
    };
    assert!(refused(true) < 0.5 * refused(false), "{} {}", refused(true), refused(false));
}

#[test]
fn a_hedge_overtakes_a_stalled_attempt() {
    let stalls = "stall = { share = 0.03, lasts = { law = \"constant\", value = \"1.8s\" } }";
    let scenario = world("warm_up = 10", stalls, "");
    let p99 = |policy| figures(&scenario, policy, 1, &[3, 4]).measured[Measure::FirstTokenP99];
    assert!(p99(Policy::TradewindUnhedged) > 1.85, "{}", p99(Policy::TradewindUnhedged));
    assert!(p99(Policy::Tradewind) < 1.6, "{}", p99(Policy::Tradewind));
}

#[test]
fn all_that_is_shipped_plays() {
    for file in std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        if file.ends_with(".toml") {
            let scenario = shipped(&file);
            let figures = figures(&scenario, Policy::Tradewind, scenario.gateways, &[1]);
            assert!(figures.requests > 100.0 && figures.measured[Measure::P50].is_finite(), "{file}");
        }
    }
}
