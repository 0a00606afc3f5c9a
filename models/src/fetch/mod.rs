//! Fetching a model's files once, and finding them again at the next start.
//!
//! Every file is downloaded beside its place, hashed while it streams, and renamed into place only when its digest is
//! the manifest's: what lies under a file's name is right, whatever was interrupted. An interrupted download is
//! continued where it stopped. Everything blocks; call it on a plain thread.

mod cache;
mod lock;
mod mlflow;
mod objects;
mod part;
mod progress;
mod sources;
mod verified;
mod web;
mod wheel;

use std::io;
use std::path::PathBuf;

pub use self::cache::{Cache, ModelFiles, Presence};
pub use self::part::digest_of;
pub use self::progress::{LogProgress, Meter, Progress, TerminalProgress, to_stderr};
pub use self::verified::Condition;
use crate::manifest::{FileName, ModelId, Sha256};

/// A model whose files could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Neither the user nor the environment says where the cache is.
    #[error("no folder for models: set TRADEWIND_MODELS, or HOME")]
    NoFolder,
    /// The cache itself is at fault.
    #[error("cannot use the model cache at {}: {source}", path.display())]
    Cache {
        /// What was touched.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The operator has not accepted the licence.
    #[error(
        "{model} is under {licence}, which is not an open-source licence: read {terms} and, if you accept it, say so with \
         accept_licences = [\"{licence}\"] in [local] of tradewind.toml, or --accept-licence {licence}"
    )]
    Licence {
        /// The model.
        model: ModelId,
        /// The licence's name.
        licence: String,
        /// Where to read it.
        terms: String,
    },
    /// Every source was tried.
    #[error("no source gave {model}: {}", list(attempts))]
    NoSource {
        /// The model.
        model: ModelId,
        /// What each source said, in the order of trial.
        attempts: Vec<Attempt>,
    },
}

/// A source that failed.
#[derive(Debug, thiserror::Error)]
#[error("{from}: {reason}")]
pub struct Attempt {
    /// Whom we asked.
    pub from: String,
    /// What went wrong.
    #[source]
    pub reason: SourceError,
}

/// Why a source did not give a file.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No connection, or one that broke.
    #[error("{url}: {source}")]
    Http {
        /// What was asked for.
        url: String,
        /// Why it failed.
        source: Box<ureq::Error>,
    },
    /// The answer was no file.
    #[error("{url}: the server answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status code.
        status: u16,
    },
    /// The connection broke within the file; what came is kept for the next try.
    #[error("{name} broke off after {received} of {size} bytes: {source}")]
    Interrupted {
        /// The file.
        name: FileName,
        /// The bytes that we have.
        received: u64,
        /// The bytes that it should have.
        size: u64,
        /// Why it broke.
        source: io::Error,
    },
    /// The source has other bytes under that name.
    #[error("{name} has sha256 {actual} instead of {expected}: the source has another version or was tampered with")]
    Digest {
        /// The file.
        name: String,
        /// What the manifest says.
        expected: Sha256,
        /// What came.
        actual: Sha256,
    },
    /// The source has more or fewer bytes under that name.
    #[error("{name} has {actual} bytes instead of {expected}: the source has another version")]
    Size {
        /// The file.
        name: FileName,
        /// What the manifest says.
        expected: u64,
        /// What came, at least.
        actual: u64,
    },
    /// A bucket's URL that is none.
    #[error("{0} is no bucket: write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX")]
    Bucket(String),
    /// An object of a bucket could not be had.
    #[error("{url}: {source}")]
    Object {
        /// Below which URL it is.
        url: String,
        /// Why it failed.
        source: Box<object_store::Error>,
    },
    /// A name that no registered model has.
    #[error("`{0}` is no registered model: write models:/NAME/VERSION, with a number, or models:/NAME@ALIAS")]
    Registered(String),
    /// Nobody says where the registry is.
    #[error(
        "no MLflow registry: set MLFLOW_TRACKING_URI, and MLFLOW_TRACKING_TOKEN, or ..._USERNAME and ..._PASSWORD, if it asks for that"
    )]
    NoTrackingServer,
    /// An answer of the registry that makes no sense.
    #[error("{url}: the answer cannot be read: {source}")]
    Answer {
        /// What was asked.
        url: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Artifacts at a place that cannot be read from.
    #[error(
        "the registry keeps the artifacts at {0}, which is none of mlflow-artifacts:, s3:, gs:, abfss:, wasbs:, https: or a folder"
    )]
    Artifacts(String),
    /// `pip` could not be run.
    #[error("cannot run `python3 -m pip`: {0}; install Python 3 with pip")]
    NoPip(#[source] io::Error),
    /// `pip` ran and failed.
    #[error("`pip download` failed: {0}")]
    Pip(String),
    /// The wheel is not what it should be.
    #[error("the wheel cannot be read: {0}")]
    Wheel(#[from] zip::result::ZipError),
    /// A local file could not be written or read.
    #[error("{}: {source}", path.display())]
    Local {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl SourceError {
    fn local(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Local { path, source }
    }
}

fn list(attempts: &[Attempt]) -> String {
    attempts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
