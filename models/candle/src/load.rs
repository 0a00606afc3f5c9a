//! From verified files to the parts of an engine.

use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Value;
use tradewind_models::encoder::{Encoder, EncoderModel};
use tradewind_models::fetch::ModelFiles;
use tradewind_models::manifest::{File, Manifest, ModelId, Task};
use tradewind_models::template::TemplateError;
use tradewind_models::tokenizer::{Tokenizer, TokenizerError};

use crate::bert::{self, Purpose};
use crate::device::{DeviceChoice, DeviceError};
use crate::onnx::{self, GraphFaults, GraphFiles};
use crate::threads::compute_threads;

/// How to load a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions {
    /// Where to compute.
    pub device: DeviceChoice,
    /// For how many tokens a chat model caches keys and values, of all its sequences together; a number that suits the model if none
    /// is given.
    pub cache_tokens: Option<usize>,
    /// In what a CPU keeps them.
    pub cache_numbers: CacheNumbers,
    /// What a CPU makes of a chat model's weights that are stored as floating-point numbers.
    pub dense: DenseWeights,
    /// How the tokens of a chat model attend to each other on a GPU.
    pub attention: AttentionBy,
}

/// What computes attention on a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AttentionBy {
    /// Operations of candle, over copies of keys and values in 32 bits.
    #[default]
    Operations,
    /// Fused kernels, over keys and values where they lie, in 16 bits; operations where the build, the GPU or the model does not have what
    /// they need, which is logged with the reason.
    Kernels,
}

/// The numbers in which a CPU keeps keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheNumbers {
    /// As they are computed.
    F32,
    /// With eleven significant bits, in half the memory. Long conversations take as long as it takes to read their cache.
    #[default]
    F16,
}

impl CacheNumbers {
    /// Bytes of one.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

/// What a CPU makes of weights that are stored in 16 or 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DenseWeights {
    /// Integers of eight bits, with a scale for every 32 of them. A decoding step takes as long as it takes to read all weights, and
    /// these are a half or a quarter of what is stored; what is rounded away is far less than what tells two models apart.
    #[default]
    EightBits,
    /// Integers of four bits, with a scale and an offset for every 32 of them (Q4_1): half the memory again, and answers that are noticeably
    /// others. README.md says by how much texts are predicted worse.
    FourBits,
    /// The numbers as they are, in 32 bits each.
    AsStored,
}

/// Loads an encoder for what the manifest says it does: every `.safetensors` file, or else the `.onnx` file, `config.json` and `tokenizer.json`. An embedding model's
/// `pooling.json` (`1_Pooling/config.json` of sentence-transformers) and `modules.json` count where the manifest lists them.
///
/// An `.onnx` file whose `config.json` is of no model that is written here, or that has none, is run as a graph, on the CPU.
///
/// # Errors
/// When the device, a file or its contents cannot be used.
pub fn load_encoder(manifest: &Manifest, files: &ModelFiles, options: &LoadOptions) -> Result<EncoderModel, LoadError> {
    let purpose = match manifest.task {
        Task::Chat => return Err(LoadError::Task { model: manifest.id.clone(), expected: "encoder" }),
        Task::Embeddings { .. } => Purpose::Vectors,
        Task::Rerank | Task::Classification => Purpose::Scores,
        Task::TokenClassification { .. } => Purpose::TokenScores,
    };
    if let Some(graph) = foreign_graph(manifest, files)? {
        return load_graph(manifest, files, graph, purpose);
    }
    let device = options.device.open()?;
    let encoder_files = bert::Files {
        config: path_of(manifest, files, "config.json")?,
        weights: paths_of(manifest, files, ".safetensors").or_else(|_| paths_of(manifest, files, ".onnx"))?,
        pooling: path_of(manifest, files, "pooling.json").ok(),
        modules: path_of(manifest, files, "modules.json").ok(),
    };
    let (encoder, labels) = bert::load(&encoder_files, purpose, &device, manifest.context)?;
    check_dimensions(manifest, encoder.as_ref())?;
    let tokenizer = Tokenizer::from_json(&path_of(manifest, files, "tokenizer.json")?)?;
    tracing::info!(
        model = %manifest.id,
        device = ?device.location(),
        threads = compute_threads(),
        labels = labels.as_ref().map(|labels| labels.names().len()),
        "loaded an encoder"
    );
    Ok(EncoderModel { encoder, tokenizer, labels })
}

/// The `.onnx` file of a model that is not written here.
pub(crate) fn foreign_graph(manifest: &Manifest, files: &ModelFiles) -> Result<Option<PathBuf>, LoadError> {
    if paths_of(manifest, files, ".safetensors").is_ok() {
        return Ok(None);
    }
    let Ok(graph) = path_of(manifest, files, ".onnx") else { return Ok(None) };
    let is_known = config_of(manifest, files).map_or(Ok(false), |config| bert::knows(&config))?;
    Ok((!is_known).then_some(graph))
}

