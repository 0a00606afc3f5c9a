//! One process at a time in a model's folder.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// An advisory lock on a folder. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until no other process has the folder.
    pub(super) fn acquire(folder: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(".lock"))?;
        file.lock()?;
        Ok(Self { _file: file })
    }
}
