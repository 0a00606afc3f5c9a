//! The figures of a replay for people.

use std::io::{self, Write};

use tradewind_policies::replay::{Estimate, Row, Traffic};

/// The figures that every plan ends with, one a line: name and value.
pub(super) fn lines(traffic: &Traffic) -> Vec<(&'static str, String)> {
    let of = |part: usize| format!("{part} of {}", traffic.decisions);
    let mut lines = vec![("replayed", format!("{} decisions, {:.0} s", of(traffic.replayed), traffic.span_s))];
    lines.push(("moves", traffic.share_moved.map_or_else(nothing, |share| percent(&share))));
    lines.push(("cost", traffic.cost_delta_usd_per_day.map_or_else(nothing, |cost| figure(&cost, "$", 2, " a day"))));
    let p95 = traffic.p95_ttft_delta_s.zip(traffic.p95_ttft_s);
    lines.push((
        "p95 first token",
        p95.map_or_else(nothing, |(delta, was)| format!("{}, was {was:.3} s", figure(&delta, "", 3, " s"))),
    ));
    lines.push(("unroutable", of(traffic.unroutable)));
    if traffic.now_served > 0 {
        lines.push(("served now", of(traffic.now_served)));
    }
    if traffic.unsupported > 0 {
        lines.push(("not known", of(traffic.unsupported)));
    }
    lines
}

/// Everything.
pub(super) fn write(traffic: &Traffic, out: &mut impl Write) -> io::Result<()> {
    for (name, value) in lines(traffic) {
        writeln!(out, "{name:<16}{value}")?;
    }
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

fn nothing() -> String {
    "not known".to_owned()
}

fn percent(share: &Estimate) -> String {
    let range = share.low.zip(share.high).map(|(low, high)| format!(" ({:.1}..{:.1})", 100.0 * low, 100.0 * high));
    format!("{:.1}% of requests{}", 100.0 * share.value, range.unwrap_or_default())
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
