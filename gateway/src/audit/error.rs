//! Why the audit log could not be opened or written.

use std::io;
use std::path::{Path, PathBuf};

use super::scan::Flaw;

/// The audit log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file system said no.
    #[error("cannot {action} {}: {reason}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Another process holds the log.
    #[error("the audit log in {} is being written by another process: stop it, or use another folder", .0.display())]
    Locked(PathBuf),
    /// A line of the last segment is not as it was written, and no crash explains it.
    #[error(
        "{}:{line}: {flaw}; keep this folder as evidence and start with an empty one (`tradewind audit verify` checks it)",
        file.display()
    )]
    Broken {
        /// The segment.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        flaw: Flaw,
    },
    /// The head and the segments contradict each other.
    #[error("{}: {problem}; keep this folder as evidence and start with an empty one", file.display())]
    Head {
        /// The head file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The writer's thread could not be started, or ended early.
    #[error("the audit writer is not running: {0}")]
    Writer(String),
    /// What is queued cannot be written now.
    #[error("the audit log cannot be written: {0}")]
    Unwritable(String),
}

impl AuditError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::Io { action, path: path.to_path_buf(), reason }
    }
}
