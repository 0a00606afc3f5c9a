//! A decision as one line of a log.

use serde::Deserialize;

use super::{Decision, VERSION};

/// A line that is no decision.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLine {
    /// It is not JSON, or was cut off.
    #[error("it is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// It is JSON, but not a decision.
    #[error("it is not a decision: {0}")]
    NotDecision(serde_json::Error),
    /// A later gateway wrote it.
    #[error("it is of version {found}; known are those up to {VERSION}")]
    Version {
        /// The version that it has.
        found: u32,
    },
}

/// What every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Decision {
    /// Reads one line of a log, with or without the line break at its end.
    ///
    /// # Errors
    ///
    /// Why the line is no decision.
    pub fn from_line(line: &[u8]) -> Result<Self, InvalidLine> {
        let invalid = |error: serde_json::Error| {
            if error.is_data() { InvalidLine::NotDecision(error) } else { InvalidLine::NotJson(error) }
        };
        let Versioned { version: found } = serde_json::from_slice(line).map_err(invalid)?;
        if found > VERSION {
            return Err(InvalidLine::Version { found });
        }
        serde_json::from_slice(line).map_err(invalid)
    }

    /// Appends this as a line, with its line break.
    ///
    /// # Errors
    ///
    /// It cannot be written as JSON, which would be a bug.
    pub fn write_line(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(&mut *out, self)?;
        out.push(b'\n');
        Ok(())
    }
}
