//! The cheapest that is in time is chosen, and left when it is not.

#![expect(clippy::indexing_slicing, reason = "a helper that panics fails its test")]

use tradewind_policies::simulate::{Fate, Policy, Scenario, run};

use super::common::parsed;

/// A quick backend, and one of a tenth of the price that is quick enough until it becomes slow in the middle of the run.
fn world(told: &str) -> Scenario {
    let text = format!(
        r#"
        name = "cheap and quick"
        horizon = 1500
        warm_up = 60
        gateways = 4
        arrivals = {{ rate = 8 }}
        prompt = {{ law = "log-normal", median = 400, sigma = 0.8, max = 8000 }}
        output = {{ law = "log-normal", median = 100, sigma = 0.6, max = 1000 }}
        {told}
        [[backend]]
        name = "quick"
        rtt = "20ms"
        ttft = {{ base = "200ms", sigma = 0.3 }}
        tpot = {{ base = "8ms" }}
        price = {{ in = 2.0, out = 8.0 }}
        [[backend]]
        name = "cheap"
        rtt = "20ms"
        ttft = {{ base = "500ms", sigma = 0.3 }}
        tpot = {{ base = "15ms" }}
        price = {{ in = 0.2, out = 0.8 }}
        [[event]]
        backends = ["cheap"]
        from = 450
        to = 750
        slow = {{ ttft = 5.0 }}
        "#
    );
    parsed("money.toml", &text)
}

fn during(scenario: &Scenario, from: f64, to: f64) -> Vec<Fate> {
    let fates = run(scenario, Policy::Tradewind, 4, 3).fates().to_vec();
    fates.into_iter().filter(|fate| from <= fate.arrived && fate.arrived < to).collect()
}

/// Within what time nine in ten had their first token, and what a request cost.
fn p90_and_dollars(fates: &[Fate]) -> (f64, f64) {
    let mut first: Vec<f64> = fates.iter().filter_map(|fate| fate.first_token).collect();
    first.sort_by(f64::total_cmp);
    (first[first.len() * 9 / 10], fates.iter().map(|fate| fate.dollars).sum::<f64>() / fates.len() as f64)
}

#[test]
fn three_quarters_of_the_price_are_saved_while_nine_in_ten_are_in_time_and_the_cheap_one_is_left_when_it_becomes_slow() {
    let (fastest, cheapest) = (world(""), world("policy = { cheapest_within = \"1.2s\" }"));
    // Before the cheap one becomes slow.
    let (_, usual) = p90_and_dollars(&during(&fastest, 60.0, 450.0));
    let (p90, paid) = p90_and_dollars(&during(&cheapest, 60.0, 450.0));
    assert!(p90 <= 1.2, "{p90}");
    assert!(paid <= 0.25 * usual, "{paid} of {usual}");
    // As soon as it is known to be slow.
    let slow = during(&cheapest, 480.0, 750.0);
    let (p90, _) = p90_and_dollars(&slow);
    assert!(p90 <= 1.2, "{p90}");
    // And when it is quick again, which a few probes have to show.
    let (p90, paid) = p90_and_dollars(&during(&cheapest, 1100.0, 1500.0));
    assert!(p90 <= 1.2 && paid <= 0.25 * usual, "{p90} {paid} of {usual}");
}
