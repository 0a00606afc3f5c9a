//! Small models whose weights follow the formula of `tests/golden/decoders.py`.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempDir;

/// A model, and what `transformers` computes by it.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    /// The `config.json`.
    pub(super) config: Map<String, Value>,
    /// Names and shapes.
    pub(super) tensors: HashMap<String, Vec<usize>>,
    stored: String,
    files: usize,
    pub(super) sequences: Vec<Golden>,
}

/// One sequence, and the logits after some of its tokens.
#[derive(Deserialize)]
pub(super) struct Golden {
    pub(super) tokens: Vec<u32>,
    pub(super) kept: Vec<usize>,
    pub(super) logits: Vec<Vec<f32>>,
}

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    read("decoders.json")
}

/// A golden file.
pub(super) fn read<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

impl Case {
    /// The numbers of a tensor, which are those of a norm if its name says so.
    pub(super) fn tensor(&self, name: &str) -> Tensor {
        let shape = self.tensors[name].clone();
        let is_less_one = self.config["model_type"].as_str().unwrap().starts_with("gemma");
        let one = if is_less_one { 0.0 } else { 1.0 };
        let number = |byte: i8| if name.contains("norm") { f32::from(byte >> 4) / 16.0 + one } else { f32::from(byte) / 512.0 };
        let numbers: Vec<f32> = bytes(name).take(shape.iter().product()).map(number).collect();
        Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
    }

    /// The model as the Hugging Face hub would have it.
    pub(super) fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), serde_json::to_vec(&self.config).unwrap()).unwrap();
        let stored = match self.stored.as_str() {
            "BF16" => DType::BF16,
            "F16" => DType::F16,
            _ => DType::F32,
        };
        let file = |number: usize| match self.files {
            1 => "model.safetensors".to_owned(),
            files => format!("model-{:05}-of-{files:05}.safetensors", number + 1),
        };
        let mut names: Vec<&String> = self.tensors.keys().collect();
        names.sort();
        let mut places = Map::new();
        for number in 0..self.files {
            let here = names.iter().skip(number).step_by(self.files);
            let tensors: HashMap<&str, Tensor> =
                here.map(|name| (name.as_str(), self.tensor(name).to_dtype(stored).unwrap())).collect();
            places.extend(tensors.keys().map(|name| ((*name).to_owned(), Value::from(file(number)))));
            candle_core::safetensors::save(&tensors, folder.path().join(file(number))).unwrap();
        }
        if self.files > 1 {
            let index = serde_json::json!({ "metadata": {}, "weight_map": places });
            std::fs::write(folder.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
        }
        folder
    }
}

/// A generator that counts from a hash of the name: FNV-1a, then SplitMix64, of which the highest byte is taken.
fn bytes(name: &str) -> impl Iterator<Item = i8> {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (1_u64..).map(move |count| {
        let x = seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i8::try_from(i16::from((x ^ (x >> 31)).to_be_bytes()[0]) - 128).unwrap()
    })
}
