//! Prints what was found in a policy: for people, and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};
use tradewind_policies::{Fault, Paint, Place, Policy, Severity};

use super::validate::Verdict;

/// One block a finding, and a line that sums up.
pub(super) fn print(verdict: &Verdict, paint: Paint, out: &mut impl Write) -> io::Result<()> {
    for finding in &verdict.findings {
        writeln!(out, "{}\n", finding.show(paint))?;
    }
    let path = verdict.path.display();
    let (errors, warnings) = (verdict.count(Severity::Error), verdict.count(Severity::Warning));
    let warned = if warnings == 0 { String::new() } else { format!(", {}", counted(warnings, "warning")) };
    match &verdict.policy {
        Some(policy) if errors == 0 => {
            writeln!(out, "{path} can be put in force: {}{}{warned}", contents(policy), tests(verdict.tests))?;
        }
        _ => writeln!(out, "{path} is faulty: {}{warned}", counted(errors, "error"))?,
    }
    match verdict.not_asked {
        0 => Ok(()),
        some => writeln!(
            out,
            "{} of a secret manager {} not looked for (--secrets all)",
            counted(some, "secret"),
            if some == 1 { "was" } else { "were" }
        ),
    }
}

/// One object with everything.
pub(super) fn print_json(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let (errors, warnings) = (verdict.count(Severity::Error), verdict.count(Severity::Warning));
    let object = json!({
        "path": verdict.path.display().to_string(),
        "hash": verdict.policy.as_ref().map(|policy| policy.hash().to_string()),
        "valid": errors == 0,
        "errors": errors,
        "warnings": warnings,
        "tests": verdict.tests,
        "secrets_not_looked_for": verdict.not_asked,
        "findings": verdict.findings.iter().map(finding).collect::<Vec<_>>(),
    });
    writeln!(out, "{object}")
}

fn finding(fault: &Fault) -> Value {
    let note = |note: &tradewind_policies::Note| placed(note.place.as_ref(), json!({ "message": note.message }));
    let notes: Vec<_> = fault.notes.iter().map(note).collect();
    let said = json!({ "severity": fault.severity.as_str(), "key": fault.key, "message": fault.message, "notes": notes });
    placed(fault.place.as_ref(), said)
}

/// The object with its place, `null` in place of each part that there is not.
fn placed(place: Option<&Place>, mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert("file".to_owned(), place.map(|place| place.file.as_str()).into());
        members.insert("line".to_owned(), place.map(|place| place.line).into());
        members.insert("column".to_owned(), place.map(|place| place.column).into());
    }
    object
}

fn contents(policy: &Policy) -> String {
    let (backends, routes, tenants) = (policy.backends().len(), policy.routes().count(), policy.tenants().count());
    format!("{}, {}, {}", counted(backends, "backend"), counted(routes, "route"), counted(tenants, "tenant"))
}

fn tests(tests: usize) -> String {
    match tests {
        0 => String::new(),
        1 => "; its 1 test holds".to_owned(),
        more => format!("; its {more} tests hold"),
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
