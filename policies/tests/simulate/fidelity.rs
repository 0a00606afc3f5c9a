//! The worlds and the rules of others are those of the reference model: its figures, over the same number of seeds. Its random numbers are
//! others, so the bands are wide; what they catch is a rule or a world that is not the same.

use tradewind_policies::simulate::{Measure, Policy};

use super::common::{figures, line, shipped};

const SEEDS: [u64; 4] = [11, 12, 13, 14];

/// Of a policy with so many gateways: the mean, the p95, the percentage of errors and of 429 attempts.
type Reference = (Policy, usize, [f64; 4]);

const REFERENCES: [Reference; 12] = [
    (Policy::Oracle, 1, [4.94, 13.6, 0.00, 0.0]),
    (Policy::RoundRobin, 1, [6.96, 23.1, 1.28, 16.6]),
    (Policy::LeastRequest, 1, [5.74, 18.2, 8.98, 42.5]),
    (Policy::Linkerd, 1, [6.65, 20.5, 0.18, 3.6]),
    (Policy::Helicone, 1, [6.88, 21.9, 0.03, 0.6]),
    (Policy::Agentgateway, 1, [5.78, 17.6, 0.44, 8.4]),
    (Policy::Oracle, 8, [4.94, 13.6, 0.00, 0.0]),
    (Policy::RoundRobin, 8, [6.89, 22.9, 1.22, 16.5]),
    (Policy::LeastRequest, 8, [5.95, 18.6, 3.73, 26.7]),
    (Policy::Linkerd, 8, [6.57, 21.0, 0.04, 1.3]),
    (Policy::Helicone, 8, [6.62, 21.0, 0.06, 1.3]),
    (Policy::Agentgateway, 8, [5.76, 17.6, 0.33, 6.0]),
];

#[test]
fn the_rules_of_others_fare_as_in_the_reference_model() {
    let scenario = shipped("fixed-world.toml");
    for (policy, gateways, [mean, p95, errors, limited]) in REFERENCES {
        let figures = figures(&scenario, policy, gateways, &SEEDS);
        println!("N={gateways} {}", line(policy, &figures));
        let near = |measure, reference: f64, relative: f64, absolute: f64| {
            let found = figures.measured[measure];
            assert!(
                (found - reference).abs() <= relative * reference + absolute,
                "{policy}, N={gateways}: {measure} {found} for {reference}"
            );
        };
        near(Measure::Mean, mean, 0.06, 0.0);
        near(Measure::P95, p95, 0.08, 0.0);
        near(Measure::Errors, errors, 0.15, 0.15);
        near(Measure::LimitedAttempts, limited, 0.15, 0.5);
    }
}
