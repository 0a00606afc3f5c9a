//! Reads where copies of a route's requests go.

use super::cursor::{Located, Value};
use super::draft::RawShadow;
use crate::fault::Report;
use crate::name::BackendName;
use crate::spec::{NanoUsd, Share};

/// The value of `shadow`.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<RawShadow> {
    let mut table = value.table(report)?;
    let backend = table.required("backend", report, Value::parsed::<BackendName>);
    let share = table.required("share", report, share);
    let max_cost_per_day = table.optional("max_cost_per_day", report, most);
    table.finish(report);
    Some(RawShadow { backend: backend?, share: share?, max_cost_per_day: max_cost_per_day? })
}

fn share(value: Value<'_>, report: &mut Report<'_>) -> Option<Share> {
    let Located { value: share, at, key } = value.parsed(report)?;
    if share == Share::NONE {
        report.fault(at, key, "nothing would be compared; leave `shadow` out, or write how many requests, such as `1%`");
        return None;
    }
    Some(share)
}

fn most(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<NanoUsd>> {
    let most: Located<NanoUsd> = value.parsed(report)?;
    if most.value == NanoUsd::ZERO {
        report.fault(most.at, most.key, "nothing would ever be sent; write how much a day may cost, such as `$5`");
        return None;
    }
    Some(most)
}
