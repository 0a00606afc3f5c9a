//! Collects faults while files are read, and places them at the end.

use std::ops::Range;

use super::lines::Lines;
use super::snippet::Snippet;
use super::{Fault, Note, Outside, Place, PolicyErrors, Reference, Severity, snippet};
use crate::source::SourceFile;

/// Where something was written: bytes `start..end` of file number `file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl At {
    pub(crate) fn new(file: usize, span: Range<usize>) -> Self {
        Self { file, start: span.start, end: span.end }
    }

    /// The beginning of a file, for what should be there and is not.
    pub(crate) fn top_of(file: usize) -> Self {
        Self::new(file, 0..0)
    }
}

/// What a fault has to do with, before it is placed.
pub(crate) struct Beside {
    at: Option<At>,
    message: String,
}

impl Beside {
    /// Another place, and what is there.
    pub(crate) fn place(at: At, message: impl Into<String>) -> Self {
        Self { at: Some(at), message: message.into() }
    }

    /// A reason.
    pub(crate) fn reason(message: impl Into<String>) -> Self {
        Self { at: None, message: message.into() }
    }
}

/// Collects faults while files are read.
pub(crate) struct Report<'s> {
    files: &'s [SourceFile],
    lines: Vec<Lines>,
    found: Vec<Found>,
    /// Places that no snippet may show, because a secret may be written there.
    concealed: Vec<At>,
    /// What is named outside of the files.
    references: Vec<(At, String, Outside)>,
}

/// A fault before it is placed.
struct Found {
    at: At,
    key: String,
    severity: Severity,
    message: String,
    beside: Vec<Beside>,
}

impl<'s> Report<'s> {
    pub(crate) fn new(files: &'s [SourceFile]) -> Self {
        let lines = files.iter().map(|file| Lines::of(&file.text)).collect();
        Self { files, lines, found: Vec::new(), concealed: Vec::new(), references: Vec::new() }
    }

    /// Notes a fault of the key at `at`.
    pub(crate) fn fault(&mut self, at: At, key: impl Into<String>, message: impl Into<String>) {
        self.fault_beside(at, key, message, Vec::new());
    }

    /// The same, with what it has to do with.
    pub(crate) fn fault_beside(&mut self, at: At, key: impl Into<String>, message: impl Into<String>, beside: Vec<Beside>) {
        self.found.push(Found { at, key: key.into(), severity: Severity::Error, message: message.into(), beside });
    }

    /// Notes what no policy is refused for.
    pub(crate) fn warn(&mut self, at: At, key: impl Into<String>, message: impl Into<String>, beside: Vec<Beside>) {
        self.found.push(Found { at, key: key.into(), severity: Severity::Warning, message: message.into(), beside });
    }

    /// Keeps what is written there out of all snippets.
    pub(crate) fn conceal(&mut self, at: At) {
        self.concealed.push(at);
    }

    /// Remembers what the key at `at` names outside of the files.
    pub(crate) fn refer(&mut self, at: At, key: String, to: Outside) {
        self.references.push((at, key, to));
    }

    /// Whether no policy can be in force.
    pub(crate) fn is_faulty(&self) -> bool {
        self.found.iter().any(|found| found.severity == Severity::Error)
    }

    /// The place, as people look it up; none if there is no such file.
    pub(crate) fn place(&self, at: At) -> Option<Place> {
        let (SourceFile { name, text }, lines) = (self.files.get(at.file)?, self.lines.get(at.file)?);
        let (line, line_start) = lines.at(at.start);
        let before = text.get(line_start..at.start).unwrap_or("");
        Some(Place { file: name.clone(), line, column: before.chars().count() + 1 })
    }

    /// ` at file:line:column`, to be put into another fault's message.
    pub(crate) fn mention(&self, at: At) -> String {
        self.place(at).map(|place| format!(" at {place}")).unwrap_or_default()
    }

    /// `value` if no fault was found, else the faults.
    pub(crate) fn into_result<T>(self, value: T) -> Result<T, PolicyErrors> {
        if self.is_faulty() { Err(self.into_errors()) } else { Ok(value) }
    }

    /// The faults that were found, which have to be some.
    pub(crate) fn into_errors(self) -> PolicyErrors {
        let faults = self.into_findings().into_iter();
        PolicyErrors(faults.filter(|fault| fault.severity == Severity::Error).collect())
    }

    /// All that was found, in the order of the files and of the places within each.
    pub(crate) fn into_findings(mut self) -> Vec<Fault> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|found| found.at);
        // What is wrong with a route for several models is found once for each.
        found.dedup_by(|one, other| one.at == other.at && one.key == other.key && one.message == other.message);
        found.into_iter().map(|found| self.placed(found)).collect()
    }

    /// What is named outside of the files, in the order of the places.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let mut references: Vec<_> = self.references.iter().collect();
        references.sort_by_key(|(at, ..)| *at);
        let blank = |at: At, key: &str| {
            self.placed(Found { at, key: key.into(), severity: Severity::Error, message: String::new(), beside: Vec::new() })
        };
        let reference = |(at, key, to): &(At, String, Outside)| Reference { to: to.clone(), blank: blank(*at, key) };
        references.into_iter().map(reference).collect()
    }

    fn placed(&self, found: Found) -> Fault {
        let Found { at, key, severity, message, beside } = found;
        let note = |Beside { at, message }: Beside| Note {
            place: at.and_then(|at| self.place(at)),
            message,
            snippet: at.and_then(|at| self.snippet(at)),
        };
        let notes = beside.into_iter().map(note).collect();
        Fault { place: self.place(at), key, severity, message, notes, snippet: self.snippet(at) }
    }

    /// The line at `at` with carets below; none for an empty place.
    fn snippet(&self, at: At) -> Option<Snippet> {
        if at.start == at.end {
            return None;
        }
        let text = &self.files.get(at.file)?.text;
        let concealed = self.concealed.iter().filter(|hidden| hidden.file == at.file);
        let concealed: Vec<_> = concealed.map(|hidden| hidden.start..hidden.end).collect();
        Some(snippet::draw(text, at.start..at.end, self.lines.get(at.file)?.at(at.start), &concealed))
    }
}
