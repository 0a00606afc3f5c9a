//! Operators and small encoders against ONNX Runtime. `tests/golden/graphs.py` made the graphs and the answers.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use candle_core::{DType, Device, Tensor};
use candle_onnx::onnx::ModelProto;
use prost::Message;
use serde::Deserialize;
use tradewind_models::encoder::{Encoder, Rows, TokenSequence};

use super::check::OPERATORS;
use super::encoder::{GraphFiles, check, load_encoder};
use super::program::Program;
use crate::bert::Purpose;

/// Positions of the encoders.
const CONTEXT: usize = 24;
/// How far a number may be off.
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Golden {
    operators: Vec<Operator>,
    encoders: Vec<Case>,
}

#[derive(Deserialize)]
struct Operator {
    operator: String,
    opset: i64,
    model: String,
    inputs: HashMap<String, Value>,
    output: String,
    expected: Value,
}

#[derive(Deserialize)]
struct Value {
    kind: String,
    shape: Vec<usize>,
    numbers: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    purpose: String,
    model: String,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    ids: Vec<u32>,
    first: usize,
    output: Vec<f32>,
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/graphs.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

impl Value {
    fn tensor(&self) -> Tensor {
        let kind = match self.kind.as_str() {
            "f32" => DType::F32,
            "i64" => DType::I64,
            _ => DType::U8,
        };
        Tensor::from_slice(&self.numbers, self.shape.as_slice(), &Device::Cpu).unwrap().to_dtype(kind).unwrap()
    }
}

impl Operator {
    fn answer(&self) -> candle_core::Result<Tensor> {
        let model = ModelProto::decode(STANDARD.decode(&self.model).unwrap().as_slice()).unwrap();
        let inputs = self.inputs.iter().map(|(name, value)| (name.clone(), value.tensor())).collect();
        Program::new(model.graph.unwrap(), self.opset, &self.output)?.run(inputs)
    }

    /// What is wrong with the answer.
    fn fault(&self) -> Option<String> {
        let expected = self.expected.tensor();
        let answer = match self.answer() {
            Ok(answer) => answer,
            Err(error) => return Some(error.to_string()),
        };
        if (answer.dims(), answer.dtype()) != (expected.dims(), expected.dtype()) {
            return Some(format!("{answer:?} for {expected:?}"));
        }
        let numbers = |x: &Tensor| x.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let worst = worst(&numbers(&answer), &numbers(&expected));
        (worst > TOLERANCE).then(|| format!("off by {worst}"))
    }
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

impl Case {
    fn purpose(&self) -> Purpose {
        match self.purpose.as_str() {
            "vectors" => Purpose::Vectors,
            "scores" => Purpose::Scores,
            _ => Purpose::TokenScores,
        }
    }

    fn load(&self) -> (Box<dyn Encoder>, Option<Vec<String>>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), STANDARD.decode(&self.model).unwrap()).unwrap();
        check(file.path()).unwrap();
        let files = GraphFiles { graph: file.path().to_owned(), config: None, pooling: None, modules: None };
        let (encoder, labels) = load_encoder(&files, self.purpose(), CONTEXT, 1).unwrap();
        (encoder, labels.map(|labels| labels.names().to_vec()))
    }
}

#[test]
fn every_operator_that_is_accepted_answers_as_onnx_runtime_does() {
    let operators = golden().operators;
    let tried: BTreeSet<&str> = operators.iter().map(|case| case.operator.as_str()).collect();
    assert_eq!(tried.into_iter().collect::<Vec<_>>(), OPERATORS);
    let faults: Vec<String> = operators
        .iter()
        .enumerate()
        .filter_map(|(index, case)| Some(format!("case {index}, {} of {}: {}", case.operator, case.opset, case.fault()?)))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn encoders_of_three_generations_answer_as_onnx_runtime_does_however_they_are_batched() {
    for case in golden().encoders {
        let (mut encoder, _) = case.load();
        let sequence = |answer: &Answer| TokenSequence { ids: answer.ids.clone(), first: answer.first };
        // Twice the same, and two of one length.
        let batch: Vec<TokenSequence> = case.answers.iter().chain(&case.answers).map(sequence).collect();
        let together = encoder.encode(&batch).unwrap();
        let alone: Vec<Vec<f32>> =
            batch.iter().flat_map(|sequence| encoder.encode(std::slice::from_ref(sequence)).unwrap()).collect();
        assert_eq!(together.len(), batch.len());
        for (answer, (together, alone)) in case.answers.iter().chain(&case.answers).zip(together.iter().zip(&alone)) {
            assert_eq!(together.len(), answer.output.len(), "{}", case.name);
            let worst = worst(together, &answer.output).max(worst(alone, &answer.output));
            assert!(worst < TOLERANCE, "{}: {} tokens are off by {worst}", case.name, answer.ids.len());
        }
    }
}

#[test]
fn what_a_graph_is_follows_from_its_outputs_and_its_table_of_words() {
    let cases = golden().encoders;
    let told = cases.iter().map(|case| {
        let (encoder, labels) = case.load();
        assert_eq!((encoder.vocabulary_size(), encoder.max_tokens()), (40, CONTEXT), "{}", case.name);
        (encoder.rows(), encoder.dimensions(), labels.map_or(0, |labels| labels.len()))
    });
    let expected = [(Rows::One, 16, 0), (Rows::One, 16, 0), (Rows::One, 3, 3), (Rows::PerToken, 3, 3)];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn a_graph_that_cannot_answer_the_task_or_read_the_context_is_refused() {
    let cases = golden().encoders;
    let refused = |case: &Case, purpose, context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), STANDARD.decode(&case.model).unwrap()).unwrap();
        let files = GraphFiles { graph: file.path().to_owned(), config: None, pooling: None, modules: None };
        load_encoder(&files, purpose, context, 1).err().unwrap().to_string()
    };
    let told = refused(&cases[2], Purpose::TokenScores, CONTEXT);
    assert!(told.contains("no output has the 3 dimensions that this task needs: there are `logits` of 2 dimensions"), "{told}");
    let told = refused(&cases[0], Purpose::Vectors, CONTEXT + 1);
    assert!(told.contains("no 25 tokens, which are the manifest's context, can be read: the node `/Add"), "{told}");
}
