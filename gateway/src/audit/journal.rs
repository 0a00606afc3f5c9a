//! The log as files: appends entries to the last segment, makes them durable, moves the head.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::chain::{self, Link};
use super::disk::Disk;
use super::error::AuditError;
use super::head::HeadFile;
use super::record::Entry;
use super::recover::{self, Tail};
use super::segment::SegmentId;

/// The file whose lock says that the log is being written.
pub(super) fn lock_path(dir: &Path) -> PathBuf {
    dir.join("lock")
}

/// The one writer's view of the log.
#[derive(Debug)]
pub(super) struct Journal<D> {
    dir: PathBuf,
    disk: D,
    /// Held, not used: the lock ends with the file.
    _lock: File,
    head: HeadFile,
    segment: SegmentId,
    /// The last segment; `None` after a failed write, until it was opened and checked anew.
    file: Option<File>,
    /// Durable bytes of the segment.
    len: u64,
    /// Where its last durable line begins.
    last_line_at: u64,
    /// The last durable line.
    link: Link,
    /// A segment of this size is followed by a new one.
    segment_bytes: u64,
    buffer: Vec<u8>,
}

impl<D: Disk> Journal<D> {
    /// Opens the log in `dir`, or begins one.
    ///
    /// # Errors
    /// Where another process writes it, where it is broken, or where the file system says no.
    pub(super) fn open(dir: &Path, segment_bytes: u64, disk: D) -> Result<Self, AuditError> {
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o700).create(dir).map_err(AuditError::io("create", dir))?;
        let lock = lock(dir)?;
        let tail = recover::tail(dir)?;
        let head = HeadFile::open(dir).map_err(AuditError::io("open the head in", dir))?;
        let begin = tail.is_none();
        let Tail { segment, link, len, last_line_at, recovered } =
            tail.unwrap_or(Tail { segment: SegmentId::FIRST, link: Link::GENESIS, len: 0, last_line_at: 0, recovered: None });
        let mut journal = Self {
            dir: dir.to_path_buf(),
            disk,
            _lock: lock,
            head,
            segment,
            file: None,
            len,
            last_line_at,
            link,
            segment_bytes,
            buffer: Vec::new(),
        };
        if begin {
            // The head first: a segment without a head is what a deleted head looks like.
            journal.mark().and_then(|()| journal.begin(SegmentId::FIRST)).map_err(AuditError::io("begin a log in", dir))?;
        }
        if let Some(event) = recovered {
            journal.append(&[Entry::now(event)]).map_err(AuditError::io("write to the log in", dir))?;
        }
        journal.mark().map_err(AuditError::io("write the head in", dir))?;
        Ok(journal)
    }

    /// Appends the entries and makes them durable, all of them or, after an error, none.
    ///
    /// # Errors
    /// Where the file system says no. The entries may then be tried again.
    pub(super) fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.reopen()?,
        };
        if self.len >= self.segment_bytes {
            self.begin(self.segment.next())?;
            file = self.file.take().map_or_else(|| self.reopen(), Ok)?;
        }
        let (mut link, mut last_line_at) = (self.link, 0);
        self.buffer.clear();
        for entry in entries {
            last_line_at = self.buffer.len() as u64;
            link = chain::seal(&mut self.buffer, entry, link)?;
        }
        // On an error the file is dropped here: its descriptor is not to be believed any more.
        self.disk.append(&mut file, &self.buffer)?;
        self.disk.sync(&file)?;
        self.file = Some(file);
        self.last_line_at = self.len + last_line_at;
        self.len += self.buffer.len() as u64;
        self.link = link;
        Ok(())
    }

    /// Moves the head to the last durable line.
    ///
    /// # Errors
    /// Where the file system says no.
    pub(super) fn mark(&mut self) -> io::Result<()> {
        self.head.write(self.link)
    }

    /// Makes the head durable as well: at the end.
    ///
    /// # Errors
    /// Where the file system says no.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.mark()?;
        self.head.sync()
    }

    /// Begins a segment, with the head durable before it.
    fn begin(&mut self, segment: SegmentId) -> io::Result<()> {
        self.finish()?;
        let mut options = OpenOptions::new();
        options.append(true).read(true).create(true).mode(0o600);
        let file = options.open(segment.path(&self.dir))?;
        if file.metadata()?.len() > 0 {
            return Err(io::Error::other(format!("{segment} is there already")));
        }
        File::open(&self.dir)?.sync_all()?;
        (self.segment, self.file, self.len, self.last_line_at) = (segment, Some(file), 0, 0);
        Ok(())
    }

    /// Opens the segment after a failed write: it must still end with the last durable line, and whatever follows that
    /// line is a part of the failed write and goes.
    fn reopen(&self) -> io::Result<File> {
        let path = self.segment.path(&self.dir);
        let file = OpenOptions::new().append(true).read(true).open(&path)?;
        if self.len > 0 {
            let size = usize::try_from(self.len - self.last_line_at).map_err(io::Error::other)?;
            let mut line = vec![0; size];
            file.read_exact_at(&mut line, self.last_line_at)?;
            let opened = line.strip_suffix(b"\n").and_then(chain::open);
            if opened.is_none_or(|opened| opened.link != self.link) {
                return Err(io::Error::other(format!("record {} is no longer where it was written", self.link.seq)));
            }
        }
        file.set_len(self.len)?;
        Ok(file)
    }
}

fn lock(dir: &Path) -> Result<File, AuditError> {
    let path = lock_path(dir);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(AuditError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AuditError::Locked(dir.to_path_buf())),
        Err(TryLockError::Error(error)) => Err(AuditError::io("lock", &path)(error)),
    }
}
