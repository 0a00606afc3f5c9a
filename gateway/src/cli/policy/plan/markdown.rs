//! A plan for a pull request.

use std::io::{self, Write};

use tradewind_policies::plan::Weight;

use super::super::traffic;
use super::Report;
use super::ink::sign;
use super::text::{heading, of_backend, summary, tokens_of, whose};

/// Prints the plan.
pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let plan = &report.changes;
    writeln!(out, "### Policy plan: {}\n", summary(plan))?;
    writeln!(out, "`{}` → `{}`", report.against, report.new)?;
    for change in &plan.requests {
        let effects = change.effects().map(|effect| (effect.weight(), effect.to_string()));
        section(&heading(change), effects, out)?;
    }
    for change in &plan.backends {
        let lines = of_backend(change).into_iter().map(|line| (Weight::Other, line));
        section(&format!("backend {}", change.backend), lines, out)?;
    }
    for change in &plan.owners {
        section(&tokens_of(change), std::iter::once((Weight::Warning, whose(change))), out)?;
    }
    for change in &plan.limits {
        let lines = change.settings.iter().map(|setting| (Weight::Other, setting.to_string()));
        section(&format!("tenant {}", change.tenant), lines, out)?;
    }
    for (title, notes) in [("Without effect", &plan.without_effect), ("Not compared", &plan.not_compared)] {
        if !notes.is_empty() {
            writeln!(out, "\n{title}:\n")?;
            notes.iter().try_for_each(|note| writeln!(out, "- {note}"))?;
        }
    }
    match &report.traffic {
        None => writeln!(out, "\nNo log was given: what becomes of the traffic is not told.")?,
        Some(figures) => {
            writeln!(out, "\n| recorded traffic | |\n|---|---|")?;
            traffic::lines(figures).iter().try_for_each(|(name, value)| writeln!(out, "| {name} | {value} |"))?;
            figures.caveats.iter().try_for_each(|caveat| writeln!(out, "\n> {caveat}"))?;
        }
    }
    writeln!(out, "\nPlan `{}`", report.plan_hash)?;
    if plan.is_none() { Ok(()) } else { writeln!(out, "\n```console\n$ {}\n```", report.apply) }
}

/// Asterisks as they are. What stands between backticks is shown as it is written anyway.
fn escaped(title: &str) -> String {
    let parts = title.split('`').enumerate();
    parts
        .map(|(place, part)| if place % 2 == 0 { part.replace('*', "\\*") } else { part.to_owned() })
        .collect::<Vec<_>>()
        .join("`")
}

/// A list in the colours that code hosts give to differences.
fn section(title: &str, lines: impl Iterator<Item = (Weight, String)>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n**{}**\n\n```diff", escaped(title))?;
    for (weight, line) in lines {
        writeln!(out, "{} {line}", sign(weight))?;
    }
    writeln!(out, "```")
}
