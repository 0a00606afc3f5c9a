//! What is wrong with the configuration, said so that the next start can succeed.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// Where a fault was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file as a whole, such as one that cannot be read.
    File(PathBuf),
    /// A spot in a file; line and column count from 1, columns in characters.
    Position {
        /// The file, as it was named.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// An environment variable.
    Variable(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Position { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::Variable(name) => write!(f, "${name}"),
        }
    }
}

/// One thing to mend. Displays as one line: place, then what is wrong and what is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {problem}")]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What is wrong and the remedy, beginning with the key where there is one.
    pub problem: String,
}

/// Everything wrong with a configuration, in the order of the file. Displays as one line a fault; the caller prints
/// it and ends with exit code 2.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ConfigErrors(pub Vec<Fault>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}
