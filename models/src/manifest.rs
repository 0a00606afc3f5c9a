//! Model manifests: which files a model has, their sha256, and who serves them.
//!
//! They are TOML files in `models/registry`, compiled into the binary, so that a release names exactly the bytes that
//! it will run and a registry or mirror that changes a file is noticed.

mod file;
mod source;

use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

pub use self::file::{File, FileName, Sha256};
pub use self::source::{Source, WheelPart};

/// The manifests, in the order in which `tradewind` lists them.
const EMBEDDED: [&str; 4] = [
    include_str!("../registry/smollm2-135m-instruct.toml"),
    include_str!("../registry/all-minilm-l6-v2.toml"),
    include_str!("../registry/gemma-3-270m.toml"),
    include_str!("../registry/rampart-pii.toml"),
];

static REGISTRY: LazyLock<Vec<Manifest>> = LazyLock::new(|| {
    EMBEDDED
        .iter()
        .map(|text| {
            #[expect(clippy::expect_used, reason = "compiled in, and a test parses each")]
            Manifest::parse(text).expect("an embedded manifest is valid")
        })
        .collect()
});

/// Every model that this build can serve.
pub fn registry() -> &'static [Manifest] {
    &REGISTRY
}

/// The model of that id.
pub fn find(id: &str) -> Option<&'static Manifest> {
    registry().iter().find(|manifest| manifest.id.as_str() == id)
}

/// The chat model that is served when nobody chose one.
pub fn default_chat() -> Option<&'static Manifest> {
    registry().iter().find(|manifest| manifest.is_default && manifest.task == Task::Chat)
}

/// The embedding model that is served when nobody chose one.
pub fn default_embeddings() -> Option<&'static Manifest> {
    registry().iter().find(|manifest| manifest.is_default && matches!(manifest.task, Task::Embeddings { .. }))
}

/// One model: its files, and where to get them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Manifest {
    /// The name by which clients and policies call it.
    pub id: ModelId,
    /// What it does.
    pub task: Task,
    /// Whether it is the one served when nobody chose.
    pub is_default: bool,
    /// SPDX expression of the weights' licence.
    pub licence: String,
    /// Where its terms are to be read, if it is not open source: then the operator has to accept it.
    pub terms: Option<String>,
    /// The most tokens of one sequence.
    pub context: usize,
    /// All files that must be present to load it.
    pub files: Vec<File>,
    /// Where the files are served, in the order in which to try.
    pub sources: Vec<Source>,
}

impl Manifest {
    /// Reads one manifest.
    ///
    /// # Errors
    /// On TOML that is malformed, has an unknown key, or contradicts itself; the message names the place.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Makes relative paths of its sources start at this folder.
    pub(crate) fn start_paths_at(&mut self, folder: &Path) {
        for source in &mut self.sources {
            source.start_paths_at(folder);
        }
    }

    /// The bytes of all files together whose size it tells.
    pub fn size(&self) -> u64 {
        self.files.iter().filter_map(|file| file.size).sum()
    }
}

/// A model's name: lower-case letters, digits, dots and dashes, so that it can name a folder everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ModelId(String);

impl ModelId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ModelId {
    type Error = Fault;

    fn try_from(id: String) -> Result<Self, Fault> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if id.is_empty() || id.starts_with('.') || !id.chars().all(plain) {
            return Err(Fault::Id(id));
        }
        Ok(Self(id))
    }
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Task {
    /// Continues a conversation.
    Chat,
    /// Turns text into vectors.
    Embeddings {
        /// The length of a vector.
        dimensions: usize,
    },
    /// Scores how well a text answers another.
    Rerank,
    /// Scores texts, or pairs of texts, for each of the labels in the model's `config.json`.
    Classification,
    /// Finds what a text names: scores each token for the labels in the model's `config.json`.
    TokenClassification {
        /// How many characters it reads best at once: a longer text is read in windows that overlap. Without it, a text that is longer
        /// than the context is refused.
        window: Option<usize>,
    },
}

impl Task {
    /// Whether it writes text, token by token.
    pub const fn generates(&self) -> bool {
        matches!(self, Self::Chat)
    }

    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings { .. } => "embeddings",
            Self::Rerank => "rerank",
            Self::Classification => "classification",
            Self::TokenClassification { .. } => "token-classification",
        }
    }
}

/// What was typed, before it is known to make sense.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: ModelId,
    task: Task,
    #[serde(default)]
    default: bool,
    licence: String,
    terms: Option<String>,
    context: usize,
    #[serde(rename = "file")]
    files: Vec<File>,
    #[serde(rename = "source")]
    sources: Vec<Source>,
}

impl TryFrom<Raw> for Manifest {
    type Error = Fault;

    fn try_from(raw: Raw) -> Result<Self, Fault> {
        check_sources(&raw)?;
        Ok(Self {
            id: raw.id,
            task: raw.task,
            is_default: raw.default,
            licence: raw.licence,
            terms: raw.terms,
            context: raw.context,
            files: raw.files,
            sources: raw.sources,
        })
    }
}

