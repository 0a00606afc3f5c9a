//! Which backends take no new request, for Prometheus.

use std::{collections::BTreeMap, fmt::Write as _};

use tradewind_policies::decision::Moment;

use crate::{snapshot::Snapshot, telemetry::names};

/// Which are drained at `now`, by whomever, and when the next scheduled drain of each begins, in Prometheus' text format. It is written here because a
/// recorder never forgets a series, and only who asks knows the time.
pub(super) fn metrics(snapshot: &Snapshot, now: Moment) -> String {
    let backends = || snapshot.backends().map(|backend| (backend.spec().name.as_str(), backend)).collect::<BTreeMap<_, _>>();
    let (drained, next) = (names::BACKEND_DRAINED, names::NEXT_DRAIN);
    let mut text = format!("# HELP {drained} 1 where the backend takes no new request.\n# TYPE {drained} gauge\n");
    // Writing to a string cannot fail.
    for (name, backend) in backends() {
        let is_drained = backend.spec().drained.at(now) || backend.switch().is_off();
        let _infallible = writeln!(text, "{drained}{{{}=\"{name}\"}} {}", names::BACKEND, u8::from(is_drained));
    }
    let _infallible =
        write!(text, "\n# HELP {next} When the next drain begins that the policy schedules.\n# TYPE {next} gauge\n");
    for (name, backend) in backends() {
        if let Some(from) = backend.spec().drained.next_after(now) {
            let _infallible = writeln!(text, "{next}{{{}=\"{name}\"}} {}", names::BACKEND, from.micros() / 1_000_000);
        }
    }
    text + "\n"
}
