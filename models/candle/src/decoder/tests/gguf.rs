//! The same models as GGUF files, described as `tests/golden/decoders_gguf.py` found llama.cpp to understand them.

use serde::Deserialize;
use serde_json::Map;

use super::checkpoint::{Case, cases, read};
use super::golden::{error, in_batches, largest};
use super::*;

const EXACT: f32 = 1e-3;
/// Activations of sixteen bits make less of a difference than this, as a part of the largest logit, also with weights that no training has
/// made robust.
const RANDOM_WEIGHTS: f32 = 1e-3;

/// How a case looks as a file.
#[derive(Deserialize)]
struct File {
    name: String,
    metadata: Map<String, serde_json::Value>,
    /// Name, the tensor in the folder, and how many heads there are whose halves become neighbours.
    tensors: Vec<(String, String, usize)>,
    divisors: HashMap<String, Vec<f32>>,
}

fn files() -> Vec<(Case, File)> {
    let mut files: HashMap<String, File> =
        read::<Vec<File>>("decoders_gguf.json").into_iter().map(|f| (f.name.clone(), f)).collect();
    let found: Vec<_> = cases().into_iter().filter_map(|case| files.remove(&case.name).map(|file| (case, file))).collect();
    assert!(files.is_empty() && found.len() > 8);
    found
}

/// The tensor as the file has it.
fn converted(case: &Case, tensor: &str, heads: usize) -> Tensor {
    let is_gemma = case.config["model_type"].as_str().unwrap().starts_with("gemma");
    let stored = case.tensor(tensor);
    if is_gemma && tensor.contains("norm") {
        return (stored + 1.0).unwrap();
    }
    if heads == 0 {
        return stored;
    }
    let (outputs, rest) = (stored.dim(0).unwrap(), stored.elem_count() / stored.dim(0).unwrap());
    let halves = stored.reshape((heads, 2, outputs / heads / 2, rest)).unwrap();
    halves.transpose(1, 2).unwrap().contiguous().unwrap().reshape(stored.shape()).unwrap()
}

/// The case as a file, its matrices in `format` where their rows can be.
fn source(case: &Case, file: &File, format: GgmlDType) -> Source {
    let mut tensors = Vec::new();
    for (name, tensor, heads) in &file.tensors {
        let tensor = converted(case, tensor, *heads);
        let fits = tensor.rank() == 2 && tensor.dim(1).unwrap().is_multiple_of(format.block_size());
        let format = if fits { format } else { GgmlDType::F32 };
        tensors.push((name.clone(), QTensor::quantize(&tensor, format).unwrap()));
    }
    for (name, divisors) in &file.divisors {
        let divisors = Tensor::new(divisors.as_slice(), &Device::Cpu).unwrap();
        tensors.push((name.clone(), QTensor::quantize(&divisors, GgmlDType::F32).unwrap()));
    }
    let metadata = file.metadata.iter().map(|(key, value)| {
        let value = match value {
            serde_json::Value::String(text) => Value::String(text.clone()),
            number if number.is_u64() => Value::U32(u32::try_from(number.as_u64().unwrap()).unwrap()),
            number => Value::F32(number.as_f64().unwrap() as f32),
        };
        (key.as_str(), value)
    });
    let metadata: Vec<_> = metadata.collect();
    written(&metadata, &tensors)
}

#[test]
fn every_architectures_file_gives_the_logits_of_its_folder_on_both_backends() {
    for (case, file) in files() {
        let mut source = source(&case, &file, GgmlDType::F32);
        for mut decoder in [load(&mut source, &Device::Cpu, SETTINGS).unwrap(), by_candle(&mut source)] {
            let error = error(&in_batches(decoder.as_mut(), &case), &case);
            assert!(error < EXACT, "{}: off by {error}", case.name);
        }
    }
}

#[test]
fn quantised_kernels_compute_what_the_unpacked_weights_do_whatever_the_format() {
    use GgmlDType::{BF16, F16, Q4_0, Q4_1, Q5_0, Q8_0};
    // Every format for a third of the architectures.
    const FORMATS: [GgmlDType; 7] = [Q4_0, Q4_1, Q5_0, Q8_0, F16, BF16, Q4_0];
    for ((case, file), formats) in files().into_iter().zip(FORMATS.windows(2).cycle()) {
        for format in formats {
            let mut source = source(&case, &file, *format);
            let ours = in_batches(load(&mut source, &Device::Cpu, SETTINGS).unwrap().as_mut(), &case);
            let theirs = in_batches(by_candle(&mut source).as_mut(), &case);
            for (ours, theirs) in ours.iter().flatten().flatten().zip(theirs.iter().flatten().flatten()) {
                let error = (ours - theirs).abs() / largest(&case);
                assert!(error < RANDOM_WEIGHTS, "{}, {format:?}: off by {error}", case.name);
            }
        }
    }
}

#[test]
fn an_architecture_that_is_not_written_is_refused_by_name() {
    let (case, mut file) = files().remove(0);
    file.metadata.insert("general.architecture".to_owned(), "mamba".into());
    let Err(error) = load(&mut source(&case, &file, GgmlDType::F32), &Device::Cpu, SETTINGS) else { panic!("it was loaded") };
    assert!(error.to_string().contains("`mamba`") && error.to_string().contains("gemma3"), "{error}");
    let (_, mut file) = files().remove(0);
    file.metadata.insert("llama.rope.scaling.type".to_owned(), "yarn".into());
    let Err(error) = load(&mut source(&case, &file, GgmlDType::F32), &Device::Cpu, SETTINGS) else { panic!("it was loaded") };
    assert!(error.to_string().contains("`yarn`"), "{error}");
}