/// Every file has a source, every source has files, and who serves a file from elsewhere cannot choose its bytes.
fn check_sources(raw: &Raw) -> Result<(), Fault> {
    for source in &raw.sources {
        let is_listed = |name: &FileName| raw.files.iter().any(|file| file.name == *name);
        if let Some(name) = source.names().find(|name| !is_listed(name)) {
            return Err(Fault::UnknownFile { origin: source.to_string(), name: name.to_string() });
        }
    }
    for file in &raw.files {
        let mut sources = raw.sources.iter().filter(|source| source.path_of(&file.name).is_some()).peekable();
        if sources.peek().is_none() {
            return Err(Fault::NoSource(file.name.to_string()));
        }
        let is_pinned = file.sha256.is_some() && file.size.is_some();
        if let Some(origin) = sources.find(|source| !is_pinned && !matches!(source, Source::Local { .. })) {
            return Err(Fault::NotPinned { name: file.name.to_string(), origin: origin.to_string() });
        }
    }
    Ok(())
}

/// Why a value of a manifest makes no sense.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Fault {
    #[error("`{0}` cannot name a model: use lower-case letters, digits, dots and dashes")]
    Id(String),
    #[error("`{0}` cannot name a cached file: use NAME or FOLDER/NAME, no part of which begins with a dot")]
    FileName(String),
    #[error("`{0}` is not a sha256: write 64 hexadecimal digits")]
    Sha256(String),
    #[error("{origin} has a path for `{name}`, which no [[file]] names")]
    UnknownFile { origin: String, name: String },
    #[error("no [[source]] has a path for `{0}`")]
    NoSource(String),
    #[error(
        "`{name}` needs `sha256` and `size`, because {origin} serves it; `tradewind models pin FILE` prints those of files that are here. \
         Only files of kind = \"local\" can do without"
    )]
    NotPinned { name: String, origin: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

    fn manifest(extra: &str, path_of: &str) -> String {
        format!(
            r#"
            id = "m"
            task = {{ kind = "chat" }}
            licence = "MIT"
            context = 16
            {extra}
            [[file]]
            name = "w.gguf"
            sha256 = "{SHA}"
            size = 3
            [[source]]
            kind = "hugging-face"
            repository = "a/b"
            revision = "c"
            paths = {{ "{path_of}" = "x/w.gguf" }}
            "#
        )
    }

    #[test]
    fn every_embedded_manifest_parses_and_there_is_a_default_of_each_kind() {
        assert_eq!(registry().len(), EMBEDDED.len());
        assert_eq!(default_chat().unwrap().id.as_str(), "smollm2-135m-instruct");
        assert_eq!(default_embeddings().unwrap().task, Task::Embeddings { dimensions: 384 });
        assert_eq!(find("all-minilm-l6-v2"), default_embeddings());
        assert_eq!(find("gpt-4o"), None);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let error = Manifest::parse(&manifest("sise = 1", "w.gguf")).unwrap_err();
        assert!(error.to_string().contains("sise"), "{error}");
    }

    #[test]
    fn a_path_for_a_file_that_is_not_listed_is_an_error() {
        let error = Manifest::parse(&manifest("", "v.gguf")).unwrap_err();
        assert!(error.to_string().contains("`v.gguf`, which no [[file]] names"), "{error}");
    }

    #[test]
    fn a_file_name_cannot_leave_its_folder() {
        for name in ["../w", "a/../w", ".lock", "", "c:w", "/w", "a//w", "a/", "a\\w", "a/.part"] {
            assert!(FileName::try_from(name.to_owned()).is_err(), "{name}");
        }
        for name in ["w.gguf", "1_Pooling/config.json", "model-00001-of-00002.safetensors"] {
            assert!(FileName::try_from(name.to_owned()).is_ok(), "{name}");
        }
    }

    fn sources(file: &str, sources: &str) -> Result<Manifest, toml::de::Error> {
        Manifest::parse(&format!(
            "id = \"m\"\ntask = {{ kind = \"chat\" }}\nlicence = \"MIT\"\ncontext = 16\n[[file]]\nname = \"w.gguf\"\n{file}\n{sources}"
        ))
    }

    #[test]
    fn only_files_of_this_machine_need_no_digest() {
        let local = "[[source]]\nkind = \"local\"\npath = \"weights\"\n";
        let mut manifest = sources("", local).unwrap();
        manifest.start_paths_at(Path::new("/etc/models"));
        assert_eq!(manifest.sources[0].to_string(), "/etc/models/weights");
        let web = "[[source]]\nkind = \"http\"\nurl = \"https://example.com/\"\n";
        let error = sources("", &format!("{local}{web}")).unwrap_err().to_string();
        assert!(error.contains("`w.gguf` needs `sha256` and `size`, because https://example.com/ serves it"), "{error}");
        let pinned = sources(&format!("sha256 = \"{SHA}\"\nsize = 3"), web).unwrap();
        assert_eq!(pinned.sources[0].path_of(&pinned.files[0].name), Some("w.gguf"));
    }

    #[test]
    fn a_digest_prints_as_it_was_read() {
        assert_eq!(Sha256::try_from(SHA.to_owned()).unwrap().to_string(), SHA);
        assert!(Sha256::try_from("12".to_owned()).is_err());
        assert!(Sha256::try_from("é".repeat(32)).is_err());
    }
}
