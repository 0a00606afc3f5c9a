//! Worlds that nobody designed: what was tuned in one world must hold in others.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::fmt::Write;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tradewind_policies::simulate::{Measure, Policy};

use super::common::{figures, parsed};

/// How many worlds the ordinary test looks at; `TRADEWIND_WORLDS=100` looks at more.
const WORLDS: u64 = 8;
/// A world that takes the router so many times as long as the oracle is printed.
const SUSPECT: f64 = 1.25;

/// Four to twelve backends of random speed, noise and size, with random brown-outs, failures and limits, under a load that they can bear.
fn random(number: u64) -> String {
    let mut rng = Pcg64::seed_from_u64(number);
    let mut text = String::from(
        "horizon = 400\nwarm_up = 20\nfirst_token_timeout = \"60s\"\nprompt = { law = \"log-normal\", median = 800, sigma = 1.1, min = 16, max = 16000 }\n\
         output = { law = \"log-normal\", median = 150, sigma = 0.8, min = 4, max = 1500 }\n",
    );
    let backends = rng.random_range(4..=12);
    let mut capacity = 0.0;
    let mut described = String::new();
    for backend in 0..backends {
        let slots = rng.random_range(8..=100);
        let tpot: f64 = 10_f64.powf(rng.random_range(-2.1..-1.4));
        let (ttft, prefill) = (10_f64.powf(rng.random_range(-1.1..0.0)), 10_f64.powf(rng.random_range(-1.4..-0.4)));
        let (rtt, sigma) = (10_f64.powf(rng.random_range(-3.0..-0.6)), rng.random_range(0.15..0.7));
        // Requests a second with all slots taken, at the mean length.
        capacity += f64::from(slots) / (1.5 * ttft + 2.0 * 206.0 * tpot);
        write!(
            described,
            "[[backend]]\nname = \"b{backend}\"\nrtt = {rtt:.4}\nslots = {slots}\nfailure = {{ share = 0.002 }}\n\
             ttft = {{ base = {ttft:.4}, per_1k_prompt_tokens = {prefill:.4}, sigma = {sigma:.3}, at_full = 1.5 }}\n\
             tpot = {{ base = {tpot:.5}, sigma = {:.3}, at_full = 2.0 }}\n\
             stall = {{ share = 0.01, lasts = {{ law = \"uniform\", from = 8, to = 40 }} }}\n",
            sigma / 2.0
        )
        .unwrap();
        if rng.random_bool(0.2) {
            let rate = rng.random_range(1.0..6.0);
            writeln!(described, "limit = {{ requests_per_second = {rate:.2}, retry_after = {} }}", rng.random_range(1..10))
                .unwrap();
        }
    }
    for _ in 0..rng.random_range(1..=5) {
        let (backend, from) = (rng.random_range(0..backends), rng.random_range(30..300));
        let to = from + rng.random_range(20..120);
        let what = match rng.random_range(0..3) {
            0 => format!("slow = {:.1}", rng.random_range(2.0..6.0)),
            1 => format!("fail = {{ share = {:.2} }}", rng.random_range(0.1..0.9)),
            _ => format!("slow = {{ ttft = {:.1}, ramp = 10 }}", rng.random_range(2.0..10.0)),
        };
        write!(described, "[[event]]\nbackends = [\"b{backend}\"]\nfrom = {from}\nto = {to}\n{what}\n").unwrap();
    }
    let rate = (capacity * rng.random_range(0.15..0.45)).clamp(2.0, 40.0);
    write!(text, "name = \"random {number}\"\narrivals = {{ rate = {rate:.2} }}\n{described}").unwrap();
    text
}

#[test]
fn the_router_stays_close_to_the_oracle_in_worlds_that_nobody_designed() {
    let worlds = std::env::var("TRADEWIND_WORLDS").map_or(WORLDS, |number| number.parse().unwrap());
    let others = [Policy::LeastRequest, Policy::Linkerd, Policy::Helicone, Policy::Agentgateway];
    for gateways in [1, 8] {
        let (mut ours, mut best) = (Vec::new(), Vec::new());
        for world in 0..worlds {
            let text = random(world);
            let scenario = parsed("random.toml", &text);
            let mean = |policy: Policy| figures(&scenario, policy, gateways, &[1]).measured[Measure::MeanWithErrors];
            let oracle = mean(Policy::Oracle);
            ours.push(mean(Policy::Tradewind) / oracle);
            best.push(others.into_iter().map(mean).fold(f64::INFINITY, f64::min) / oracle);
            // A world where the router does badly is worth playing by itself.
            if ours.last() > Some(&SUSPECT) {
                println!("{text}");
            }
            println!(
                "N={gateways} {}: {} backends, {:.3} of the oracle, others {:.3}",
                scenario.name,
                scenario.backends.len(),
                ours.last().unwrap(),
                best.last().unwrap()
            );
        }
        let mean = |ratios: &[f64]| ratios.iter().sum::<f64>() / ratios.len() as f64;
        println!("N={gateways} over {worlds} worlds: tradewind {:.3}, the best of the others {:.3}", mean(&ours), mean(&best));
        assert!(mean(&ours) <= 1.10 && mean(&ours) < mean(&best));
    }
}
