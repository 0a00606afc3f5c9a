//! Collects faults while files are read, and places them at the end.

use std::ops::Range;

use super::{Fault, Place, PolicyErrors, snippet};
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

/// Collects faults while files are read.
pub(crate) struct Report<'s> {
    files: &'s [SourceFile],
    /// Where the lines of each file begin.
    lines: Vec<Vec<usize>>,
    found: Vec<(At, String, String)>,
    /// Places that no snippet may show, because a secret may be written there.
    concealed: Vec<At>,
}

impl<'s> Report<'s> {
    pub(crate) fn new(files: &'s [SourceFile]) -> Self {
        let lines = files.iter().map(|file| line_starts(&file.text)).collect();
        Self { files, lines, found: Vec::new(), concealed: Vec::new() }
    }

    /// Notes a fault of the key at `at`.
    pub(crate) fn fault(&mut self, at: At, key: impl Into<String>, message: impl Into<String>) {
        self.found.push((at, key.into(), message.into()));
    }

    /// Keeps what is written there out of all snippets.
    pub(crate) fn conceal(&mut self, at: At) {
        self.concealed.push(at);
    }

    /// The place, as people look it up; none if there is no such file.
    pub(crate) fn place(&self, at: At) -> Option<Place> {
        let SourceFile { name, text } = self.files.get(at.file)?;
        let starts = self.lines.get(at.file)?;
        let line = starts.partition_point(|start| *start <= at.start);
        let line_start = starts.get(line.checked_sub(1)?)?;
        let before = text.get(*line_start..at.start).unwrap_or("");
        Some(Place { file: name.clone(), line, column: before.chars().count() + 1 })
    }

    /// ` at file:line:column`, to be put into another fault's message.
    pub(crate) fn mention(&self, at: At) -> String {
        self.place(at).map(|place| format!(" at {place}")).unwrap_or_default()
    }

    /// `value` if nothing was found, else what was found.
    pub(crate) fn into_result<T>(self, value: T) -> Result<T, PolicyErrors> {
        if self.found.is_empty() { Ok(value) } else { Err(self.into_errors()) }
    }

    /// What was found, which has to be something.
    pub(crate) fn into_errors(mut self) -> PolicyErrors {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|(at, ..)| *at);
        let fault = |(at, key, message)| Fault { place: self.place(at), key, message, snippet: self.snippet(at) };
        PolicyErrors(found.into_iter().map(fault).collect())
    }

    /// The line at `at` with carets below; none for an empty place.
    fn snippet(&self, at: At) -> Option<String> {
        if at.start == at.end {
            return None;
        }
        let text = &self.files.get(at.file)?.text;
        let concealed = self.concealed.iter().filter(|hidden| hidden.file == at.file);
        let concealed: Vec<_> = concealed.map(|hidden| hidden.start..hidden.end).collect();
        Some(snippet::draw(text, at.start..at.end, self.place(at)?.line, &concealed))
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect()
}
