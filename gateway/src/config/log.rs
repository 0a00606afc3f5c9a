//! How lines are logged, and which: the values of `[log]`.

use std::str::FromStr;

use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For reading.
    Human,
    /// One JSON object a line, for collecting.
    Json,
}

/// A filter in the syntax of `RUST_LOG`, known to parse: `info`, or `info,tradewind::route=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

/// Not a filter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{typed:?} is not a log filter ({cause}); write a level or levels by module, for example info or info,tradewind=debug")]
pub struct InvalidLogFilter {
    typed: String,
    cause: String,
}

impl LogFilter {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogFilter {
    type Err = InvalidLogFilter;

    fn from_str(typed: &str) -> Result<Self, InvalidLogFilter> {
        let invalid = |cause: String| InvalidLogFilter { typed: typed.to_owned(), cause };
        EnvFilter::builder().parse(typed).map_err(|error| invalid(error.to_string()))?;
        // The filter's own parser takes any bare word for a module's name, and so a misspelt level for a filter that
        // lets nothing of ours through.
        match typed.split(',').find(|part| is_misspelt_level(part)) {
            Some(part) => Err(invalid(format!("{part:?} is not one of off, error, warn, info, debug, trace"))),
            None => Ok(Self(typed.to_owned())),
        }
    }
}

fn is_misspelt_level(part: &str) -> bool {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let bare = part.chars().all(|c| c.is_ascii_alphanumeric());
    bare && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_or_levels_by_module() {
        for typed in ["info", "WARN", "info,tradewind::route=debug,hyper=off"] {
            assert_eq!(typed.parse::<LogFilter>().unwrap().as_str(), typed);
        }
    }

    #[test]
    fn a_misspelt_level_is_refused_instead_of_silencing_the_log() {
        for typed in ["inof", "info,tradewind=loud", "warn,debugg"] {
            assert!(typed.parse::<LogFilter>().unwrap_err().to_string().contains(typed));
        }
    }
}
