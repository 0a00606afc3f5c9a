//! What the folder holds at start: nothing yet, a whole log, or one whose last write a crash cut short.
//!
//! A crash can only damage what was not yet durable, which is what lies behind the head. There the log is cut at the last
//! good line. Damage anywhere else is somebody's doing, and the log stays shut.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::chain::{Digest, Link};
use super::error::AuditError;
use super::head::{self, Found};
use super::record::Event;
use super::scan::{self, Scan, Start};
use super::segment::{self, SegmentId};

/// Where writing goes on.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) segment: SegmentId,
    /// The last line of the log.
    pub(super) link: Link,
    /// Bytes of the segment.
    pub(super) len: u64,
    /// Where the segment's last line begins.
    pub(super) last_line_at: u64,
    /// The note about what was cut off.
    pub(super) recovered: Option<Event>,
}

/// Examines the log in `dir`, which the caller has locked; `None` where there is none yet.
///
/// # Errors
/// Where the log is broken in a way that a crash does not explain, or cannot be read.
pub(super) fn tail(dir: &Path) -> Result<Option<Tail>, AuditError> {
    let last = segment::list(dir).map_err(AuditError::io("list", dir))?.pop();
    let head_path = head::path(dir);
    let head = match head::read(dir).map_err(AuditError::io("read", &head_path))? {
        Found::Head(link) => Some(link),
        Found::Absent => None,
        Found::Unreadable => return Err(head_error(dir, "the head is not as it was written".into())),
    };
    match (last, head) {
        (None, None | Some(Link::GENESIS)) => Ok(None),
        (None, Some(head)) => Err(head_error(dir, format!("the head names record {}, but there is no segment", head.seq))),
        (Some(segment), None) => {
            Err(head_error(dir, format!("{segment} is there, but the head that tells how far it reaches is missing")))
        }
        (Some(segment), Some(head)) => examine(dir, segment, head).map(Some),
    }
}

fn examine(dir: &Path, segment: SegmentId, head: Link) -> Result<Tail, AuditError> {
    // The head is made durable at each rotation, so the line that it names is in one of the last two segments.
    let before = match segment.previous() {
        None => Scanned { end: Link::GENESIS, at_head: (head.seq == 0).then_some(Link::GENESIS) },
        Some(previous) => {
            let path = previous.path(dir);
            let scan = scan(&path, Start::AsClaimed, head)?;
            let flawless = scan.flaw.map_or(Ok(()), |flaw| Err(broken(&path, &scan, flaw)));
            flawless?;
            let end = scan.end.ok_or_else(|| head_error(dir, format!("{previous} is empty")))?;
            Scanned { end, at_head: scan.wanted }
        }
    };
    let path = segment.path(dir);
    let scan = scan(&path, Start::After(before.end), head)?;
    let link = scan.end.unwrap_or(before.end);
    let recovered = match scan.flaw {
        None => None,
        Some(_) if link.seq >= head.seq => Some(cut(&path, segment, scan.good_bytes)?),
        Some(flaw) => return Err(broken(&path, &scan, flaw)),
    };
    match scan.wanted.or(before.at_head) {
        Some(found) if found == head => {}
        Some(_) => {
            return Err(head_error(dir, format!("record {} is not the one that the head names", head.seq)));
        }
        None => {
            let problem = format!("the head names record {}, the log ends at record {}", head.seq, link.seq);
            return Err(head_error(dir, problem));
        }
    }
    Ok(Tail { segment, link, len: scan.good_bytes, last_line_at: scan.last_line_at, recovered })
}

struct Scanned {
    end: Link,
    at_head: Option<Link>,
}

fn scan(path: &Path, start: Start, head: Link) -> Result<Scan, AuditError> {
    scan::scan(path, start, Some(head.seq)).map_err(AuditError::io("read", path))
}

fn cut(path: &Path, segment: SegmentId, keep: u64) -> Result<Event, AuditError> {
    let cut = AuditError::io("cut the unfinished write off", path);
    let shorten = || {
        let mut file: File = OpenOptions::new().read(true).write(true).open(path)?;
        file.seek(SeekFrom::Start(keep))?;
        let mut torn = Vec::new();
        file.read_to_end(&mut torn)?;
        file.set_len(keep)?;
        file.sync_all()?;
        Ok(torn)
    };
    let torn = shorten().map_err(cut)?;
    Ok(Event::Recovered { file: segment.to_string(), cut_bytes: torn.len() as u64, cut_sha256: Digest::of(&[&torn]).to_string() })
}

fn broken(path: &Path, scan: &Scan, flaw: scan::Flaw) -> AuditError {
    AuditError::Broken { file: path.to_path_buf(), line: scan.lines + 1, flaw }
}

fn head_error(dir: &Path, problem: String) -> AuditError {
    AuditError::Head { file: head::path(dir), problem }
}
