//! Recorded decisions, as the commands that replay them read them: a file of JSON lines, or the folder of a gateway's log.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tradewind_policies::decision::{Decision, Moment};

use crate::decision::{BadLine, Period, Problem, Reader};

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// The folder cannot be read.
    #[error("cannot read the decision log {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("the decision log {} holds no decision; accepted: a file with a decision a line as JSON, or the folder of a gateway's log", .0.display())]
    Empty(PathBuf),
    /// A line is no decision.
    #[error("{0}")]
    Line(BadLine),
}

/// The decisions of a log, and how many lines were cut off: those are being written, or their gateway ended.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) decisions: Vec<Decision>,
    pub(super) torn: usize,
}

/// Reads the decisions of the last `since` before the latest one, or all of them.
pub(super) fn read(path: &Path, since: Option<Duration>) -> Result<Recorded, RecordedError> {
    let reader = match path.is_dir() {
        true => Reader::open(path, Period::default()),
        false => Ok(Reader::of_file(path.to_owned(), Period::default())),
    };
    let mut recorded = Recorded { decisions: Vec::new(), torn: 0 };
    for line in reader.map_err(|source| RecordedError::Unreadable { path: path.to_owned(), source })? {
        match line {
            Ok(decision) => recorded.decisions.push(decision),
            Err(BadLine { problem: Problem::Torn, .. }) => recorded.torn += 1,
            Err(bad) => return Err(RecordedError::Line(bad)),
        }
    }
    let latest = recorded.decisions.iter().map(|decision| decision.at).max();
    let Some(latest) = latest else { return Err(RecordedError::Empty(path.to_owned())) };
    if let Some(since) = since {
        recorded.decisions.retain(|decision| latest.since(decision.at) <= since);
    }
    Ok(recorded)
}

/// From when to when the decisions are.
pub(super) fn period(decisions: &[Decision]) -> Option<(Moment, Moment)> {
    let moments = || decisions.iter().map(|decision| decision.at);
    Some((moments().min()?, moments().max()?))
}
