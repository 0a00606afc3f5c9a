//! What a model will take of memory, told from the heads of its files before anything of it is loaded.
//!
//! An estimate: what the arrangement of the weights costs is known, what the allocator and the libraries add is not. It errs towards too
//! much, since a model that is refused leaves the others running, and memory that runs out does not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use tradewind_models::fetch::ModelFiles;
use tradewind_models::manifest::Manifest;

use crate::cpu::packed_bytes;
use crate::decoder::Gguf;
use crate::device::DeviceChoice;
use crate::load::{CacheNumbers, LoadError, foreign_graph};
use crate::onnx;

/// Sequences of full length for which there is room in a cache, unless that takes too much memory.
const FULL_SEQUENCES: usize = 8;
/// The most memory that a cache takes unasked. On a CPU the system gives it only as blocks are first used.
const CACHE_BYTES: usize = 1 << 30;
/// Activations of a forward pass, and what tokenizer and queues hold.
const WORK: u64 = 64 << 20;
/// Answers that are generated at once, each with a row of logits and a copy to sample from.
const LOGITS: u64 = 2 * 16 * size_of::<f32>() as u64;
/// Tokens of the largest batch of texts that an engine tries when it looks for the best.
const BATCH: u64 = 4096;
/// The longest head of a safetensors file that is read: the format's own limit.
const LONGEST_HEAD: u64 = 100_000_000;

/// What a model takes of memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// Of the weights, as they are arranged for computing.
    pub weights: u64,
    /// Of what is held beside them while they are being loaded, and let go of then.
    pub loading: u64,
    /// Of the keys and values of one token; 0 where there is no cache.
    pub cache_token: u64,
    /// The tokens of a sequence of full length, which is the least that a cache is made for.
    pub least_cache_tokens: usize,
    /// The tokens that a cache is made for where nobody says otherwise and there is memory for it.
    pub usual_cache_tokens: usize,
    /// Of what a forward pass needs beside weights and cache.
    pub work: u64,
}

impl Footprint {
    /// All of it, with a cache for so many tokens, at the worst moment.
    pub fn bytes(&self, cache_tokens: usize) -> u64 {
        let running = self.cache(cache_tokens).saturating_add(self.work);
        self.weights.saturating_add(running.max(self.loading))
    }

    /// A cache for so many tokens.
    pub fn cache(&self, tokens: usize) -> u64 {
        self.cache_token.saturating_mul(tokens as u64)
    }

    /// The tokens of the largest cache, not larger than usual, with which all of it takes no more than `bytes`; `None` where not even
    /// the least fits.
    pub fn cache_within(&self, bytes: u64) -> Option<usize> {
        if self.bytes(self.least_cache_tokens) > bytes {
            return None;
        }
        let left = bytes.saturating_sub(self.weights).saturating_sub(self.work);
        let tokens = left.checked_div(self.cache_token).map_or(0, |tokens| usize::try_from(tokens).unwrap_or(usize::MAX));
        Some(tokens.min(self.usual_cache_tokens).max(self.least_cache_tokens))
    }
}

/// The tokens that a cache is made for where nobody says otherwise.
pub(crate) fn usual_cache_tokens(context: usize, bytes_per_token: usize) -> usize {
    (FULL_SEQUENCES * context).min(CACHE_BYTES / bytes_per_token.max(1)).max(context)
}

