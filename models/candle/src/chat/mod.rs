//! Loading a chat model: its decoder, and what stands between text and tokens.

mod folder;
mod gguf;

use std::path::Path;

use tradewind_models::chat::ChatModel;
use tradewind_models::fetch::ModelFiles;
use tradewind_models::manifest::{Manifest, Task};
use tradewind_models::template::{ChatTemplate, SpecialTokens};
use tradewind_models::tokenizer::Tokenizer;

use crate::decoder::{self, Folder, Gguf, Settings, Source};
use crate::load::{LoadError, LoadOptions, path_of};
use crate::threads::compute_threads;

/// Tokens that end a turn whatever the files say: llama.cpp ends at them too.
const ALWAYS_STOP: [&str; 6] = ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>"];

/// What stands between text and tokens.
struct Text {
    tokenizer: Tokenizer,
    /// Base models have none.
    template: Option<String>,
    names: SpecialTokens,
    /// The tokens that the files say end a turn.
    ends: Vec<u32>,
}

/// Loads a chat model, from a GGUF file, which has everything in it, or else from `config.json`, `model.safetensors` (or several such files
/// and `model.safetensors.index.json`), `tokenizer.json` and, if they are there, `tokenizer_config.json`, `generation_config.json` and
/// `chat_template.jinja`.
///
/// # Errors
/// When the device, a file or its contents cannot be used.
pub fn load_chat(manifest: &Manifest, files: &ModelFiles, options: &LoadOptions) -> Result<ChatModel, LoadError> {
    if manifest.task != Task::Chat {
        return Err(LoadError::Task { model: manifest.id.clone(), expected: "chat" });
    }
    let ending = ".gguf` or `.safetensors";
    let path = path_of(manifest, files, ".gguf").or_else(|_| path_of(manifest, files, ".safetensors"));
    let path = path.map_err(|_| LoadError::NoSuchFile { model: manifest.id.clone(), ending })?;
    let model = load_chat_at(&path, manifest.context, options)?;
    tracing::info!(model = %manifest.id, cache = ?model.decoder.cache(), threads = compute_threads(), "loaded a chat model");
    Ok(model)
}

/// Loads a chat model without a manifest: a GGUF file, or the folder that a file of weights lies in, or the folder itself. Sequences end at
/// `context` tokens, or where the files say if that is earlier.
///
/// # Errors
/// When the device, a file or its contents cannot be used.
pub fn load_chat_at(path: &Path, context: usize, options: &LoadOptions) -> Result<ChatModel, LoadError> {
    let device = options.device.open()?;
    let (mut source, text) = open(path)?;
    let LoadOptions { cache_tokens, cache_numbers: numbers, dense, attention, device: _ } = *options;
    let settings = Settings { context, cache_tokens, numbers, dense, attention };
    let decoder = decoder::load(&mut source, &device, settings)?;
    let (template, tokenizer) = (text.template()?, text.tokenizer);
    let mut stop_tokens = text.ends;
    stop_tokens.extend(ALWAYS_STOP.iter().filter_map(|name| tokenizer.id_of(name)));
    stop_tokens.sort_unstable();
    stop_tokens.dedup();
    Ok(ChatModel { decoder, tokenizer, template, stop_tokens })
}

/// Opens a GGUF file, or the folder that a file of weights lies in.
fn open(path: &Path) -> Result<(Source, Text), LoadError> {
    if path.extension().is_some_and(|extension| extension == "gguf") {
        let gguf = Gguf::open(path)?;
        let text = gguf::text(&gguf)?;
        return Ok((Source::Gguf(Box::new(gguf)), text));
    }
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let folder = Folder::open(folder)?;
    let text = folder::text(folder.path())?;
    Ok((Source::Folder(Box::new(folder)), text))
}

impl Text {
    fn template(&self) -> Result<ChatTemplate, LoadError> {
        match &self.template {
            Some(template) => Ok(ChatTemplate::new(template.clone(), self.names.clone())?),
            None => Ok(ChatTemplate::none()),
        }
    }
}
