//! `head.json`: how far the log reaches, so that lines cut off its end are missed.
//!
//! The file has a fixed size below a disk sector's and is overwritten in place: a crash leaves the old or the new head,
//! never half of each. It is written after the lines are durable and need not be durable itself: an old head merely
//! promises less.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::chain::{Digest, Link};

const NAME: &str = "head.json";
/// Bytes of the file: enough for the largest numbers, half of the smallest sector.
const SIZE: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    seq: u64,
    hash: String,
}

fn render(link: Link) -> Vec<u8> {
    let mut text = format!(r#"{{"seq":{},"hash":"{}"}}"#, link.seq, link.hash);
    text.push_str(&" ".repeat(SIZE.saturating_sub(text.len() + 1)));
    text.push('\n');
    text.into_bytes()
}

fn parse(bytes: &[u8]) -> Option<Link> {
    let written: Written = serde_json::from_slice(bytes).ok()?;
    let link = Link { seq: written.seq, hash: Digest::from_hex(written.hash.as_bytes())? };
    (render(link) == bytes).then_some(link)
}

/// Where the head of the log in `dir` is.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// What the head file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is no head file, or a crash came between making it and writing it.
    Absent,
    /// The file is not as it was written.
    Unreadable,
    /// The place of the last durable line.
    Head(Link),
}

/// Reads the head of the log in `dir`.
///
/// # Errors
/// Where the file is there but cannot be read.
pub(super) fn read(dir: &Path) -> io::Result<Found> {
    match read_settled(&path(dir)) {
        Ok(bytes) if bytes.is_empty() => Ok(Found::Absent),
        Ok(bytes) => Ok(parse(&bytes).map_or(Found::Unreadable, Found::Head)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Absent),
        Err(error) => Err(error),
    }
}

/// A gateway may be overwriting the file, and a read is not atomic: believes what two reads agree on.
fn read_settled(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = std::fs::read(path)?;
    for _ in 0..100 {
        let again = std::fs::read(path)?;
        if again == bytes {
            break;
        }
        bytes = again;
    }
    Ok(bytes)
}

/// The open head file of the one writer.
#[derive(Debug)]
pub(super) struct HeadFile(File);

impl HeadFile {
    /// Opens the head of the log in `dir`, or makes the file.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        options.open(path(dir)).map(Self)
    }

    /// Moves the head.
    pub(super) fn write(&self, head: Link) -> io::Result<()> {
        self.0.write_all_at(&render(head), 0)
    }

    /// Makes the last head durable: at rotation and shutdown.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_head_fits_and_reads_back() {
        let head = Link { seq: u64::MAX, hash: Digest::of(&[b"x"]) };
        assert_eq!(render(head).len(), SIZE);
        assert_eq!(parse(&render(head)), Some(head));
    }

    #[test]
    fn a_head_with_any_changed_byte_is_unreadable_or_another_head() {
        let head = Link { seq: 41, hash: Digest::of(&[b"x"]) };
        let bytes = render(head);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_ne!(parse(&changed), Some(head), "byte {at}");
        }
    }
}
