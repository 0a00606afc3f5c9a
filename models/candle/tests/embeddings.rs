//! MiniLM against a reference in float64, through the whole engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use serde::Deserialize;
use tradewind_candle::{LoadOptions, load_encoder};
use tradewind_models::encoder::{EncodeError, Encoded, EncoderEngine, EncoderSettings, Input};
use tradewind_models::manifest;

#[derive(Deserialize)]
struct Sentence {
    text: String,
    tokens: Vec<u32>,
    vector: Vec<f32>,
}

/// A text, how many tokens it has, and its vector: numbers in sixteen bits each, as hexadecimal digits.
#[derive(Deserialize)]
struct Passage {
    text: String,
    count: usize,
    vector: String,
}

impl Passage {
    fn vector(&self) -> Vec<f32> {
        let digits = self.vector.as_bytes().chunks(4).map(|digits| std::str::from_utf8(digits).unwrap());
        digits.map(|digits| half::f16::from_bits(u16::from_str_radix(digits, 16).unwrap()).to_f32()).collect()
    }
}

fn engine() -> EncoderEngine {
    engine_with(EncoderSettings::default())
}

/// What is asked again is computed again.
fn forgetful_engine() -> EncoderEngine {
    engine_with(EncoderSettings { cache_bytes: 0, ..EncoderSettings::default() })
}

fn engine_with(settings: EncoderSettings) -> EncoderEngine {
    let chosen = manifest::default_embeddings().unwrap();
    let model = load_encoder(chosen, &common::files(chosen), &LoadOptions::default()).unwrap();
    EncoderEngine::start(model, settings).unwrap()
}

async fn embed(engine: &EncoderEngine, inputs: Vec<Input>) -> Result<Encoded, EncodeError> {
    engine.submit(inputs).unwrap().await
}

fn text(text: &str) -> Input {
    Input::Text(text.to_owned())
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn vectors_and_token_counts_are_those_of_the_reference() {
    let sentences: Vec<Sentence> = common::golden("embeddings.json");
    let engine = engine();
    let inputs = sentences.iter().map(|sentence| text(&sentence.text)).collect();
    let embeddings = embed(&engine, inputs).await.unwrap();
    assert_eq!(embeddings.prompt_tokens, sentences.iter().map(|sentence| sentence.tokens.len()).sum::<usize>());
    for (sentence, vector) in sentences.iter().zip(&embeddings.outputs) {
        assert_eq!(vector.len(), engine.dimensions());
        let worst = vector.iter().zip(&sentence.vector).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{:?} is off by {worst}", sentence.text);
    }
}

#[tokio::test]
async fn texts_of_every_length_have_the_reference_s_vectors_in_whatever_order_they_are_packed() {
    let mut passages: Vec<Passage> = common::golden("passages.json");
    assert!(passages.len() >= 100);
    let engine = forgetful_engine();
    for _ in 0..2 {
        let inputs = passages.iter().map(|passage| text(&passage.text)).collect();
        let embeddings = embed(&engine, inputs).await.unwrap();
        assert_eq!(embeddings.prompt_tokens, passages.iter().map(|passage| passage.count).sum::<usize>());
        for (passage, vector) in passages.iter().zip(&embeddings.outputs) {
            let expected = passage.vector();
            let length = expected.iter().map(|x| x * x).sum::<f32>().sqrt();
            let distance = 1.0 - cosine(vector, &expected) / length;
            assert!(distance.abs() < 1e-5, "{:?} is off by {distance}", passage.text);
        }
        passages.sort_by_key(|passage| passage.count * 37 % 101);
    }
}

#[tokio::test]
async fn a_batch_equals_its_inputs_one_by_one_given_as_text_or_as_tokens() {
    let sentences: Vec<Sentence> = common::golden("embeddings.json");
    let engine = forgetful_engine();
    let together = embed(&engine, sentences.iter().map(|sentence| text(&sentence.text)).collect()).await.unwrap();
    for (sentence, expected) in sentences.iter().zip(&together.outputs) {
        let alone = embed(&engine, vec![Input::Tokens(sentence.tokens.clone())]).await.unwrap();
        let worst = expected.iter().zip(&alone.outputs[0]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{:?} is off by {worst}", sentence.text);
    }
}

#[tokio::test]
async fn near_sentences_score_higher_than_far_ones() {
    let inputs = ["A man is eating food.", "Someone is having a meal.", "The stock market fell today."];
    let vectors = embed(&engine(), inputs.map(text).to_vec()).await.unwrap().outputs;
    assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]) + 0.3);
}

#[tokio::test]
async fn an_input_longer_than_the_model_was_made_for_is_refused_and_not_cut() {
    let error = embed(&engine(), vec![text("short"), text(&"word ".repeat(300))]).await.unwrap_err();
    assert!(matches!(error, EncodeError::TooLong { index: 1, tokens: 302, limit: 256 }), "{error}");
}
