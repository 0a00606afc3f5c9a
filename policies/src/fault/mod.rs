//! What is wrong with a policy: all of it, each with its place, so that an operator mends a file in one go.

use std::fmt;

mod lines;
mod outside;
mod report;
mod show;
mod snippet;
mod suggest;

pub use outside::{Outside, Reference};
pub(crate) use report::{At, Beside, Report};
pub use show::Paint;
pub(crate) use suggest::{accepted, did_you_mean, nearest};

use snippet::Snippet;

/// Everything that is wrong with the files of a policy, or with a scenario. There is at least one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyErrors(Vec<Fault>);

impl PolicyErrors {
    /// The faults, in the order of the files and of the places within each.
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for PolicyErrors {
    /// One block a fault, with the line in question, separated by blank lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n\n")?;
            }
            fmt::Display::fmt(fault, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it is; `None` if it is about no file in particular.
    pub place: Option<Place>,
    /// The path of the key, such as `backend.openai.base_url`; empty for the file as a whole.
    pub key: String,
    /// Whether a policy can be in force in spite of it.
    pub severity: Severity,
    /// What is wrong, what is accepted and what may have been meant, on one line.
    pub message: String,
    /// What else there is to know of it: other places that it has to do with, reasons.
    pub notes: Vec<Note>,
    /// The line, with carets below the place. Secrets are blanked out.
    snippet: Option<Snippet>,
}

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No policy with it is ever in force.
    Error,
    /// It does what it says, but likely not what was meant.
    Warning,
}

impl Severity {
    /// Its word, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What a fault has to do with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Another place, if it is about one.
    pub place: Option<Place>,
    /// What there is to know, on one line.
    pub message: String,
    /// The line of that place, marked as that of the fault is.
    snippet: Option<Snippet>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The name of the file, as the caller gave it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
