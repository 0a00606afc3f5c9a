//! Puts a policy in the place of another.
//!
//! Every file is written beside its place, made durable, and renamed into it, so that a reader finds the old file or the new one. Of several
//! files, all are written before the first is renamed, and a [`Change`] makes them one. A file that is a link stays one: what it leads to is
//! replaced.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    change::Change,
    read::{PolicyFile, PolicyFiles, Shape, is_policy},
};

/// What Kubernetes calls the link that it swaps to change a mounted `ConfigMap` or `Secret`.
const PROJECTED: &str = "..data";
/// Read by the gateway, which may be another user.
const USUAL_MODE: u32 = 0o644;

/// Why a policy was not put in place. Nothing was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Kubernetes writes these files.
    #[error(
        "{} is mounted by Kubernetes (a ConfigMap or a Secret) and cannot be written from here: change the object it comes from, with the \
         files that `tradewind policy show HASH --to DIR` writes: \
         `kubectl create configmap NAME --from-file=DIR --dry-run=client -o yaml | kubectl replace -f -`",
        .0.display()
    )]
    Projected(PathBuf),
    /// The file system does not let it be written.
    #[error(
        "{} is not writable ({reason}): run this as a user who may write there, or change it where it comes from, with the files that \
         `tradewind policy show HASH --to DIR` writes",
        path.display()
    )]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Something else went wrong.
    #[error("cannot write {}: {reason}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A file in place of a folder, or the reverse.
    #[error("{} is {}, and the new policy is {}: they have to be alike", path.display(), said(*.is), said(*.new))]
    Shape {
        /// The policy's place.
        path: PathBuf,
        /// What is there.
        is: Shape,
        /// What was to be put there.
        new: Shape,
    },
    /// Some files could not be put in their places after it was decided what they are.
    #[error("the new policy holds, but not all files of {} could be put in place; mend that, and do it again: {reason}", folder.display())]
    Unfinished {
        /// The folder.
        folder: PathBuf,
        /// What went wrong.
        reason: Box<Self>,
    },
    /// A folder that has something in it already.
    #[error("{} is not empty: name a folder that is, or one to be made", .0.display())]
    Occupied(PathBuf),
}

const fn said(shape: Shape) -> &'static str {
    match shape {
        Shape::File => "one file",
        Shape::Folder => "a folder of files",
    }
}

impl WriteError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |reason| match reason.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::NotWritable { path, reason },
            _ => Self::Io { path, reason },
        }
    }
}

/// Puts `new` where the policy at `path` is. Of a folder, policy files that `new` does not have are removed; what is no policy file stays.
///
/// # Errors
/// [`WriteError`].
pub fn write(path: &Path, new: &PolicyFiles) -> Result<(), WriteError> {
    let is = if fs::metadata(path).map_err(WriteError::at(path))?.is_dir() { Shape::Folder } else { Shape::File };
    if is != new.shape {
        return Err(WriteError::Shape { path: path.to_path_buf(), is, new: new.shape });
    }
    refuse_projected(path, is)?;
    let place = |file: &PolicyFile| match is {
        Shape::File => path.to_path_buf(),
        Shape::Folder => path.join(&file.name),
    };
    let staged: Vec<_> = new.files.iter().map(|file| Staged::new(&place(file), &file.text)).collect::<Result<_, _>>()?;
    match is {
        Shape::File => put(staged),
        Shape::Folder => {
            Change::begin(path, new)?;
            let done = put(staged).and_then(|()| remove_others(path, new)).and_then(|()| Change::end(path));
            done.map_err(|reason| WriteError::Unfinished { folder: path.to_path_buf(), reason: Box::new(reason) })
        }
    }
}

/// Whether the files at `path` are not yet all what the policy there is: the process that put them in place came to an end before that did.
#[must_use]
pub fn is_unfinished(path: &Path) -> bool {
    Change::is_under_way(path)
}

fn put(staged: Vec<Staged>) -> Result<(), WriteError> {
    staged.into_iter().try_for_each(Staged::put)
}

/// Writes the files into `folder`, which is made, or is empty.
///
/// # Errors
/// [`WriteError`].
pub fn copy_to(folder: &Path, files: &PolicyFiles) -> Result<(), WriteError> {
    fs::create_dir_all(folder).map_err(WriteError::at(folder))?;
    if fs::read_dir(folder).map_err(WriteError::at(folder))?.next().is_some() {
        return Err(WriteError::Occupied(folder.to_path_buf()));
    }
    for file in &files.files {
        Staged::new(&folder.join(&file.name), &file.text)?.put()?;
    }
    Ok(())
}

fn refuse_projected(path: &Path, shape: Shape) -> Result<(), WriteError> {
    let folder = match shape {
        Shape::Folder => path,
        Shape::File => parent(path),
    };
    let real = fs::canonicalize(path).map_err(WriteError::at(path))?;
    let leads_inside = real.components().any(|part| part.as_os_str().to_string_lossy().starts_with(".."));
    if leads_inside || fs::symlink_metadata(folder.join(PROJECTED)).is_ok() {
        return Err(WriteError::Projected(path.to_path_buf()));
    }
    Ok(())
}

fn remove_others(folder: &Path, new: &PolicyFiles) -> Result<(), WriteError> {
    for entry in fs::read_dir(folder).map_err(WriteError::at(folder))? {
        let entry = entry.map_err(WriteError::at(folder))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if is_policy(&name) && !entry.path().is_dir() && new.files.iter().all(|file| file.name != name) {
            fs::remove_file(entry.path()).map_err(WriteError::at(&entry.path()))?;
        }
    }
    sync(folder)
}

/// A file that is written and waits beside its place. Dropped, it is taken away.
#[derive(Debug)]
pub(super) struct Staged {
    waiting: PathBuf,
    place: PathBuf,
}

impl Staged {
    fn new(place: &Path, text: &str) -> Result<Self, WriteError> {
        Self::with_mode(place, text, USUAL_MODE)
    }

    /// The same, for a file that is to have this mode where there is none yet.
    pub(super) fn with_mode(place: &Path, text: &str, usual: u32) -> Result<Self, WriteError> {
        let place = match fs::canonicalize(place) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => place.to_path_buf(),
            Err(error) => return Err(WriteError::at(place)(error)),
        };
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let waiting = parent(&place).join(format!(".{name}.tradewind-{}", std::process::id()));
        let mode = fs::metadata(&place).map_or_else(|_| Permissions::from_mode(usual), |found| found.permissions());
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).open(&waiting).map_err(WriteError::at(&place))?;
        let staged = Self { waiting, place };
        let written = file.write_all(text.as_bytes()).and_then(|()| file.set_permissions(mode)).and_then(|()| file.sync_all());
        written.map_err(WriteError::at(&staged.place))?;
        Ok(staged)
    }

    pub(super) fn put(self) -> Result<(), WriteError> {
        fs::rename(&self.waiting, &self.place).map_err(WriteError::at(&self.place))?;
        sync(parent(&self.place))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        match fs::remove_file(&self.waiting) {
            // It has been put in its place.
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => {
                tracing::warn!(file = %self.waiting.display(), %error, "a file that is not needed any more cannot be removed")
            }
            Ok(()) => (),
        }
    }
}

/// Makes what was renamed or removed in it durable.
fn sync(folder: &Path) -> Result<(), WriteError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(WriteError::at(folder))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}
