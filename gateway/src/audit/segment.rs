//! Segments: the files that hold the lines, and their names.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The number in a segment's name, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentId(u32);

impl SegmentId {
    pub(super) const FIRST: Self = Self(1);

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub(super) fn previous(self) -> Option<Self> {
        (self.0 > 1).then(|| Self(self.0 - 1))
    }

    pub(super) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.to_string())
    }

    fn from_name(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?;
        let id = Self(digits.parse().ok()?);
        // `audit-1.jsonl` and `audit-+00001.jsonl` are somebody else's files.
        (id.0 > 0 && id.to_string() == name).then_some(id)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "audit-{:06}.jsonl", self.0)
    }
}

/// The segments in `dir`, in order.
///
/// # Errors
/// Where the folder cannot be read.
pub(super) fn list(dir: &Path) -> io::Result<Vec<SegmentId>> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        if let Some(id) = entry?.file_name().to_str().and_then(SegmentId::from_name) {
            segments.push(id);
        }
    }
    segments.sort_unstable();
    Ok(segments)
}
