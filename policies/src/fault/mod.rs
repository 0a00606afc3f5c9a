//! What is wrong with a policy: all of it, each with its place, so that an operator mends a file in one go.

use std::fmt;

mod report;
mod snippet;
mod suggest;

pub(crate) use report::{At, Report};
pub(crate) use suggest::{accepted, did_you_mean, nearest};

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
    /// What is wrong, what is accepted and what may have been meant, on one line.
    pub message: String,
    /// The line, with carets below the place. Secrets are blanked out.
    snippet: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.snippet {
            Some(snippet) => write!(f, "\n{snippet}"),
            None => Ok(()),
        }
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
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
