//! Reads how a backend is run and watched, whatever it speaks.

use http::uri::PathAndQuery;

use super::super::cursor::{Located, Value, shortened};
use super::super::draft::Upkeep;
use super::super::{cursor::Table, duration};
use super::kind::{Kind, PROVIDERS};
use crate::fault::Report;
use crate::name::FailureDomain;
use crate::spec::{Concurrency, Drained, Poll, Window};

/// How a backend is run and watched. Where nobody knows what it is, what depends on that is left alone.
pub(super) fn read(kind: Option<&Kind>, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Upkeep> {
    let failure_domain = table.optional("failure_domain", report, Value::parsed::<FailureDomain>);
    let drained = table.optional("drained", report, drained);
    let concurrency = table.optional("concurrency", report, concurrency);
    let pages = kind?.speaks.pages();
    let usual_concurrency = if pages.is_some() { Concurrency::Adaptive } else { Concurrency::Unlimited };
    let (usual_probe, usual_metrics) = pages.map_or((None, None), |pages| (Some(pages.probe), pages.metrics));
    let probe = poll("probe", usual_probe, NOT_PROBED, table, report);
    let metrics = poll("metrics", usual_metrics, &without_metrics(), table, report);
    Some(Upkeep {
        failure_domain: failure_domain?.map(|domain| domain.value),
        drained: drained?.unwrap_or_default(),
        concurrency: concurrency?.unwrap_or(usual_concurrency),
        probe: probe?,
        metrics: metrics?,
    })
}

/// `true`, `false` or a list of windows.
fn drained(value: Value<'_>, report: &mut Report<'_>) -> Option<Drained> {
    const ACCEPTED: &str = "`true`, `false`, or a list such as `[{ from = 2026-12-01T22:00:00Z, until = 2026-12-02T02:00:00Z }]`";
    if value.is_boolean() {
        return value.boolean(report).map(|drained| if drained { Drained::Always } else { Drained::Never });
    }
    if !value.is_list() {
        return value.mistyped(ACCEPTED, "", report);
    }
    let windows: Vec<_> = value.list(report)?.into_iter().map(|element| window(element, report)).collect();
    let windows: Vec<_> = windows.into_iter().collect::<Option<_>>()?;
    Some(if windows.is_empty() { Drained::Never } else { Drained::In(windows) })
}

fn window(value: Value<'_>, report: &mut Report<'_>) -> Option<Window> {
    let mut table = value.table(report)?;
    let from = table.required("from", report, Value::moment);
    let until = table.optional("until", report, Value::moment);
    table.finish(report);
    let (from, until) = (from?.value, until?);
    if let Some(until) = until.as_ref().filter(|until| until.value <= from) {
        report.fault(until.at, until.key.as_str(), "the window ends before it begins; accepted: a later moment than `from`");
        return None;
    }
    Some(Window { from, until: until.map(|until| until.value) })
}

/// Why a provider is not probed.
const NOT_PROBED: &str = "only servers of your own are probed: a cloud has no page for it, and what it answers to requests tells how it is; \
    remove `probe`, or name the server's own provider, such as `vllm`";

/// Why a provider is not asked for its load.
fn without_metrics() -> String {
    let telling = |kind: &&Kind| kind.speaks.pages().is_some_and(|pages| pages.metrics.is_some());
    let telling: Vec<_> = PROVIDERS.iter().filter(telling).map(|kind| format!("`{}`", kind.word)).collect();
    format!("this provider publishes no load; those that do: {}; remove `metrics`", telling.join(", "))
}

/// A number of requests, or a word.
fn concurrency(value: Value<'_>, report: &mut Report<'_>) -> Option<Concurrency> {
    const ACCEPTED: &str = "a number of requests, `adaptive` or `unlimited`";
    if value.is_integer() {
        let accept = |written: i64| u32::try_from(written).ok().and_then(Concurrency::at_most);
        let accepted = format!("1 to {}, `adaptive` or `unlimited`", Concurrency::MOST);
        return value.integer(&accepted, accept, report).map(|most| most.value);
    }
    if !value.is_string() {
        return value.mistyped(ACCEPTED, "", report);
    }
    let Located { value: written, at, key } = value.string(report)?;
    match written {
        "adaptive" => Some(Concurrency::Adaptive),
        "unlimited" => Some(Concurrency::Unlimited),
        _ => {
            report.fault(at, key, format!("`{}` is not a choice; accepted: {ACCEPTED}", shortened(written)));
            None
        }
    }
}

/// A page that is fetched again and again: `usual`, with what is written in its place. Where none is usual there is none to change, and
/// `why_not` says why.
fn poll(
    name: &'static str,
    usual: Option<Poll>,
    why_not: &str,
    table: &mut Table<'_>,
    report: &mut Report<'_>,
) -> Option<Option<Poll>> {
    let Some(value) = table.take(name) else {
        return Some(usual);
    };
    value.unless_false(report, |value, report| {
        let Some(usual) = usual else {
            report.fault(value.at, value.key.as_str(), why_not);
            return None;
        };
        let mut table = value.table(report)?;
        let path = table.optional("path", report, path);
        let every =
            table.optional("every", report, |value, report| duration::between(Poll::OFTENEST, Poll::RAREST, value, report));
        table.finish(report);
        Some(Poll { path: path?.unwrap_or(usual.path), every: every?.unwrap_or(usual.every) })
    })
}

/// A path from the root of a host. A query may hold a key, so it is not shown.
fn path(value: Value<'_>, report: &mut Report<'_>) -> Option<PathAndQuery> {
    const ACCEPTED: &str = "one from the root of the host without a query, such as `/health`";
    let Located { value: written, at, key } = value.string_such_as(ACCEPTED, report)?;
    let is_path = written.starts_with('/') && !written.contains(['?', '#']) && written.chars().all(|c| c.is_ascii_graphic());
    let path = written.parse().ok().filter(|_| is_path);
    if path.is_none() {
        if written.contains('?') {
            report.conceal(at);
        }
        report.fault(at, key, format!("this is no path; accepted: {ACCEPTED}"));
    }
    path
}
