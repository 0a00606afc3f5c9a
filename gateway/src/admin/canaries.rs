//! The canaries of the policy in force, for an operator to look at, and for Prometheus.

use std::fmt::Write as _;

use crate::{snapshot::Snapshot, telemetry::names};

/// All canaries, or that of one route, as a JSON list.
pub(super) fn list(snapshot: &Snapshot, only: Option<&str>) -> serde_json::Result<String> {
    let canaries = snapshot.canaries().filter(|canary| only.is_none_or(|route| canary.route().as_str() == route));
    let reports: Vec<_> = canaries.map(|canary| canary.report()).collect();
    serde_json::to_string_pretty(&reports).map(|text| text + "\n")
}

/// Which are given up, in Prometheus' text format. It is written here because a recorder never forgets a series, and a canary that is in the policy no
/// more must not be among them.
pub(super) fn metrics(snapshot: &Snapshot) -> String {
    let name = names::CANARY_ABORTED;
    let mut text = format!("# HELP {name} 1 where the canary of the route was given up.\n# TYPE {name} gauge\n");
    for canary in snapshot.canaries() {
        let value = u8::from(canary.is_given_up());
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "{name}{{{}=\"{}\"}} {value}", names::ROUTE, canary.route());
    }
    text + "\n"
}
