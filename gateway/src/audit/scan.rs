//! Reading a segment line by line along the chain, up to its end or the first flaw.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::Serialize;

use super::chain::{self, Link};

/// No line of ours comes near this (a request's head is limited to 64 KiB); it bounds what a damaged file can make us read
/// into memory.
const MAX_LINE: u64 = 1 << 20;

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Flaw {
    /// The line is not what its hash was computed from.
    Edited,
    /// The line is genuine, but lines before it are gone.
    Removed {
        /// The number that should stand here.
        expected: u64,
        /// The number that does.
        found: u64,
    },
    /// The line is genuine, but belongs elsewhere: lines were exchanged, repeated or inserted.
    Reordered {
        /// The number that should stand here.
        expected: u64,
        /// The number that does.
        found: u64,
    },
    /// The line is consistent in itself but does not follow from the line before it: one of the two was replaced.
    Replaced,
    /// The file ends in the middle of a line.
    Torn,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited => f.write_str("edited: the line does not match its hash"),
            Self::Removed { expected, found } if *found == expected + 1 => {
                write!(f, "removed: record {expected} is missing before this line")
            }
            Self::Removed { expected, found } => {
                write!(f, "removed: records {expected} to {} are missing before this line", found - 1)
            }
            Self::Reordered { expected, found } => {
                write!(f, "reordered: record {found} stands where record {expected} belongs")
            }
            Self::Replaced => f.write_str("replaced: the line does not follow from the one before it"),
            Self::Torn => f.write_str("torn: the file ends in the middle of a line"),
        }
    }
}

/// What to expect of a segment's first line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// It follows this line.
    After(Link),
    /// It follows what it says it follows: the lines before it are not looked at.
    AsClaimed,
}

/// How far a segment holds.
#[derive(Debug)]
pub(super) struct Scan {
    /// The place of the last good line; where there is none, of the line before the segment.
    pub(super) end: Option<Link>,
    /// Good lines.
    pub(super) lines: u64,
    /// Bytes of the good lines.
    pub(super) good_bytes: u64,
    /// Where the last good line begins.
    pub(super) last_line_at: u64,
    /// The first line that is not good; it is line `lines + 1`.
    pub(super) flaw: Option<Flaw>,
    /// The link of the record with the number that was asked for, where it was passed.
    pub(super) wanted: Option<Link>,
}

/// Reads the segment at `path`, noting the record numbered `wanted` on the way.
///
/// # Errors
/// Where the file cannot be read.
pub(super) fn scan(path: &Path, start: Start, wanted: Option<u64>) -> io::Result<Scan> {
    let mut reader = BufReader::with_capacity(256 << 10, File::open(path)?);
    let mut line = Vec::new();
    let end = match start {
        Start::After(link) => Some(link),
        Start::AsClaimed => None,
    };
    let mut scan = Scan { end, lines: 0, good_bytes: 0, last_line_at: 0, flaw: None, wanted: None };
    scan.wanted = end.filter(|link| Some(link.seq) == wanted);
    loop {
        line.clear();
        let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(scan);
        }
        match follow(&line, read, scan.end) {
            Ok(link) => {
                scan.end = Some(link);
                scan.lines += 1;
                scan.last_line_at = scan.good_bytes;
                scan.good_bytes += line.len() as u64;
                if Some(link.seq) == wanted {
                    scan.wanted = Some(link);
                }
            }
            Err(Flaw::Removed { expected, found }) if comes_later(&mut reader, expected)? => {
                scan.flaw = Some(Flaw::Reordered { expected, found });
                return Ok(scan);
            }
            Err(flaw) => {
                scan.flaw = Some(flaw);
                return Ok(scan);
            }
        }
    }
}

/// Whether the rest of the file has the record of that number: then it was moved, not removed.
fn comes_later(reader: &mut impl BufRead, seq: u64) -> io::Result<bool> {
    let mut line = Vec::new();
    while reader.take(MAX_LINE).read_until(b'\n', &mut line)? > 0 {
        let opened = line.strip_suffix(b"\n").and_then(chain::open);
        if opened.is_some_and(|opened| opened.link.seq == seq) {
            return Ok(true);
        }
        line.clear();
    }
    Ok(false)
}

fn follow(line: &[u8], read: usize, before: Option<Link>) -> Result<Link, Flaw> {
    let Some(content) = line.strip_suffix(b"\n") else {
        return Err(if read as u64 == MAX_LINE { Flaw::Edited } else { Flaw::Torn });
    };
    let opened = chain::open(content).ok_or(Flaw::Edited)?;
    let Some(before) = before else {
        return Ok(opened.link);
    };
    let (expected, found) = (before.seq.saturating_add(1), opened.link.seq);
    if found > expected {
        Err(Flaw::Removed { expected, found })
    } else if found < expected {
        Err(Flaw::Reordered { expected, found })
    } else if opened.prev != before.hash {
        Err(Flaw::Replaced)
    } else {
        Ok(opened.link)
    }
}
