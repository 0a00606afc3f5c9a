//! Reads the canary of a route.

use super::cursor::Value;
use super::draft::RawCanary;
use crate::fault::Report;
use crate::spec::Share;

/// The canary; none if part of it cannot be read.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<RawCanary> {
    let mut table = value.table(report)?;
    let backend = table.required("backend", report, Value::parsed);
    let share = table.required("share", report, share);
    // There is no other way yet; it may be said.
    let by = table.optional("by", report, |value, report| value.choice(&[("session", ())], report));
    let abort_if = table.optional("abort_if", report, Value::parsed);
    table.finish(report);
    by?;
    Some(RawCanary { backend: backend?, share: share?, abort_if: abort_if?.map(|conditions| conditions.value) })
}

/// More than nothing.
fn share(value: Value<'_>, report: &mut Report<'_>) -> Option<Share> {
    let written = value.parsed::<Share>(report)?;
    if written.value == Share::NONE {
        report.fault(written.at, written.key, "no session would go there; accepted: `0.01%` to `100%`, or no `canary`");
        return None;
    }
    Some(written.value)
}