/// Estimates what the model takes on this device.
///
/// # Errors
/// When the manifest lists no weights, their head cannot be read, or a graph cannot be run.
pub fn footprint(manifest: &Manifest, files: &ModelFiles, device: DeviceChoice) -> Result<Footprint, LoadError> {
    let ending = |ending: &'static str| manifest.files.iter().filter(move |file| file.name.as_str().ends_with(ending));
    if let Some(gguf) = ending(".gguf").next() {
        return of_gguf(&Gguf::open(&files.path(&gguf.name))?, manifest.context, device);
    }
    if let Some(graph) = foreign_graph(manifest, files)? {
        return of_graph(&graph);
    }
    let mut tensors = Tensors::default();
    for shard in ending(".safetensors") {
        let path = files.path(&shard.name);
        tensors.add(&path).map_err(LoadError::file(&path))?;
    }
    for graph in ending(".onnx") {
        let path = files.path(&graph.name);
        tensors.add_packed(path.metadata().map_err(LoadError::file(&path))?.len());
    }
    if tensors.stored == 0 {
        return Err(LoadError::NoSuchFile { model: manifest.id.clone(), ending: ".safetensors" });
    }
    let Some(config) = ending("config.json").find(|file| file.name.as_str() == "config.json") else {
        return Err(LoadError::NoSuchFile { model: manifest.id.clone(), ending: "config.json" });
    };
    let path = files.path(&config.name);
    let json = std::fs::read(&path).map_err(LoadError::file(&path))?;
    let config: Dimensions = serde_json::from_slice(&json).map_err(|source| LoadError::Config { path, source })?;
    Ok(of_tensors(&tensors, &config, manifest, bytes_of_number(device) as u64))
}

/// A graph says nothing of what its values take: as much as its weights, it is assumed. Until these are tensors, they are in memory as they
/// are stored, and as they are read.
fn of_graph(path: &Path) -> Result<Footprint, LoadError> {
    onnx::check(path)?;
    let bytes = path.metadata().map_err(LoadError::file(path))?.len();
    Ok(Footprint { weights: bytes, loading: 2 * bytes, work: WORK + bytes, ..Footprint::default() })
}

fn of_gguf(gguf: &Gguf, context: usize, device: DeviceChoice) -> Result<Footprint, LoadError> {
    let architecture = gguf.text("general.architecture")?;
    let number = |key: &str| gguf.number(&format!("{architecture}.{key}"));
    let heads = number("attention.head_count")?;
    let kv_heads = number("attention.head_count_kv").unwrap_or(heads);
    let head = number("embedding_length")?.checked_div(heads).unwrap_or(0);
    let (keys, values) = (number("attention.key_length").unwrap_or(head), number("attention.value_length").unwrap_or(head));
    let bytes_per_token = number("block_count")? * kv_heads * (keys + values) * bytes_of_number(device);
    let context = context.min(number("context_length").unwrap_or(context));

    let on_gpu = device.is_gpu();
    let (mut weights, mut largest) = (0, 0);
    for tensor in gguf.tensors() {
        weights += if on_gpu { tensor.bytes } else { packed_bytes(tensor.stored, tensor.elements) };
        largest = largest.max(tensor.bytes);
    }
    let vocabulary = gguf.list("tokenizer.ggml.tokens").map_or(0, <[_]>::len);
    Ok(Footprint {
        weights: weights as u64,
        // A matrix is unpacked and arranged anew beside what is stored of it.
        loading: 4 * largest as u64,
        cache_token: bytes_per_token as u64,
        least_cache_tokens: context,
        usual_cache_tokens: usual_cache_tokens(context, bytes_per_token),
        work: WORK + LOGITS * vocabulary as u64,
    })
}

/// Bytes of a number of the cache: on a GPU it is kept as it is computed.
fn bytes_of_number(device: DeviceChoice) -> usize {
    if device.is_gpu() { size_of::<f32>() } else { CacheNumbers::default().bytes() }
}

/// All tensors of some safetensors files.
#[derive(Debug, Default)]
struct Tensors {
    stored: u64,
    elements: u64,
}

/// A tensor in the head of a safetensors file. Format: <https://github.com/huggingface/safetensors#format>
#[derive(Deserialize)]
struct Stored {
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl Tensors {
    /// Counts a file whose weights have four bits or more.
    const fn add_packed(&mut self, bytes: u64) {
        self.stored += bytes;
        self.elements += 2 * bytes;
    }

    fn add(&mut self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no safetensors file"));
        }
        let mut head = Vec::new();
        file.take(length).read_to_end(&mut head)?;
        let head: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&head)?;
        for (_, tensor) in head.into_iter().filter(|(name, _)| name != "__metadata__") {
            let Stored { shape, data_offsets: (start, end) } = serde_json::from_value(tensor)?;
            self.stored += end.saturating_sub(start);
            self.elements += shape.iter().fold(1, |product: u64, length| product.saturating_mul(*length));
        }
        Ok(())
    }
}

