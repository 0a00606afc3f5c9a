//! Scenarios from files and texts, and their figures over some seeds.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::path::{Path, PathBuf};

use tradewind_policies::SourceFile;
use tradewind_policies::simulate::{Figures, Measure, Policy, Scenario, run};

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// One of the scenarios that are shipped.
pub(super) fn shipped(file: &str) -> Scenario {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    parsed(file, &text)
}

pub(super) fn parsed(name: &str, text: &str) -> Scenario {
    let read_trace = |file: &str| std::fs::read_to_string(folder().join(file)).map_err(|error| error.to_string());
    Scenario::parse(SourceFile::new(name, text), &read_trace).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The mean figures of a policy over some seeds.
pub(super) fn figures(scenario: &Scenario, policy: Policy, gateways: usize, seeds: &[u64]) -> Figures {
    let runs: Vec<_> = seeds.iter().map(|seed| run(scenario, policy, gateways, *seed).figures(scenario)).collect();
    Figures::mean(&runs).unwrap()
}

/// The figures on one line, for a test that failed.
pub(super) fn line(policy: Policy, figures: &Figures) -> String {
    let measured = Measure::ALL.map(|measure| format!("{measure}={:.2}", figures.measured[measure]));
    format!("{policy:<20} {}", measured.join(" "))
}
