//! Reranking and inference through the backend, with encoders that count letters.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use tower::ServiceExt;
use tradewind_models::{
    Classifier, EncoderEngine, Reranker, TokenClassifier,
    classify::{Activation, Labels},
    decoder::ForwardError,
    encoder::{Encoder, EncoderModel, EncoderSettings, Rows, TokenSequence},
    manifest::Manifest,
    tokenizer::{GgufVocabulary, TokenKind, Tokenizer},
};
use tradewind_protocol::{Capabilities, Payload, openai::Head};

use super::*;
use crate::{
    context::testing::context,
    inference::{Content, Inference},
};

const ID: &str = "letters";

/// How often each of the first letters occurs; of a token, whether it is the letter, five times over.
struct Letters {
    rows: Rows,
    letters: usize,
}

impl Encoder for Letters {
    fn dimensions(&self) -> usize {
        self.letters
    }

    fn rows(&self) -> Rows {
        self.rows
    }

    fn max_tokens(&self) -> usize {
        10
    }

    fn vocabulary_size(&self) -> usize {
        3
    }

    fn encode(&mut self, sequences: &[TokenSequence]) -> Result<Vec<Vec<f32>>, ForwardError> {
        let count = |ids: &[u32], letter: usize| ids.iter().filter(|id| **id as usize == letter).count() as f32;
        let row = |ids: &[u32]| (0..self.letters).map(|letter| count(ids, letter)).collect::<Vec<f32>>();
        let output = |sequence: &TokenSequence| match self.rows {
            Rows::One => row(&sequence.ids),
            Rows::PerToken => sequence.ids.iter().flat_map(|id| row(&[*id; 5])).collect(),
        };
        Ok(sequences.iter().map(output).collect())
    }
}

fn model(rows: Rows, labels: &[&str]) -> EncoderModel {
    let tokens = ["a", "b", "c"].map(|token| (token.to_owned(), TokenKind::Text)).to_vec();
    let (model, pre) = ("gpt2".to_owned(), "smollm".to_owned());
    let tokenizer = Tokenizer::from_gguf(GgufVocabulary { model, pre, tokens, ..GgufVocabulary::default() }).unwrap();
    let labels = Labels::new(labels.iter().map(|label| (*label).to_owned()), Activation::Softmax);
    let letters = labels.names().len();
    EncoderModel { encoder: Box::new(Letters { rows, letters }), tokenizer, labels: Some(labels) }
}

fn settings() -> EncoderSettings {
    EncoderSettings { rehearsals: 0, ..EncoderSettings::default() }
}

/// The backend with this engine, of a model that does this.
fn local(task: &str, engine: Engine) -> Local {
    let manifest = format!("id = \"{ID}\"\ntask = {task}\nlicence = \"MIT\"\ncontext = 10\nfile = []\nsource = []");
    let engines = LocalEngines::default();
    engines.set(&Manifest::parse(&manifest).unwrap(), engine);
    Local::new(engines)
}

fn reranker() -> Local {
    local("{ kind = \"rerank\" }", Engine::Rerank(Reranker::start(model(Rows::One, &["score"]), settings()).unwrap()))
}

fn classifier() -> Local {
    let classifier = Classifier::start(model(Rows::One, &["A", "B", "C"]), settings()).unwrap();
    local("{ kind = \"classification\" }", Engine::Classification(classifier))
}

fn tagger() -> Local {
    let classifier = TokenClassifier::start(model(Rows::PerToken, &["O", "B-X", "I-X"]), settings(), None).unwrap();
    local("{ kind = \"token-classification\" }", Engine::TokenClassification(classifier))
}

async fn ask(local: &Local, operation: Operation, body: &Value) -> Result<(Value, u64), Failure> {
    let payload = Payload::new(Head::named("alias".to_owned()), Bytes::from(body.to_string()));
    let inference = Inference { context: context(), operation, payload: payload.into() };
    let attempt = Attempt {
        inference,
        model: ID.parse().unwrap(),
        capabilities: Capabilities::UNKNOWN.into(),
        timeouts: tradewind_policies::spec::Timeouts::default(),
    };
    match local.clone().oneshot(attempt).await?.content {
        Content::Whole(whole) => {
            assert_eq!(whole.status, StatusCode::OK);
            Ok((serde_json::from_slice(&whole.body).unwrap(), whole.usage.unwrap().prompt_tokens))
        }
        Content::Events(_) => panic!("a whole answer was expected"),
    }
}

