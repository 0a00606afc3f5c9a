//! A file on its way: hashed while it is written, renamed into place when it is right.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use super::SourceError;
use super::progress::Meter;
use crate::manifest::{File, FileName, Sha256};

const BUFFER: usize = 256 * 1024;

/// A file of which is known what its bytes must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pinned<'a> {
    pub(super) name: &'a FileName,
    pub(super) sha256: Sha256,
    pub(super) size: u64,
}

impl<'a> Pinned<'a> {
    /// The file, if that is known of it.
    pub(super) fn of(file: &'a File) -> Option<Self> {
        Some(Self { name: &file.name, sha256: file.sha256?, size: file.size? })
    }
}

/// The unfinished `NAME.part` of a file. Dropped unfinished, it stays for the next try.
pub(super) struct Part<'a> {
    file: Pinned<'a>,
    folder: &'a Path,
    path: PathBuf,
    output: fs::File,
    hash: Context,
    length: u64,
}

impl<'a> Part<'a> {
    /// Continues the part that an interrupted download left, or begins one.
    pub(super) fn resume(file: Pinned<'a>, folder: &'a Path) -> Result<Self, SourceError> {
        let path = folder.join(format!("{}.part", file.name));
        let local = || SourceError::local(&path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(local())?;
        }
        let mut output = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(local())?;
        let mut hash = Context::new(&SHA256);
        let length = feed(&mut output, &mut hash).map_err(local())?;
        let mut part = Self { file, folder, path, output, hash, length };
        if part.length > file.size {
            part.restart()?;
        }
        Ok(part)
    }

    /// Begins again from nothing.
    pub(super) fn restart(&mut self) -> Result<(), SourceError> {
        self.output.set_len(0).map_err(SourceError::local(&self.path))?;
        io::Seek::rewind(&mut self.output).map_err(SourceError::local(&self.path))?;
        self.hash = Context::new(&SHA256);
        self.length = 0;
        Ok(())
    }

    /// The bytes that are here.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether as many bytes are here as the file should have.
    pub(super) fn is_complete(&self) -> bool {
        self.length == self.file.size
    }

    /// Appends all that the reader gives, and stops as soon as that is too much.
    pub(super) fn append(&mut self, mut input: impl Read, meter: &mut dyn Meter) -> Result<(), SourceError> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = match input.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(self.interrupted(source)),
            };
            self.push(buffer.get(..count).unwrap_or_default(), meter)?;
        }
    }

    /// Appends these bytes.
    pub(super) fn push(&mut self, bytes: &[u8], meter: &mut dyn Meter) -> Result<(), SourceError> {
        self.output.write_all(bytes).map_err(SourceError::local(&self.path))?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        meter.at(self.length);
        if self.length > self.file.size { self.reject_size() } else { Ok(()) }
    }

    /// Moves the file into place. A wrong one is removed, so that the next try begins afresh.
    pub(super) fn finish(self) -> Result<(), SourceError> {
        if self.length < self.file.size {
            return Err(self.interrupted(io::ErrorKind::UnexpectedEof.into()));
        }
        let actual = finish(self.hash);
        if actual != self.file.sha256 {
            fs::remove_file(&self.path).map_err(SourceError::local(&self.path))?;
            let (name, expected) = (self.file.name.to_string(), self.file.sha256);
            return Err(SourceError::Digest { name, expected, actual });
        }
        let place = self.folder.join(self.file.name.as_str());
        // Without this, a power cut could leave the right name on bytes that never reached the disk.
        self.output.sync_all().map_err(SourceError::local(&self.path))?;
        fs::rename(&self.path, &place).map_err(SourceError::local(&place))
    }

    fn reject_size(&mut self) -> Result<(), SourceError> {
        let (expected, actual) = (self.file.size, self.length);
        self.restart()?;
        Err(SourceError::Size { name: self.file.name.clone(), expected, actual })
    }

    fn interrupted(&self, source: io::Error) -> SourceError {
        SourceError::Interrupted { name: self.file.name.clone(), received: self.length, size: self.file.size, source }
    }
}

/// The digest of a whole file.
///
/// # Errors
/// When it cannot be read.
pub fn digest_of(path: &Path) -> io::Result<Sha256> {
    let mut hash = Context::new(&SHA256);
    feed(&mut fs::File::open(path)?, &mut hash)?;
    Ok(finish(hash))
}

/// Hashes what is left of a reader and returns its length.
fn feed(input: &mut impl Read, hash: &mut Context) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut length = 0;
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => return Ok(length),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(buffer.get(..count).unwrap_or_default());
        length += count as u64;
    }
}

fn finish(hash: Context) -> Sha256 {
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    Sha256::new(digest)
}