/// What of a `config.json` matters here.
#[derive(Debug, Deserialize)]
struct Dimensions {
    hidden_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    vocab_size: u64,
    #[serde(default)]
    num_key_value_heads: Option<u64>,
    #[serde(default)]
    head_dim: Option<u64>,
    #[serde(default)]
    intermediate_size: Option<u64>,
    #[serde(default)]
    max_position_embeddings: Option<usize>,
}

/// Weights are counted with 32 bits each, though those of a chat model become fewer on a CPU; all of a file's are there, as they are stored,
/// until the last is arranged.
fn of_tensors(tensors: &Tensors, config: &Dimensions, manifest: &Manifest, bytes_of_number: u64) -> Footprint {
    let float = size_of::<f32>() as u64;
    let wide = config.intermediate_size.unwrap_or(4 * config.hidden_size) + 8 * config.hidden_size;
    let footprint = Footprint { weights: tensors.elements * float, loading: tensors.stored, ..Footprint::default() };
    if !manifest.task.generates() {
        return Footprint { work: WORK + BATCH * wide * float, ..footprint };
    }
    let head = config.head_dim.or_else(|| config.hidden_size.checked_div(config.num_attention_heads)).unwrap_or(0);
    let kv_heads = config.num_key_value_heads.unwrap_or(config.num_attention_heads);
    let cache_token = 2 * config.num_hidden_layers * kv_heads * head * bytes_of_number;
    let context = manifest.context.min(config.max_position_embeddings.unwrap_or(manifest.context));
    Footprint {
        cache_token,
        least_cache_tokens: context,
        usual_cache_tokens: usual_cache_tokens(context, usize::try_from(cache_token).unwrap_or(usize::MAX)),
        work: WORK + LOGITS * config.vocab_size,
        ..footprint
    }
}

#[cfg(test)]
mod tests {
    use tradewind_models::manifest;

    use super::*;

    const MODEL: Footprint =
        Footprint { weights: 1000, loading: 300, cache_token: 10, least_cache_tokens: 20, usual_cache_tokens: 100, work: 50 };

    #[test]
    fn the_worst_moment_counts() {
        assert_eq!(MODEL.bytes(20), 1000 + 300);
        assert_eq!(MODEL.bytes(100), 1000 + 1000 + 50);
    }

    #[test]
    fn a_cache_takes_what_is_left_between_the_least_and_the_usual() {
        assert_eq!(MODEL.cache_within(1299), None);
        assert_eq!(MODEL.cache_within(1300), Some(25));
        assert_eq!(MODEL.cache_within(1650), Some(60));
        assert_eq!(MODEL.cache_within(u64::MAX), Some(100));
    }

    #[test]
    fn a_model_of_safetensors_is_counted_by_its_head_alone() {
        let folder = tempfile::tempdir().unwrap();
        let head = br#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F16","shape":[4,6],"data_offsets":[0,48]}}"#;
        let mut file = (head.len() as u64).to_le_bytes().to_vec();
        file.extend(head);
        std::fs::write(folder.path().join("w"), file).unwrap();
        let mut tensors = Tensors::default();
        tensors.add(&folder.path().join("w")).unwrap();
        assert_eq!((tensors.stored, tensors.elements), (48, 24));
        let mut packed = Tensors::default();
        packed.add_packed(10);
        assert_eq!((packed.stored, packed.elements), (10, 20));
        std::fs::write(folder.path().join("w"), [0xff; 16]).unwrap();
        assert!(tensors.add(&folder.path().join("w")).unwrap_err().to_string().contains("no safetensors"));

        let config = r#"{"hidden_size":6,"num_hidden_layers":2,"num_attention_heads":2,"vocab_size":9}"#;
        let config = serde_json::from_str(config).unwrap();
        let embeddings = of_tensors(&tensors, &config, manifest::default_embeddings().unwrap(), 2);
        assert_eq!((embeddings.weights, embeddings.loading, embeddings.cache_token), (96, 48, 0));
        let chat = of_tensors(&tensors, &config, manifest::default_chat().unwrap(), 2);
        assert_eq!((chat.cache_token, chat.least_cache_tokens), (2 * 2 * 2 * 3 * 2, 8192));
    }
}