fn texts(name: &str, texts: &[&str]) -> Value {
    json!({ "name": name, "shape": [texts.len()], "datatype": "BYTES", "data": texts })
}

#[tokio::test]
async fn documents_are_ranked_with_the_best_first() {
    let body =
        json!({"model": "alias", "query": "a", "documents": ["b", {"text": "aab"}, "ab"], "top_n": 2, "return_documents": true});
    let (answer, tokens) = ask(&reranker(), Operation::Rerank, &body).await.unwrap();
    let told: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|one| (&one["index"], &one["document"]["text"])).collect();
    assert_eq!(told, [(&json!(1), &json!("aab")), (&json!(2), &json!("ab"))]);
    // By Python: 1 / (1 + math.exp(-3))
    assert!((answer["results"][0]["relevance_score"].as_f64().unwrap() - 0.952_574).abs() < 1e-5, "{answer}");
    assert_eq!((tokens, &answer["model"]), (2 + 4 + 3, &json!("alias")));
}

#[tokio::test]
async fn a_document_that_is_too_long_is_cut_and_a_query_is_not() {
    let scores = async |query: &str, document: &str, most: Option<u64>| {
        let body = json!({"model": "m", "query": query, "documents": [document], "max_tokens_per_doc": most});
        ask(&reranker(), Operation::Rerank, &body).await.map(|(_, tokens)| tokens)
    };
    assert_eq!(scores("a", &"b".repeat(30), None).await.unwrap(), 10);
    assert_eq!(scores("a", &"b".repeat(30), Some(4)).await.unwrap(), 5);
    let failure = scores(&"a".repeat(10), "b", None).await.unwrap_err();
    assert!(failure.detail.contains("10 tokens, and both together may have 10"), "{failure:?}");
}

#[tokio::test]
async fn what_cannot_be_reranked_is_refused() {
    for (body, part) in [
        (json!({"model": "m", "query": "a", "documents": []}), "1 to 1000 texts"),
        (json!({"model": "m", "query": "a", "documents": ["a"], "priority": 1}), "`priority`"),
        (json!({"model": "m", "documents": ["a"]}), "query"),
    ] {
        let failure = ask(&reranker(), Operation::Rerank, &body).await.unwrap_err();
        assert!(failure.detail.contains(part), "{failure:?}");
    }
}

