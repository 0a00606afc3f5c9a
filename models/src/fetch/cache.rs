//! The folder of models: one folder a model, filled from the sources of its manifest in their order.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::lock::Lock;
use super::part::{Pinned, digest_of};
use super::progress::Progress;
use super::sources::Sources;
use super::verified::{Condition, Verified, read};
use super::{Attempt, FetchError, SourceError};
use crate::manifest::{File, FileName, Manifest, ModelId, Source};

/// A folder of model files.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    sources: Sources,
    accepted: Vec<String>,
}

/// A model's files, all present and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    folder: PathBuf,
    /// Files that are used where they lie.
    in_place: BTreeMap<FileName, PathBuf>,
}

/// Which files of a model are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// All.
    Cached,
    /// Some, or parts of some.
    Partly,
    /// None.
    Missing,
}

impl Presence {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Partly => "partly",
            Self::Missing => "missing",
        }
    }
}

fn is_part(entry: fs::DirEntry) -> bool {
    entry.path().extension().is_some_and(|extension| extension == "part")
}

impl ModelFiles {
    /// Where a file of the manifest lies.
    pub fn path(&self, name: &FileName) -> PathBuf {
        self.in_place.get(name).cloned().unwrap_or_else(|| self.folder.join(name.as_str()))
    }

    /// The folder that has all of them that are not used where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Cache {
    /// The cache in this folder, which is made when something is put there.
    pub fn open(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), sources: Sources::default(), accepted: Vec::new() }
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
        self.sources.hub = base_url.trim_end_matches('/').to_owned();
        self
    }

    /// Accepts these licences, by the name that manifests give them, though they are not open source.
    #[must_use]
    pub fn accepting(mut self, licences: impl IntoIterator<Item = String>) -> Self {
        self.accepted.extend(licences);
        self
    }

    #[cfg(test)]
    pub(super) fn set_surroundings(&mut self, surroundings: super::sources::Surroundings) {
        self.sources.surroundings = surroundings;
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Sees to it that all files of a model are here. Files that an earlier call verified, and that have not been
    /// touched since, are not read again. Other processes that want the same model wait.
    ///
    /// # Errors
    /// When the licence has to be accepted and is not, the folder cannot be used, or no source has a file; then the error says what each
    /// source answered.
    pub fn ensure(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<ModelFiles, FetchError> {
        self.check_licence(manifest)?;
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
        let mut in_place = BTreeMap::new();
        for source in &manifest.sources {
            if missing.is_empty() {
                break;
            }
            let outcome = self.try_source(source, &folder, &missing, &mut verified, progress);
            let (found, outcome) = outcome.map_or_else(|reason| (BTreeMap::new(), Err(reason)), |found| (found, Ok(())));
            in_place.extend(found);
            for file in std::mem::take(&mut missing) {
                if !in_place.contains_key(&file.name) && !verified.check(file).map_err(cache_fault)? {
                    missing.push(file);
                }
            }
            if let Err(reason) = outcome {
                progress.note(&format!("{source} gave no {}: {reason}", manifest.id));
                attempts.push(Attempt { from: source.to_string(), reason });
            }
        }
        if missing.is_empty() {
            Ok(ModelFiles { folder, in_place })
        } else {
            Err(FetchError::NoSource { model: manifest.id.clone(), attempts })
        }
    }

    /// Puts those missing files that the source has into the folder, or says where they are used in place.
    fn try_source(
        &self,
        source: &Source,
        folder: &Path,
        missing: &[&File],
        verified: &mut Verified,
        progress: &dyn Progress,
    ) -> Result<BTreeMap<FileName, PathBuf>, SourceError> {
        let offered = || missing.iter().filter_map(|file| Some((*file, source.path_of(&file.name)?)));
        if let Some(place) = self.sources.place(source)? {
            return offered().map(|(file, path)| take_in_place(file, &place, path, verified)).collect();
        }
        let pinned = offered().filter_map(|(file, path)| Some((Pinned::of(file)?, path)));
        self.sources.fetch(source, &pinned.collect::<Vec<_>>(), folder, progress)?;
        Ok(BTreeMap::new())
    }

    fn check_licence(&self, manifest: &Manifest) -> Result<(), FetchError> {
        match &manifest.terms {
            Some(terms) if !self.accepted.contains(&manifest.licence) => {
                Err(FetchError::Licence { model: manifest.id.clone(), licence: manifest.licence.clone(), terms: terms.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Which files of a model are here, as far as their size and time tell. Nothing is read, fetched or waited for.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn presence(&self, manifest: &Manifest) -> Result<Presence, FetchError> {
        let folder = self.root.join(manifest.id.as_str());
        let look = || -> io::Result<Presence> {
            let verified = Verified::load(&folder)?;
            let is_here = |file| Ok(verified.looks_right(file)? || in_place(manifest, file).is_some());
            let here = manifest.files.iter().map(is_here).collect::<io::Result<Vec<_>>>()?;
            let is_begun = || fs::read_dir(&folder).is_ok_and(|mut files| files.any(|file| file.is_ok_and(is_part)));
            Ok(match (here.iter().all(|here| *here), here.contains(&true)) {
                (true, _) => Presence::Cached,
                (false, some) if some || is_begun() => Presence::Partly,
                _ => Presence::Missing,
            })
        };
        look().map_err(|source| FetchError::Cache { path: folder.clone(), source })
    }

    /// Reads all files of a model and says of each whether it is right. Nothing is fetched and nothing removed.
    ///
    /// # Errors
    /// When the folder or a file cannot be read.
    pub fn verify<'m>(&self, manifest: &'m Manifest) -> Result<Vec<(&'m File, Condition)>, FetchError> {
        let folder = self.root.join(manifest.id.as_str());
        let look = |file: &'m File| -> io::Result<_> {
            let cached = folder.join(file.name.as_str());
            let path = if cached.exists() { cached } else { in_place(manifest, file).unwrap_or(cached) };
            Ok((file, read(file, &path)?))
        };
        manifest
            .files
            .iter()
            .map(look)
            .collect::<io::Result<Vec<_>>>()
            .map_err(|source| FetchError::Cache { path: folder.clone(), source })
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
}

/// Where a file lies in a folder of this machine; the folder may be the one file itself.
fn place_of(place: &Path, path: &str) -> PathBuf {
    if place.is_file() { place.to_owned() } else { place.join(path) }
}

fn take_in_place(file: &File, place: &Path, path: &str, verified: &mut Verified) -> Result<(FileName, PathBuf), SourceError> {
    let path = place_of(place, path);
    if verified.check_in_place(file, &path).map_err(SourceError::local(&path))? {
        return Ok((file.name.clone(), path));
    }
    let (expected, actual) = (file.sha256, digest_of(&path).map_err(SourceError::local(&path))?);
    let name = path.display().to_string();
    Err(SourceError::Digest { name, expected: expected.unwrap_or(actual), actual })
}

/// Where the file lies on this machine by a source of the manifest, as large as it should be.
fn in_place(manifest: &Manifest, file: &File) -> Option<PathBuf> {
    let paths = manifest.sources.iter().filter_map(|source| match source {
        Source::Local { path, .. } => Some(place_of(path, source.path_of(&file.name)?)),
        _ => None,
    });
    let is_so_large = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| file.size.is_none_or(|size| found.len() == size));
    paths.filter(|path| path.is_file()).find(is_so_large)
}
