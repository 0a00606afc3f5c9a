//! What an operator sees of a policy before it is in force: every fault, its own tests, and what is likely a mistake.

use crate::calendar::Day;
use crate::fault::{Fault, Reference, Report};
use crate::policy::Policy;
use crate::read;
use crate::resolve;
use crate::source::{PolicyHash, SourceFile};

mod lint;
mod outcome;
mod places;
mod tests;

use places::Places;

/// What is found when a policy is looked at, and not put in force.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The policy; `None` if there is an error among the findings.
    pub policy: Option<Policy>,
    /// What is wrong with it and what is likely a mistake, in the order of the files and of the places within each.
    pub findings: Vec<Fault>,
    /// What it names outside of itself, in the same order.
    pub references: Vec<Reference>,
    /// How many tests it brings along. They have been run unless there were other errors.
    pub tests: usize,
}

impl Policy {
    /// Looks at a policy. Beyond what [`Policy::parse`] refuses, it finds what can be in force but is likely a mistake:
    /// backends that no route uses, models that lead nowhere, callers who are allowed what no route gives them, prices that are old `today`.
    pub fn check(files: &[SourceFile], today: Day) -> Checked {
        let mut report = Report::new(files);
        let (policy, whole) = read(files, &mut report);
        if !report.is_faulty() {
            lint::warn(&policy, &whole.places, &mut report);
            lint::warn_of_old_prices(&policy, &whole.places, today, &mut report);
        }
        let (policy, references) = ((!report.is_faulty()).then_some(policy), report.references());
        Checked { policy, findings: report.into_findings(), references, tests: whole.tests }
    }
}

/// What a policy no longer knows of its files.
pub(crate) struct Whole {
    places: Places,
    tests: usize,
}

/// Reads, resolves and compiles a policy, and runs its tests if there is no fault so far: a part of a policy would fail
/// them for nothing. The policy is of use only if nothing was found.
pub(crate) fn read(files: &[SourceFile], report: &mut Report<'_>) -> (Policy, Whole) {
    let mut draft = read::read(files, report);
    let places = Places::of(&draft);
    resolve::tests(&draft, report);
    let tests = std::mem::take(&mut draft.tests);
    let hash = PolicyHash::of_files(files);
    let policy = Policy::compile(resolve::resolve(draft, hash, report));
    if !report.is_faulty() {
        tests::run(&policy, &tests, report);
    }
    (policy, Whole { places, tests: tests.len() })
}
