//! Checking a whole log: every line of every segment, and the head.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::chain::Link;
use super::error::AuditError;
use super::head::{self, Found};
use super::journal;
use super::scan::{self, Flaw, Start};
use super::segment::{self, SegmentId};

/// What a whole log amounts to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Segments read.
    pub segments: usize,
    /// Good records, up to the first fault.
    pub records: u64,
    /// The hash of the last good record, in hex.
    pub hash: String,
    /// The first fault; `None` where the log is whole.
    pub fault: Option<Fault>,
}

/// The first thing that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file's name within the folder.
    pub file: String,
    /// The line, from 1; `None` where the fault is in no line.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Problem {
    /// A line is not the one that was written there.
    Line(Flaw),
    /// A segment, the head, or the end of the log is missing or wrong.
    Log {
        /// A stable word.
        kind: &'static str,
        /// A sentence.
        detail: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match &self.problem {
            Problem::Line(flaw) => write!(f, ": {flaw}"),
            Problem::Log { kind, detail } => write!(f, ": {kind}: {detail}"),
        }
    }
}

/// Reads the log in `dir` from its first line to its last.
///
/// A gateway may be writing it meanwhile: the head is read first, and the line being written is not held against it.
///
/// # Errors
/// Where a file cannot be read; a faulty log is no error but a [`Verdict`].
pub fn verify(dir: &Path) -> Result<Verdict, AuditError> {
    let found = head::read(dir).map_err(AuditError::io("read", &head::path(dir)))?;
    let segments = segment::list(dir).map_err(AuditError::io("list", dir))?;
    let mut walk = Walk { dir, head: None, reached: Link::GENESIS, head_link: None };
    let fault = match found {
        Found::Unreadable => Some(head_fault("edited", "the head is not as it was written".into())),
        Found::Absent => Some(head_fault("missing", "there is no head to tell how far the log reaches".into())),
        Found::Head(head) => {
            walk.head = Some(head);
            walk.head_link = Some(Link::GENESIS).filter(|link| link.seq == head.seq);
            None
        }
    };
    let fault = walk.segments(&segments)?.or(fault).or_else(|| walk.compare_head());
    Ok(Verdict { segments: segments.len(), records: walk.reached.seq, hash: walk.reached.hash.to_string(), fault })
}

struct Walk<'a> {
    dir: &'a Path,
    head: Option<Link>,
    reached: Link,
    /// What the log has at the head's number.
    head_link: Option<Link>,
}

impl Walk<'_> {
    fn segments(&mut self, segments: &[SegmentId]) -> Result<Option<Fault>, AuditError> {
        let mut expected = SegmentId::FIRST;
        for (index, &id) in segments.iter().enumerate() {
            if id != expected {
                let detail = "the segment is missing, with all of its records".into();
                return Ok(Some(log_fault(expected.to_string(), "removed", detail)));
            }
            expected = id.next();
            let path = id.path(self.dir);
            let wanted = self.head.map(|head| head.seq);
            let scan = scan::scan(&path, Start::After(self.reached), wanted).map_err(AuditError::io("read", &path))?;
            self.reached = scan.end.unwrap_or(self.reached);
            self.head_link = scan.wanted.or(self.head_link);
            let last = index + 1 == segments.len();
            if let Some(flaw) = scan.flaw
                && !(last && flaw == Flaw::Torn && self.being_written()?)
            {
                let problem = Problem::Line(flaw);
                return Ok(Some(Fault { file: id.to_string(), line: Some(scan.lines + 1), problem }));
            }
        }
        Ok(None)
    }

    fn being_written(&self) -> Result<bool, AuditError> {
        let path = journal::lock_path(self.dir);
        match File::open(&path).map(|file| file.try_lock_shared()) {
            Ok(Ok(())) => Ok(false),
            Ok(Err(std::fs::TryLockError::WouldBlock)) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Ok(Err(std::fs::TryLockError::Error(error))) | Err(error) => Err(AuditError::io("lock", &path)(error)),
        }
    }

    fn compare_head(&self) -> Option<Fault> {
        let head = self.head?;
        match self.head_link {
            Some(link) if link == head => None,
            Some(_) => Some(head_fault("replaced", format!("record {} is not the one that the head names", head.seq))),
            None => Some(head_fault(
                "truncated",
                format!("the head names record {}, the log ends at record {}", head.seq, self.reached.seq),
            )),
        }
    }
}

fn head_fault(kind: &'static str, detail: String) -> Fault {
    log_fault("head.json".into(), kind, detail)
}

fn log_fault(file: String, kind: &'static str, detail: String) -> Fault {
    Fault { file, line: None, problem: Problem::Log { kind, detail } }
}
