//! The models that can be served: those compiled in, and those of the operator's own manifests.
//!
//! The operator's are the `.toml` files of one folder, in the format of `models/registry`. A model of the operator's does not replace one of
//! the same id, because it would depend on a file elsewhere which weights a policy means: two of one id are an error.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::manifest::{self, Manifest, ModelId, Task};

/// All models that there are manifests of.
#[derive(Debug, Clone)]
pub struct Registry {
    entries: Vec<Entry>,
}

/// A manifest, and where it is from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it says.
    pub manifest: Arc<Manifest>,
    /// Where it is from.
    pub origin: Origin,
}

/// Where a manifest is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This build.
    BuiltIn,
    /// A file of the operator's.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Registry {
    /// Those compiled in.
    pub fn built_in() -> Self {
        let entry = |manifest: &Manifest| Entry { manifest: Arc::new(manifest.clone()), origin: Origin::BuiltIn };
        Self { entries: manifest::registry().iter().map(entry).collect() }
    }

    /// Those, and the ones of the folder, in the order of the files' names. What is not named `*.toml`, or begins with a dot, is not read.
    /// Relative paths in a manifest start at the folder.
    ///
    /// # Errors
    /// All files that cannot be read or used.
    pub fn open(folder: &Path) -> Result<Self, RegistryErrors> {
        let mut registry = Self::built_in();
        let mut errors = Vec::new();
        let paths = manifests(folder).map_err(|source| RegistryErrors(vec![RegistryError::folder(folder, source)]))?;
        for path in paths {
            if let Err(error) = registry.add(&path) {
                errors.push(error);
            }
        }
        if errors.is_empty() { Ok(registry) } else { Err(RegistryErrors(errors)) }
    }

    /// The same; a folder that is not there has no manifests.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn open_if_there(folder: &Path) -> Result<Self, RegistryErrors> {
        if folder.is_dir() { Self::open(folder) } else { Ok(Self::built_in()) }
    }

    fn add(&mut self, path: &Path) -> Result<(), RegistryError> {
        let text = fs::read_to_string(path).map_err(|source| RegistryError::folder(path, source))?;
        let mut manifest =
            Manifest::parse(&text).map_err(|source| RegistryError::Faulty { path: path.to_owned(), source: Box::new(source) })?;
        manifest.start_paths_at(path.parent().unwrap_or(Path::new("")));
        let origin = Origin::File(path.to_owned());
        if let Some(first) = self.entry(manifest.id.as_str()) {
            return Err(RegistryError::Twice { id: manifest.id, first: first.origin.clone(), second: origin });
        }
        self.entries.push(Entry { manifest: Arc::new(manifest), origin });
        Ok(())
    }

    /// All of them.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The ids of all of them, for a message.
    pub fn ids(&self) -> String {
        self.entries.iter().map(|entry| entry.manifest.id.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The model of that id, and where it is from.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.manifest.id.as_str() == id)
    }

    /// The model of that id.
    pub fn find(&self, id: &str) -> Option<&Arc<Manifest>> {
        self.entry(id).map(|entry| &entry.manifest)
    }

    /// The chat model that is served when nobody chose one: the operator's, if a manifest of theirs says so.
    pub fn default_chat(&self) -> Option<&Arc<Manifest>> {
        self.default_of(|task| *task == Task::Chat)
    }

    /// The embedding model that is served when nobody chose one.
    pub fn default_embeddings(&self) -> Option<&Arc<Manifest>> {
        self.default_of(|task| matches!(task, Task::Embeddings { .. }))
    }

    fn default_of(&self, is_meant: impl Fn(&Task) -> bool) -> Option<&Arc<Manifest>> {
        let mut defaults = self.entries.iter().map(|entry| &entry.manifest).filter(|manifest| manifest.is_default);
        defaults.rfind(|manifest| is_meant(&manifest.task))
    }
}

fn manifests(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What it says makes no sense.
    #[error("{}: {source}", path.display())]
    Faulty {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// There is a model of that id already.
    #[error("the model {id} is there twice: {first} and {second}; give one of them another id")]
    Twice {
        /// The id.
        id: ModelId,
        /// One.
        first: Origin,
        /// The other.
        second: Origin,
    },
}

impl RegistryError {
    fn folder(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }
}

/// Everything that is wrong with a folder of manifests.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct RegistryErrors(pub Vec<RegistryError>);

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, id: &str, more: &str) {
        let sha256 = "0".repeat(64);
        let text = format!(
            r#"
            id = "{id}"
            task = {{ kind = "chat" }}
            licence = "MIT"
            context = 16
            {more}
            [[file]]
            name = "w.gguf"
            sha256 = "{sha256}"
            size = 3
            [[source]]
            kind = "hugging-face"
            repository = "a/b"
            revision = "c"
            paths = {{ "w.gguf" = "w.gguf" }}
            "#
        );
        fs::write(folder.join(name), text).unwrap();
    }

    #[test]
    fn the_operators_models_stand_beside_those_compiled_in_and_say_where_they_are_from() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "mine.toml", "mine", "default = true");
        write(folder.path(), ".hidden.toml", "hidden", "");
        fs::write(folder.path().join("notes.txt"), "no manifest").unwrap();
        let registry = Registry::open(folder.path()).unwrap();
        assert_eq!(registry.entries().len(), manifest::registry().len() + 1);
        assert_eq!(registry.entry("mine").unwrap().origin, Origin::File(folder.path().join("mine.toml")));
        assert_eq!(registry.entry("smollm2-135m-instruct").unwrap().origin, Origin::BuiltIn);
        assert_eq!(registry.default_chat().unwrap().id.as_str(), "mine");
        assert_eq!(registry.default_embeddings().unwrap().id.as_str(), "all-minilm-l6-v2");
    }

    #[test]
    fn two_of_one_id_are_an_error_that_names_both_and_all_errors_are_told() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.toml", "mine", "");
        write(folder.path(), "b.toml", "mine", "");
        write(folder.path(), "c.toml", "smollm2-135m-instruct", "");
        fs::write(folder.path().join("d.toml"), "id = 3").unwrap();
        let told = Registry::open(folder.path()).unwrap_err().to_string();
        let (a, b) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
        assert!(told.contains(&format!("twice: {} and {}", a.display(), b.display())), "{told}");
        assert!(told.contains("smollm2-135m-instruct is there twice: built-in and ") && told.contains("d.toml: "), "{told}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_only_where_it_was_named() {
        let missing = Path::new("/nowhere/to/be/found");
        assert!(Registry::open(missing).unwrap_err().to_string().contains("/nowhere/to/be/found"));
        assert_eq!(Registry::open_if_there(missing).unwrap().entries().len(), manifest::registry().len());
    }
}