#[tokio::test]
async fn a_classifier_tells_the_best_label_and_all_scores() {
    let body = json!({"id": "7", "inputs": [texts("text", &["bb", "cca"])], "parameters": {"binary_data_output": true}});
    let (answer, tokens) = ask(&classifier(), Operation::Infer, &body).await.unwrap();
    assert_eq!((&answer["model_name"], &answer["id"], tokens), (&json!("alias"), &json!("7"), 5));
    let [label, score, scores] = answer["outputs"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!(*label, json!({"name": "label", "shape": [2], "datatype": "BYTES", "data": ["B", "C"]}));
    assert_eq!((&score["datatype"], &scores["shape"]), (&json!("FP32"), &json!([2, 3])));
    assert_eq!(scores["parameters"], json!({"labels": ["A", "B", "C"]}));
    // By Python: math.exp(2) / (math.exp(2) + 2)
    assert!((scores["data"][1].as_f64().unwrap() - 0.786_986).abs() < 1e-5, "{answer}");
    assert_eq!(score["data"][0], scores["data"][1]);
}

#[tokio::test]
async fn pairs_are_classified_together_and_cut_only_if_that_is_asked_for() {
    let ask = async |truncation: Option<&str>, more: usize| {
        let mut body = json!({"inputs": [texts("text", &["a"]), texts("text_pair", &["b".repeat(more).as_str()])],
            "outputs": [{"name": "label"}]});
        if let Some(truncation) = truncation {
            body["parameters"] = json!({ "truncation": truncation });
        }
        ask(&classifier(), Operation::Infer, &body).await
    };
    let (answer, _) = ask(None, 2).await.unwrap();
    assert_eq!(answer["outputs"], json!([{"name": "label", "shape": [1], "datatype": "BYTES", "data": ["B"]}]));
    let failure = ask(None, 12).await.unwrap_err();
    assert_eq!(failure.error.kind(), Kind::ContextLengthExceeded);
    assert_eq!(ask(Some("only_second"), 12).await.unwrap().1, 10);
    assert_eq!(ask(Some("longest_first"), 12).await.unwrap().1, 10);
    assert_eq!(ask(Some("last"), 2).await.unwrap_err().error.kind(), Kind::InvalidRequest);
}

#[tokio::test]
async fn entities_are_told_with_their_text_and_their_place() {
    let body = json!({"inputs": [texts("text", &["aabca", "b"])]});
    let (answer, _) = ask(&tagger(), Operation::Infer, &body).await.unwrap();
    let column = |name: &str| {
        let outputs = answer["outputs"].as_array().unwrap();
        outputs.iter().find(|output| output["name"] == name).unwrap()["data"].clone()
    };
    assert_eq!(column("text_index"), json!([0, 1]));
    assert_eq!(column("label"), json!(["X", "X"]));
    assert_eq!((column("start"), column("end")), (json!([2, 0]), json!([4, 1])));
}

#[tokio::test]
async fn vectors_and_scores_of_pairs_are_tensors_too() {
    let engine = EncoderEngine::start(model(Rows::One, &["", "", ""]), settings()).unwrap();
    let local = local("{ kind = \"embeddings\", dimensions = 3 }", Engine::Embeddings(engine));
    let (answer, _) = ask(&local, Operation::Infer, &json!({"inputs": [texts("text", &["ab", "cc"])]})).await.unwrap();
    let vectors = json!([{"name": "embedding", "shape": [2, 3], "datatype": "FP32", "data": [1.0, 1.0, 0.0, 0.0, 0.0, 2.0]}]);
    assert_eq!(answer["outputs"], vectors);

    let pairs = json!({"inputs": [texts("text", &["a", "b"]), texts("text_pair", &["a", "b"])]});
    let (answer, _) = ask(&reranker(), Operation::Infer, &pairs).await.unwrap();
    assert_eq!((&answer["outputs"][0]["name"], &answer["outputs"][0]["shape"]), (&json!("score"), &json!([2])));
}

#[tokio::test]
async fn what_no_model_takes_is_refused_by_name() {
    let text = || texts("text", &["a"]);
    for (local, body, part) in [
        (classifier(), json!({"inputs": []}), "no input `text`"),
        (classifier(), json!({"inputs": [texts("text", &[])]}), "1 to 2048 texts"),
        (classifier(), json!({"inputs": [text(), texts("text_pair", &["a", "b"])]}), "has 1 texts and `text_pair` 2"),
        (
            classifier(),
            json!({"inputs": [text()], "parameters": {"temperature": 1}}),
            "no parameter `temperature`; accepted: truncation",
        ),
        (
            classifier(),
            json!({"inputs": [text()], "outputs": [{"name": "logits"}]}),
            "no output `logits`; accepted: label, score, scores",
        ),
        (classifier(), json!({"inputs": [text()], "parameters": {"truncation": "longest_first"}}), "a single text is not cut"),
        (tagger(), json!({"inputs": [text(), texts("text_pair", &["a"])]}), "takes no `text_pair`"),
        (tagger(), json!({"inputs": [text()], "parameters": {"aggregation_strategy": "max"}}), "must be simple or first"),
        (reranker(), json!({"inputs": [text()]}), "no input `text_pair`"),
        (reranker(), json!({"outputs": []}), "inputs"),
    ] {
        let failure = ask(&local, Operation::Infer, &body).await.unwrap_err();
        assert_eq!(failure.blame, Blame::Invalid, "{failure:?}");
        assert!(failure.detail.contains(part), "{failure:?}");
    }
}

#[tokio::test]
async fn the_gateway_asks_for_itself_by_a_handle() {
    let handle = |local: Local| LocalModel::new(local.engines, ID.to_owned());
    let one = || vec!["bb".to_owned()];
    let scores = handle(classifier()).classify(one()).await.unwrap();
    assert_eq!(scores[0].iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>(), ["A", "B", "C"]);
    assert!(scores[0][1].1 > 0.7);
    assert_eq!(handle(tagger()).entities(one()).await.unwrap()[0].len(), 1);
    let other = handle(tagger()).embed(one()).await.unwrap_err();
    assert!(matches!(other, AskError::OtherTask { .. }), "{other}");
    let loading = handle(local("{ kind = \"chat\" }", Engine::Loading)).embed(one()).await.unwrap_err();
    assert!(matches!(loading, AskError::Loading(_)), "{loading}");
}
