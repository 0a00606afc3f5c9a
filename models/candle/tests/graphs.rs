//! An encoder that is a graph of ONNX, from its manifest to the engine's answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tradewind_candle::{DeviceChoice, LoadError, LoadOptions, footprint, load_encoder};
use tradewind_models::Classifier;
use tradewind_models::encoder::{EncoderEngine, EncoderModel, EncoderSettings, Input};
use tradewind_models::fetch::{Cache, LogProgress, ModelFiles};
use tradewind_models::manifest::Manifest;

/// As much of the golden file as matters here. `golden/graphs.py` made it.
#[derive(Deserialize)]
struct Golden {
    encoders: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    model: String,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    output: Vec<f32>,
}

/// The golden encoder whose name begins so.
fn golden(name: &str) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/graphs.json");
    let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    golden.encoders.into_iter().find(|case| case.name.starts_with(name)).unwrap()
}

/// A folder with its graph.
fn folder(name: &str, config: Option<Value>) -> TempDir {
    let case = golden(name);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("model.onnx", STANDARD.decode(case.model).unwrap());
    let words: serde_json::Map<_, _> = (0..40).map(|id| (format!("w{id}"), json!(id))).collect();
    let tokenizer = json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": words, "unk_token": "w0"}});
    write("tokenizer.json", tokenizer.to_string().into_bytes());
    if let Some(config) = config {
        write("config.json", config.to_string().into_bytes());
    }
    folder
}

fn manifest(folder: &TempDir, task: &str) -> (Manifest, ModelFiles) {
    let files = ["model.onnx", "tokenizer.json", "config.json"].into_iter().filter(|name| folder.path().join(name).exists());
    let files: String = files.map(|name| format!("[[file]]\nname = \"{name}\"\n")).collect();
    let path = folder.path().display();
    let text = format!(
        "id = \"graph\"\ntask = {task}\nlicence = \"MIT\"\ncontext = 24\n{files}[[source]]\nkind = \"local\"\npath = \"{path}\"\n"
    );
    let manifest = Manifest::parse(&text).unwrap();
    let files = Cache::open(folder.path().join("cache")).ensure(&manifest, &LogProgress).unwrap();
    (manifest, files)
}

fn load(folder: &TempDir, task: &str) -> Result<EncoderModel, LoadError> {
    let (manifest, files) = manifest(folder, task);
    assert!(footprint(&manifest, &files, DeviceChoice::Cpu).unwrap().weights > 0);
    load_encoder(&manifest, &files, &LoadOptions::default())
}

const VECTORS: &str = "{ kind = \"embeddings\", dimensions = 16 }";

#[tokio::test]
async fn a_graph_serves_vectors_as_onnx_runtime_computes_them() {
    let model = load(&folder("a vector", Some(json!({"model_type": "nomic_bert"}))), VECTORS).unwrap();
    let engine = EncoderEngine::start(model, EncoderSettings { rehearsals: 1, ..EncoderSettings::default() }).unwrap();
    let expected = golden("a vector").answers.swap_remove(1).output;
    let encoded =
        engine.submit(vec![Input::Text("w1 w3 w2".to_owned()), Input::Text("w1 w2".to_owned())]).unwrap().await.unwrap();
    assert_eq!((encoded.prompt_tokens, encoded.outputs.len()), (5, 2));
    for (number, expected) in encoded.outputs[0].iter().zip(&expected) {
        assert!((number - expected).abs() < 1e-4, "{:?}", encoded.outputs[0]);
    }
}

#[test]
fn labels_come_from_the_configuration_and_there_are_as_many_as_numbers() {
    let task = "{ kind = \"classification\" }";
    let names = json!({"model_type": "none-of-ours", "id2label": {"0": "no", "1": "maybe", "2": "yes"}});
    let model = load(&folder("scores, ", Some(names)), task).unwrap();
    assert_eq!(model.labels.as_ref().unwrap().names(), ["no", "maybe", "yes"]);
    assert!(Classifier::start(model, EncoderSettings { rehearsals: 0, ..EncoderSettings::default() }).is_ok());
    let names = json!({"model_type": "none-of-ours", "id2label": {"0": "no", "1": "yes"}});
    let error = load(&folder("scores, ", Some(names)), task).unwrap_err().to_string();
    assert!(error.contains("with 2 names for rows of 3 numbers"), "{error}");
}

#[test]
fn what_the_manifest_says_of_a_graph_must_be_so() {
    let error = load(&folder("a vector", None), "{ kind = \"embeddings\", dimensions = 17 }").unwrap_err().to_string();
    assert!(error.contains("17 dimensions") && error.contains("16"), "{error}");
    // A model that is written here has its weights read by their names, which this graph has not.
    let bert = json!({"model_type": "bert", "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "vocab_size": 40,
        "hidden_act": "gelu", "max_position_embeddings": 24});
    let error = load(&folder("a vector", Some(bert)), VECTORS).unwrap_err().to_string();
    assert!(error.contains("has no name") || error.contains("no tensor"), "{error}");
}
