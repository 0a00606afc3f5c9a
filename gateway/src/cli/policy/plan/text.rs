//! A plan for people at a terminal.

use std::io::{self, Write};

use tradewind_policies::plan::{BackendChange, Change, OwnerChange, Plan, Setting, Tokens, Weight};

use super::super::traffic;
use super::Report;
use super::ink::{Ink, sign};

/// Prints the plan.
pub(super) fn write(report: &Report, ink: Ink, out: &mut impl Write) -> io::Result<()> {
    let plan = &report.changes;
    writeln!(out, "{} -> {}", report.against, report.new)?;
    for change in &plan.requests {
        writeln!(out, "\n{}", ink.bold(&heading(change)))?;
        for effect in change.effects() {
            let weight = effect.weight();
            writeln!(out, "  {}", ink.weigh(weight, &format!("{} {effect}", sign(weight))))?;
        }
    }
    for change in &plan.backends {
        writeln!(out, "\n{}", ink.bold(&format!("backend {}", change.backend)))?;
        for line in of_backend(change) {
            writeln!(out, "  {}", ink.weigh(Weight::Other, &format!("~ {line}")))?;
        }
    }
    for change in &plan.owners {
        writeln!(out, "\n{}", ink.bold(&tokens_of(change)))?;
        writeln!(out, "  {}", ink.weigh(Weight::Warning, &format!("! {}", whose(change))))?;
    }
    for change in &plan.limits {
        writeln!(out, "\n{}", ink.bold(&format!("tenant {}", change.tenant)))?;
        for setting in &change.settings {
            writeln!(out, "  {}", ink.weigh(Weight::Other, &format!("~ {setting}")))?;
        }
    }
    notes("without effect", &plan.without_effect, out)?;
    notes("not compared", &plan.not_compared, out)?;
    match &report.traffic {
        None => writeln!(out, "\nno log was given (--log): what becomes of the traffic is not told")?,
        Some(figures) => {
            writeln!(out, "\n{}", ink.bold("recorded traffic"))?;
            traffic::write_lines(figures, "  ", out)?;
            traffic::caveats(figures, out)?;
        }
    }
    writeln!(out, "\n{}", ink.bold(&summary(plan)))?;
    writeln!(out, "plan {}", report.plan_hash)?;
    if !plan.is_none() {
        writeln!(out, "apply it with: {}", report.apply)?;
    }
    Ok(())
}

/// Whose requests for what.
pub(super) fn heading(change: &Change) -> String {
    let tenants = match change.tenants.as_slice() {
        [] => "every tenant".to_owned(),
        tenants => tenants.join(", "),
    };
    let tokens = match change.tokens {
        // What tokens that name no models may do is told beside it, if that changes too.
        Tokens::All | Tokens::NamingModels => "",
        Tokens::NamingNone => ", with tokens that name no models",
    };
    let needs = match change.needs.as_slice() {
        [] => String::new(),
        needs => format!(", that need {}", needs.join(" or ")),
    };
    let but_not = match change.but_not.as_slice() {
        [] => String::new(),
        needs => format!(", but not those that need {}", needs.join(" or ")),
    };
    let with = match change.with.as_slice() {
        [] => String::new(),
        with => format!(", {}", with.join(", or ")),
    };
    let route = |routes: &(Option<String>, Option<String>)| match routes {
        (Some(from), Some(to)) if from != to => Some(format!("{from} -> {to}")),
        (Some(route), _) | (None, Some(route)) => Some(route.clone()),
        (None, None) => None,
    };
    let routes: Vec<String> = change.routes.iter().filter_map(route).collect();
    let route = match routes.as_slice() {
        [] => String::new(),
        [route] => format!(" (route {route})"),
        routes => format!(" (routes {})", routes.join(", ")),
    };
    format!("{} for {tenants}: {}{tokens}{with}{needs}{but_not}{route}", change.names.join(", "), change.operations.join(", "))
}

/// Which tokens.
pub(super) fn tokens_of(change: &OwnerChange) -> String {
    let words = |words: &[String], before: &str| match words {
        [] => String::new(),
        words => format!(" {before}{}", words.join(", or ")),
    };
    format!("tokens{}{}", words(&change.with, ""), words(&change.naming, "that name "))
}

/// Whose they were, and are.
pub(super) fn whose(change: &OwnerChange) -> String {
    format!("belong to {} now, and belonged to {}", change.to, change.from)
}

/// What changes about a backend.
pub(super) fn of_backend(change: &BackendChange) -> Vec<String> {
    let mut lines: Vec<String> = change.settings.iter().map(Setting::to_string).collect();
    lines.extend(change.parts.iter().map(|part| format!("another {part}")));
    if change.is_relearnt {
        lines.push("it may be another deployment: what was learnt of it is forgotten".to_owned());
    }
    if !change.is_used {
        lines.push("no route leads to it: nothing comes of this".to_owned());
    }
    lines
}

/// The plan in one line.
pub(super) fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        let found = if plan.is_none() { "no change" } else { "no change was found, and not everything could be compared" };
        return found.to_owned();
    }
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let mut parts = Vec::new();
    let counted = [
        (plan.requests.len(), "change for requests", "changes for requests"),
        (plan.backends.len(), "backend changed", "backends changed"),
        (plan.owners.len(), "change of whose tokens are whose", "changes of whose tokens are whose"),
        (plan.limits.len(), "tenant with other limits", "tenants with other limits"),
    ];
    parts.extend(
        counted
            .into_iter()
            .filter(|(number, ..)| *number > 0)
            .map(|(number, one, more)| format!("{number} {}", if number == 1 { one } else { more })),
    );
    let warnings = plan.warnings().count() + plan.owners.len();
    if warnings > 0 {
        parts.push(format!("{} to look at twice", count(warnings, "line")));
    }
    parts.join(", ")
}

fn notes(heading: &str, notes: &[String], out: &mut impl Write) -> io::Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{heading}:")?;
    notes.iter().try_for_each(|note| writeln!(out, "  {note}"))
}
