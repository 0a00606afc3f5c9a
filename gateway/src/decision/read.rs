//! Reads the log, line by line. What cannot be read is told and skipped.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    time::Duration,
};

use tradewind_policies::decision::{Decision, InvalidLine, Moment};

use super::files::{Segment, segments};

/// A request takes no longer than this: what a file begins after that cannot be older.
const LONGEST: Duration = Duration::from_hours(24);

/// From when to when requests are meant, by the arrival of their heads; the end is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// From here, if it has a beginning.
    pub since: Option<Moment>,
    /// To here, if it has an end.
    pub until: Option<Moment>,
}

impl Period {
    /// Whether a moment is in it.
    #[must_use]
    pub fn contains(&self, moment: Moment) -> bool {
        self.since.is_none_or(|since| moment >= since) && self.until.is_none_or(|until| moment < until)
    }

    /// Whether a file may have records of it: each is written when its request ends.
    fn may_be_in(&self, segment: &Segment, next: Option<&Segment>) -> bool {
        let is_too_old = self.since.zip(next).is_some_and(|(since, next)| next.begun < since);
        let is_too_new = self.until.is_some_and(|until| segment.begun.since(until) > LONGEST);
        !is_too_old && !is_too_new
    }
}

/// The files that may have records of a period, the oldest first.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn files_of(dir: &Path, period: &Period) -> io::Result<Vec<PathBuf>> {
    let segments = segments(dir)?;
    let with_next = segments.iter().enumerate().map(|(place, segment)| (segment, segments.get(place + 1)));
    Ok(with_next.filter(|(segment, next)| period.may_be_in(segment, *next)).map(|(segment, _)| segment.path.clone()).collect())
}

/// A line that is no decision.
#[derive(Debug)]
pub struct BadLine {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file ends within it.
    #[error("the line was cut off: the gateway ended, or is writing it now")]
    Torn,
    /// It is something else.
    #[error(transparent)]
    Invalid(#[from] InvalidLine),
    /// The rest of the file cannot be read.
    #[error("the file cannot be read from here: {0}")]
    Unreadable(#[from] io::Error),
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.problem)
    }
}

/// The decisions of a period, in the order in which their requests ended.
#[derive(Debug)]
pub struct Reader {
    files: std::vec::IntoIter<PathBuf>,
    period: Period,
    open: Option<Open>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    lines: BufReader<File>,
    line: usize,
}

impl Open {
    fn bad(&self, problem: impl Into<Problem>) -> BadLine {
        BadLine { file: self.path.clone(), line: self.line, problem: problem.into() }
    }
}

impl Reader {
    /// Of the log in `dir`.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(dir: &Path, period: Period) -> io::Result<Self> {
        Ok(Self { files: files_of(dir, &period)?.into_iter(), period, open: None, buffer: Vec::new() })
    }

    /// Of one file, whatever its name.
    #[must_use]
    pub fn of_file(file: PathBuf, period: Period) -> Self {
        Self { files: vec![file].into_iter(), period, open: None, buffer: Vec::new() }
    }

    /// The next line of the current file; none at its end.
    fn line(&mut self) -> Option<Result<Decision, BadLine>> {
        let open = self.open.as_mut()?;
        open.line += 1;
        self.buffer.clear();
        match open.lines.read_until(b'\n', &mut self.buffer) {
            Ok(0) => {
                self.open = None;
                None
            }
            Ok(_) if self.buffer.last() != Some(&b'\n') => Some(Err(open.bad(Problem::Torn))),
            Ok(_) => Some(Decision::from_line(&self.buffer).map_err(|invalid| open.bad(invalid))),
            Err(error) => {
                let bad = open.bad(error);
                self.open = None;
                Some(Err(bad))
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Decision, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.line() {
                Some(Ok(decision)) if !self.period.contains(decision.at) => {}
                Some(read) => return Some(read),
                None => {
                    let path = self.files.next()?;
                    match File::open(&path) {
                        Ok(file) => self.open = Some(Open { path, lines: BufReader::new(file), line: 0 }),
                        Err(error) => return Some(Err(BadLine { file: path, line: 1, problem: error.into() })),
                    }
                }
            }
        }
    }
}
