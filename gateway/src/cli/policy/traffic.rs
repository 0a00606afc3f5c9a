//! The figures of a replay for people.

use std::borrow::Cow;
use std::io::{self, Write};

use tradewind_policies::replay::{CopiedRoute, CopiedTo, Copies, Estimate, Row, Traffic};

/// The figures that every plan ends with, one a line: name and value.
pub(super) fn lines(traffic: &Traffic) -> Vec<(Cow<'static, str>, String)> {
    let of = |part: usize| format!("{part} of {}", traffic.decisions);
    let mut lines = Vec::new();
    let mut line = |name: &'static str, value: String| lines.push((Cow::Borrowed(name), value));
    line("replayed", format!("{} decisions, {:.0} s", of(traffic.replayed), traffic.span_s));
    line("moves", traffic.share_moved.map_or_else(nothing, |share| percent(&share, traffic)));
    line("cost", traffic.cost_delta_usd_per_day.map_or_else(nothing, |cost| figure(&cost, "$", 2, " a day")));
    if let Some(copies) = &traffic.copies {
        line("copies", in_all(copies));
        lines.extend(copies.by_route.iter().map(|route| (Cow::Owned(format!("copies of {}", route.route)), copied(route))));
    }
    let mut line = |name: &'static str, value: String| lines.push((Cow::Borrowed(name), value));
    let p95 = traffic.p95_ttft_delta_s.zip(traffic.p95_ttft_s);
    line("p95 first token", p95.map_or_else(nothing, |(delta, was)| format!("{}, was {was:.3} s", figure(&delta, "", 3, " s"))));
    line("unroutable", of(traffic.unroutable));
    if traffic.now_served > 0 {
        line("served now", of(traffic.now_served));
    }
    if traffic.unsupported > 0 {
        line("unsupported", of(traffic.unsupported));
    }
    lines
}

/// Everything.
pub(super) fn write(traffic: &Traffic, out: &mut impl Write) -> io::Result<()> {
    write_lines(traffic, "", out)?;
    if let Some(weighted) = &traffic.weighted {
        let effective =
            format!("{:.0} effective requests, {:.0}% covered", weighted.effective_requests, 100.0 * weighted.covered);
        let cost =
            weighted.usd_per_1k_requests.map_or_else(nothing, |cost| plain(&cost, "$", 4, " per 1000 requests at old prices"));
        let p95 = weighted.p95_ttft_s.map_or_else(nothing, |p95| plain(&p95, "", 3, " s"));
        writeln!(out, "by weighing     {effective}: {cost}, p95 first token {p95}")?;
    }
    for unroutable in &traffic.unroutable_requests {
        writeln!(out, "  {} x {} for {}: {}", unroutable.requests, unroutable.asked, unroutable.tenant, unroutable.reason)?;
    }
    for (title, rows) in [("route", &traffic.by_route), ("tenant", &traffic.by_tenant), ("backend", &traffic.by_backend)] {
        table(title, rows, out)?;
    }
    caveats(traffic, out)
}

/// These lines, below each other, after `margin`.
pub(super) fn write_lines(traffic: &Traffic, margin: &str, out: &mut impl Write) -> io::Result<()> {
    let lines = lines(traffic);
    let width = lines.iter().map(|(name, _)| name.chars().count() + 1).max().unwrap_or_default().max(16);
    lines.iter().try_for_each(|(name, value)| writeln!(out, "{margin}{name:<width$}{value}"))
}

/// What the figures do not say.
pub(super) fn caveats(traffic: &Traffic, out: &mut impl Write) -> io::Result<()> {
    traffic.caveats.iter().try_for_each(|caveat| writeln!(out, "note: {caveat}"))
}

fn table(title: &str, rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title:<24}{:>10}{:>10}{:>9}{:>12}", "requests", "after", "moves", "$/day")?;
    for Row { name, requests, requests_after, share_moved, cost_delta_usd_per_day } in rows {
        let cost = cost_delta_usd_per_day.map_or_else(|| "-".to_owned(), |cost| format!("{cost:+.2}"));
        writeln!(out, "{name:<24}{requests:>10}{requests_after:>10.0}{:>8.1}%{cost:>12}", 100.0 * share_moved)?;
    }
    Ok(())
}

/// What the copies of all routes cost.
fn in_all(copies: &Copies) -> String {
    let before = copies.usd_per_day_before.map(|before| format!("was ${:.2}", before.value));
    let before = before.unwrap_or_else(|| "what it was is not known".to_owned());
    format!("{}, {before}", plain(&copies.usd_per_day_after, "$", 2, " a day"))
}

/// Where the copies of one route go, and what they cost.
fn copied(route: &CopiedRoute) -> String {
    match (&route.after, &route.before) {
        (Some(after), Some(before)) if after == before => format!("{}, as before", copied_to(after)),
        (Some(after), Some(before)) => format!("{}; was {}", copied_to(after), copied_to(before)),
        (Some(after), None) => copied_to(after),
        (None, before) => format!("none any more; was {}", before.as_ref().map_or_else(nothing, copied_to)),
    }
}

fn copied_to(to: &CopiedTo) -> String {
    let CopiedTo { backend, share, copies_per_day, uncapped_usd_per_day, usd_per_day, is_capped, .. } = to;
    let copies = format!("{}% to {backend}, {copies_per_day:.0} a day", 100.0 * share);
    match is_capped {
        true => format!("{copies} would cost ${uncapped_usd_per_day:.2}, and max_cost_per_day ends them at ${usd_per_day:.2}"),
        false => format!("{copies} for ${usd_per_day:.2}"),
    }
}

fn nothing() -> String {
    "not known".to_owned()
}

/// Of those that were decided again: what the log does not tell may move or not.
fn percent(share: &Estimate, traffic: &Traffic) -> String {
    let of = if traffic.unsupported > 0 { format!("the {} that were replayed", traffic.replayed) } else { "requests".to_owned() };
    let range = share.low.zip(share.high).map(|(low, high)| format!(" ({:.1}..{:.1})", 100.0 * low, 100.0 * high));
    format!("{:.1}% of {of}{}", 100.0 * share.value, range.unwrap_or_default())
}

/// A difference, with its sign.
fn figure(estimate: &Estimate, before: &str, decimals: usize, unit: &str) -> String {
    let signed = |value: f64| format!("{}{before}{:.decimals$}", if value < 0.0 { '-' } else { '+' }, value.abs());
    let range = estimate.low.zip(estimate.high).map(|(low, high)| format!(" ({}..{})", signed(low), signed(high)));
    format!("{}{unit}{}", signed(estimate.value), range.unwrap_or_default())
}

fn plain(estimate: &Estimate, before: &str, decimals: usize, unit: &str) -> String {
    let range = estimate.low.zip(estimate.high).map(|(low, high)| format!(" ({low:.decimals$}..{high:.decimals$})"));
    format!("{before}{:.decimals$}{unit}{}", estimate.value, range.unwrap_or_default())
}
