//! The two operations that can fail on a good day, as a trait, so that tests can make a disk fill up.

use std::fs::File;
use std::io::{self, Write};

/// Writes to segments.
pub(super) trait Disk: Send + 'static {
    /// Appends all of `bytes`; after an error any part of them may be in the file.
    fn append(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was appended durable; after an error any part of it may be lost.
    fn sync(&mut self, file: &File) -> io::Result<()>;
}

/// The file system.
#[derive(Debug)]
pub(super) struct FileSystem;

impl Disk for FileSystem {
    fn append(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        // The data and the length that is needed to read it, but not the time of change: one flush fewer than `sync_all`.
        file.sync_data()
    }
}
