//! What the router has to reach in the fixed world. `tradewind policy simulate --scenario policies/scenarios/fixed-world.toml --seed 11..14
//! --gateways 1,8` prints the figures.

use tradewind_policies::simulate::{Figures, Measure, Policy, Scenario};

use super::common::{figures, line, parsed, shipped};

/// The bars were set over these. Two of them would do for most, but not for the distance to others: stalls of half a minute make the mean of a
/// single run uncertain by several per cent.
const SEEDS: [u64; 4] = [11, 12, 13, 14];

struct World {
    scenario: Scenario,
    gateways: usize,
    oracle: Figures,
    tradewind: Figures,
}

impl World {
    fn fixed(gateways: usize) -> Self {
        let scenario = shipped("fixed-world.toml");
        let oracle = figures(&scenario, Policy::Oracle, gateways, &SEEDS);
        let tradewind = figures(&scenario, Policy::Tradewind, gateways, &SEEDS);
        println!("{}\n{}", line(Policy::Oracle, &oracle), line(Policy::Tradewind, &tradewind));
        Self { scenario, gateways, oracle, tradewind }
    }

    /// What the router took, as a share of what `other` took.
    fn against(&self, other: &Figures, measure: Measure) -> f64 {
        self.tradewind.measured[measure] / other.measured[measure]
    }

    fn is_close_to_the_oracle(&self) {
        assert!(self.against(&self.oracle, Measure::MeanWithErrors) <= 1.06);
        assert!(self.against(&self.oracle, Measure::P95) <= 1.08);
        // The oracle does not hedge.
        assert!(self.against(&self.oracle, Measure::FirstTokenP99) <= 0.60);
    }

    fn spares_clients_and_providers(&self) {
        assert!(self.tradewind.measured[Measure::Errors] <= 0.1);
        assert!(self.tradewind.measured[Measure::LimitedAttempts] <= 1.5);
        assert!(self.tradewind.measured[Measure::Hedges] <= 5.5);
    }

    fn leaves_others_behind(&self) {
        for policy in [Policy::Linkerd, Policy::Helicone] {
            let other = figures(&self.scenario, policy, self.gateways, &SEEDS);
            println!("{}", line(policy, &other));
            assert!(self.against(&other, Measure::MeanWithErrors) <= 0.80, "{policy}");
        }
    }
}

#[test]
fn one_gateway_reaches_its_bars() {
    let world = World::fixed(1);
    world.is_close_to_the_oracle();
    world.spares_clients_and_providers();
    world.leaves_others_behind();
}

#[test]
fn eight_gateways_that_know_nothing_of_each_other_reach_the_same_bars() {
    let world = World::fixed(8);
    world.is_close_to_the_oracle();
    world.spares_clients_and_providers();
    world.leaves_others_behind();
}

#[test]
fn a_limit_on_tokens_is_learnt_from_refusals_alone() {
    let text = r#"
        name = "tokens"
        horizon = "400s"
        warm_up = "20s"
        arrivals = { rate = 12 }
        prompt = { law = "log-normal", median = 800, sigma = 1.1, max = 16000 }
        output = { law = "log-normal", median = 150, sigma = 0.8, max = 1500 }
        [[backend]]
        name = "limited"
        ttft = { base = "300ms", sigma = 0.4, per_1k_prompt_tokens = "50ms" }
        tpot = { base = "10ms", sigma = 0.2 }
        limit = { tokens_per_minute = 600000, retry_after = 2 }
        [[backend]]
        name = "slow"
        ttft = { base = "900ms", sigma = 0.4, per_1k_prompt_tokens = "200ms" }
        tpot = { base = "30ms", sigma = 0.2 }
    "#;
    let scenario = parsed("tokens.toml", text);
    let [oracle, tradewind] = [Policy::Oracle, Policy::Tradewind].map(|policy| figures(&scenario, policy, 1, &SEEDS));
    println!("{}\n{}", line(Policy::Oracle, &oracle), line(Policy::Tradewind, &tradewind));
    // Counting requests alone, it took a third longer than the oracle.
    assert!(tradewind.measured[Measure::MeanWithErrors] <= 1.2 * oracle.measured[Measure::MeanWithErrors]);
    assert!(tradewind.measured[Measure::LimitedAttempts] <= 1.0);
}

#[test]
fn a_backend_that_refuses_at_once_is_no_black_hole() {
    let backend = |name: &str, more: &str| {
        format!(
            "[[backend]]\nname = \"{name}\"\nttft = {{ base = \"300ms\", sigma = 0.4 }}\ntpot = {{ base = \"10ms\", sigma = 0.2 }}\n{more}\n"
        )
    };
    let head = r#"
        name = "black hole"
        horizon = "60s"
        warm_up = "1s"
        arrivals = { rate = 20 }
        prompt = { law = "constant", value = 500 }
        output = { law = "constant", value = 100 }
    "#;
    let refusing = "limit = { requests_per_second = 0, burst = 1, takes = \"1ms\" }";
    let text = format!("{head}{}{}{}", backend("a", ""), backend("b", ""), backend("refusing", refusing));
    let scenario = parsed("black-hole.toml", &text);
    for seed in 1..=4 {
        let figures = figures(&scenario, Policy::Tradewind, 1, &[seed]);
        let share = *figures.shares.iter().last().unwrap();
        println!("{} share={share:.4}", line(Policy::Tradewind, &figures));
        assert!(share < 0.05, "{share}");
        assert!(figures.measured[Measure::LimitedAttempts] < 5.0);
    }
}