fn load_graph(manifest: &Manifest, files: &ModelFiles, graph: PathBuf, purpose: Purpose) -> Result<EncoderModel, LoadError> {
    let tokenizer = Tokenizer::from_json(&path_of(manifest, files, "tokenizer.json")?)?;
    let graph_files = GraphFiles {
        graph,
        config: config_of(manifest, files),
        pooling: path_of(manifest, files, "pooling.json").ok(),
        modules: path_of(manifest, files, "modules.json").ok(),
    };
    let (encoder, labels) = onnx::load_encoder(&graph_files, purpose, manifest.context, tokenizer.vocabulary_size())?;
    check_dimensions(manifest, encoder.as_ref())?;
    tracing::info!(model = %manifest.id, threads = compute_threads(), "loaded a graph, which the CPU computes");
    Ok(EncoderModel { encoder, tokenizer, labels })
}

fn check_dimensions(manifest: &Manifest, encoder: &dyn Encoder) -> Result<(), LoadError> {
    match manifest.task {
        Task::Embeddings { dimensions } if encoder.dimensions() != dimensions => {
            Err(LoadError::Dimensions { manifest: dimensions, weights: encoder.dimensions() })
        }
        _ => Ok(()),
    }
}

/// The model's own `config.json`, and not that of its pooling.
fn config_of(manifest: &Manifest, files: &ModelFiles) -> Option<PathBuf> {
    let file = manifest.files.iter().find(|file| file.name.as_str() == "config.json")?;
    Some(files.path(&file.name))
}

fn paths_of(manifest: &Manifest, files: &ModelFiles, ending: &'static str) -> Result<Vec<PathBuf>, LoadError> {
    let fitting = manifest.files.iter().filter(|file| file.name.as_str().ends_with(ending));
    let paths: Vec<PathBuf> = fitting.map(|file| files.path(&file.name)).collect();
    if paths.is_empty() { Err(LoadError::NoSuchFile { model: manifest.id.clone(), ending }) } else { Ok(paths) }
}

pub(crate) fn path_of(manifest: &Manifest, files: &ModelFiles, ending: &'static str) -> Result<PathBuf, LoadError> {
    let fits = |file: &&File| file.name.as_str().ends_with(ending);
    let file = manifest.files.iter().find(fits);
    file.map(|file| files.path(&file.name)).ok_or_else(|| LoadError::NoSuchFile { model: manifest.id.clone(), ending })
}

/// A model that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The model does something else.
    #[error("{model} is not a {expected} model")]
    Task {
        /// The model.
        model: ModelId,
        /// What was wanted.
        expected: &'static str,
    },
    /// The manifest lists no file of the kind that the loader needs.
    #[error("the manifest of {model} lists no file that ends in `{ending}`")]
    NoSuchFile {
        /// The model.
        model: ModelId,
        /// How the file's name should end.
        ending: &'static str,
    },
    /// The device cannot be had.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A JSON file that is malformed, or describes another architecture.
    #[error("{}: {source}", path.display())]
    Config {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Metadata that lacks something.
    #[error("metadata `{key}` should be {expected} and is {found}")]
    Metadata {
        /// The key.
        key: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// An architecture that is not written yet.
    #[error("{what} `{value}` is not supported: only {supported}")]
    Unsupported {
        /// Of what.
        what: &'static str,
        /// What the file says.
        value: String,
        /// What would do.
        supported: &'static str,
    },
    /// The weights make vectors of another length than the manifest says.
    #[error("the manifest says {manifest} dimensions and the weights have {weights}")]
    Dimensions {
        /// As the manifest says.
        manifest: usize,
        /// As the weights say.
        weights: usize,
    },
    /// A graph that cannot be run.
    #[error("{} cannot be run: {faults}", path.display())]
    Graph {
        /// Its file.
        path: PathBuf,
        /// Everything that stands in the way.
        faults: GraphFaults,
    },
    /// A graph that could be run, by another build.
    #[error(
        "{} is of no model that is written here, and this build runs no graphs: build with `--features onnx`, which needs protoc",
        path.display()
    )]
    GraphsNotBuilt {
        /// Its file.
        path: PathBuf,
    },
    /// The tokenizer cannot be built.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The chat template cannot be compiled.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Tensors are missing, have other shapes, or do not fit the device.
    #[error("the weights cannot be used: {0}")]
    Weights(#[from] candle_core::Error),
}

impl LoadError {
    pub(crate) fn metadata(key: &str, expected: &'static str, found: Option<&Value>) -> Self {
        let found = found.map_or_else(|| "absent".to_owned(), |value| format!("{:?}", value.value_type()));
        Self::Metadata { key: key.to_owned(), expected, found }
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
