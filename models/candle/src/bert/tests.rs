//! Small encoders of every kind against Hugging Face's library, by the kernels and by candle's operations.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use tradewind_models::encoder::{Encoder, Rows, TokenSequence};

use super::config::{Config, Pooling};
use super::head::HeadPlan;
use super::packed::Packed;
use super::portable::Portable;
use super::weights::Weights;

/// A model, and what it answers. `tests/golden/encoders.py` made them.
#[derive(Deserialize)]
struct Case {
    name: String,
    config: serde_json::Value,
    tensors: HashMap<String, Vec<usize>>,
    answers: Vec<Answer>,
    purpose: Purpose,
    pooling: Option<Pooling>,
    unit: Option<bool>,
}

#[derive(Deserialize)]
struct Answer {
    ids: Vec<u32>,
    first: usize,
    output: Vec<f32>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Purpose {
    Vectors,
    Scores,
    TokenScores,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/encoders.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// As in `encoders.py`: SplitMix64 over the place, from FNV-1a of the name.
fn numbers(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
    let mean = if name.to_lowercase().ends_with("norm.weight") { 1.0 } else { 0.0 };
    let number = |place: usize| {
        let mut x = seed.wrapping_add((place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        mean + ((x >> 40) as f32 / (1 << 24) as f32 - 0.5) * 0.6
    };
    (0..count).map(number).collect()
}

impl Case {
    fn config(&self) -> Config {
        Config::of(self.config.clone())
    }

    fn weights(&self) -> Weights {
        let tensor = |(name, shape): (&String, &Vec<usize>)| {
            let numbers = numbers(name, shape.iter().product());
            (name.clone(), Tensor::from_vec(numbers, shape.as_slice(), &Device::Cpu).unwrap())
        };
        Weights::new(self.tensors.iter().map(tensor).collect(), &self.config())
    }

    fn plan(&self) -> HeadPlan {
        match self.purpose {
            Purpose::Vectors => {
                HeadPlan { pooling: self.pooling, is_unit_length: self.unit.unwrap(), ..HeadPlan::vector(None, None).unwrap() }
            }
            Purpose::Scores => HeadPlan::scores(&self.config(), Rows::One),
            Purpose::TokenScores => HeadPlan::scores(&self.config(), Rows::PerToken),
        }
    }

    fn sequences(&self) -> Vec<TokenSequence> {
        self.answers.iter().map(|answer| TokenSequence { ids: answer.ids.clone(), first: answer.first }).collect()
    }

    fn packed(&self) -> Packed {
        Packed::new(&self.config(), &self.plan(), &self.weights(), 158).unwrap()
    }

    fn assert_answered(&self, outputs: &[Vec<f32>], by: &str) {
        assert_eq!(outputs.len(), self.answers.len());
        for (answer, output) in self.answers.iter().zip(outputs) {
            assert_eq!(output.len(), answer.output.len(), "{} by {by}", self.name);
            let largest = answer.output.iter().fold(1.0_f32, |largest, x| largest.max(x.abs()));
            let worst = output.iter().zip(&answer.output).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // Six digits are in the file, and AMX multiplies numbers of five.
            assert!(worst < 1e-4 * largest, "{} by {by}, {} tokens: {worst}", self.name, answer.ids.len());
        }
    }
}

#[test]
fn every_kind_of_encoder_and_head_answers_as_hugging_face_s_library_does_however_it_is_packed() {
    let cases = cases();
    assert_eq!(cases.len(), 5 * 5 + 1);
    for case in cases {
        let mut packed = case.packed();
        let sequences = case.sequences();
        case.assert_answered(&packed.encode(&sequences).unwrap(), "kernels, packed");
        let alone = sequences.iter().flat_map(|sequence| packed.encode(std::slice::from_ref(sequence)).unwrap());
        case.assert_answered(&alone.collect::<Vec<_>>(), "kernels, one by one");
    }
}

#[test]
fn candle_s_operations_answer_the_same() {
    for case in cases() {
        let mut portable = Portable::new(case.config(), &case.plan(), &case.weights(), &Device::Cpu, 158).unwrap();
        case.assert_answered(&portable.encode(&case.sequences()).unwrap(), "candle");
    }
}

#[test]
fn an_encoder_tells_what_it_takes_and_makes() {
    for case in cases() {
        let packed = case.packed();
        let portable = Portable::new(case.config(), &case.plan(), &case.weights(), &Device::Cpu, 158).unwrap();
        let rows = if case.purpose == Purpose::TokenScores { Rows::PerToken } else { Rows::One };
        let told =
            |encoder: &dyn Encoder| (encoder.rows(), encoder.dimensions(), encoder.max_tokens(), encoder.vocabulary_size());
        let dimensions = case.answers[0].output.len();
        assert_eq!(told(&packed), (rows, dimensions, 158, 50), "{}", case.name);
        assert_eq!(told(&packed), told(&portable), "{}", case.name);
    }
}

#[test]
fn positions_end_where_the_table_does_without_the_padding_s() {
    for case in cases() {
        let packed = Packed::new(&case.config(), &case.plan(), &case.weights(), usize::MAX).unwrap();
        assert_eq!(packed.max_tokens(), 160, "{}", case.name);
    }
}

#[test]
fn a_tensor_that_is_not_there_is_named() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "bert scores").unwrap();
    let mut without =
        Case { tensors: case.tensors.clone(), answers: Vec::new(), name: String::new(), config: case.config.clone(), ..*case };
    assert!(without.tensors.remove("classifier.bias").is_some());
    let error = Packed::new(&without.config(), &without.plan(), &without.weights(), 158).unwrap_err();
    assert!(error.to_string().contains("no tensor `classifier.bias`"), "{error}");
}

#[test]
fn weights_are_read_from_several_files_and_in_half_precision() -> candle_core::Result<()> {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "bert mean").unwrap();
    let rounded = |(name, shape): (&String, &Vec<usize>)| {
        let kind = if name.ends_with("bias") { DType::F16 } else { DType::BF16 };
        let tensor = Tensor::from_vec(numbers(name, shape.iter().product()), shape.as_slice(), &Device::Cpu)?;
        Ok((name.clone(), tensor.to_dtype(kind)?))
    };
    let tensors: HashMap<String, Tensor> = case.tensors.iter().map(rounded).collect::<candle_core::Result<_>>()?;
    let folder = tempfile::tempdir()?;
    let shard = |number: usize| folder.path().join(format!("model-0000{number}-of-00002.safetensors"));
    let (first, second): (HashMap<_, _>, HashMap<_, _>) = tensors.clone().into_iter().partition(|(name, _)| name.len() % 2 == 0);
    candle_core::safetensors::save(&first, shard(1))?;
    candle_core::safetensors::save(&second, shard(2))?;
    let read = Weights::read(&[shard(1), shard(2)], &case.config(), &Device::Cpu)?;
    let outputs = |weights: &Weights| {
        Packed::new(&case.config(), &case.plan(), weights, 158)?.encode(&case.sequences()).map_err(candle_core::Error::wrap)
    };
    assert_eq!(outputs(&read)?, outputs(&Weights::new(tensors, &case.config()))?);
    Ok(())
}
