//! The engine with an encoder that answers each sequence with its length and its first token.

use std::sync::{Arc, Mutex};

use super::*;
use crate::decoder::ForwardError;
use crate::encoder::Encoder;
use crate::tokenizer::{GgufVocabulary, TokenKind, Tokenizer};

const PANICS: u32 = 3;
const FAILS: u32 = 4;

/// Records the sizes of the batches that it was given.
#[derive(Clone, Default)]
struct Lengths(Arc<Mutex<Vec<usize>>>);

impl Encoder for Lengths {
    fn dimensions(&self) -> usize {
        2
    }

    fn max_tokens(&self) -> usize {
        8
    }

    fn vocabulary_size(&self) -> usize {
        5
    }

    fn encode(&mut self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, ForwardError> {
        self.0.lock().unwrap().push(sequences.len());
        assert!(!sequences.concat().contains(&PANICS), "a bug");
        if sequences.concat().contains(&FAILS) {
            return Err(ForwardError::new("out of memory"));
        }
        Ok(sequences.iter().map(|tokens| vec![tokens.len() as f32, tokens[0] as f32]).collect())
    }
}

fn engine(encoder: &Lengths) -> EmbeddingEngine {
    let tokens = ["a", "b", "c"].map(|token| (token.to_owned(), TokenKind::Text)).to_vec();
    let (model, pre) = ("gpt2".to_owned(), "smollm".to_owned());
    let tokenizer = Tokenizer::from_gguf(GgufVocabulary { model, pre, tokens, merges: Vec::new() }).unwrap();
    let model = EmbeddingModel { encoder: Box::new(encoder.clone()), tokenizer };
    EmbeddingEngine::start(model, EmbeddingSettings { queue: 2, queue_tokens: 1000, batch_tokens: 6, rehearsals: 0 }).unwrap()
}

fn text(text: &str) -> Input {
    Input::Text(text.to_owned())
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_inputs_with_all_tokens_counted() {
    let inputs = vec![text("abc"), Input::Tokens(vec![2, 2]), text("b")];
    let embeddings = engine(&Lengths::default()).submit(inputs).unwrap().await.unwrap();
    assert_eq!(embeddings.vectors, [[3.0, 0.0], [2.0, 2.0], [1.0, 1.0]]);
    assert_eq!(embeddings.prompt_tokens, 6);
}

#[tokio::test]
async fn inputs_are_batched_up_to_the_limit_and_never_divided() {
    let encoder = Lengths::default();
    let inputs = ["abc", "abc", "a", "aaaaaaa", "aa", "b"].map(text).to_vec();
    let embeddings = engine(&encoder).submit(inputs).unwrap().await.unwrap();
    assert_eq!(*encoder.0.lock().unwrap(), [2, 1, 1, 2]);
    assert_eq!(embeddings.vectors.len(), 6);
}

#[tokio::test]
async fn each_kind_of_bad_input_is_refused_by_its_number() {
    let encoder = Lengths::default();
    let engine = engine(&encoder);
    let error = engine.submit(vec![text("a"), text("")]).unwrap().await.unwrap_err();
    assert!(matches!(error, EmbedError::Empty { index: 1 }));
    let error = engine.submit(vec![text("abcabcabc")]).unwrap().await.unwrap_err();
    assert!(matches!(error, EmbedError::TooLong { index: 0, tokens: 9, limit: 8 }));
    let error = engine.submit(vec![Input::Tokens(vec![1, 5])]).unwrap().await.unwrap_err();
    assert!(matches!(error, EmbedError::UnknownToken { index: 0, token: 5, vocabulary: 5 }));
    assert!(encoder.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_failed_forward_pass_and_a_panic_cost_one_request_each() {
    let engine = engine(&Lengths::default());
    let error = engine.submit(vec![Input::Tokens(vec![FAILS])]).unwrap().await.unwrap_err();
    assert!(error.to_string().contains("out of memory"));
    let error = engine.submit(vec![Input::Tokens(vec![PANICS])]).unwrap().await.unwrap_err();
    assert!(matches!(error, EmbedError::Panicked(message) if message.contains("a bug")));
    assert_eq!(engine.submit(vec![text("a")]).unwrap().await.unwrap().vectors, [[1.0, 0.0]]);
}

#[tokio::test]
async fn a_closed_engine_takes_nothing() {
    let engine = engine(&Lengths::default());
    engine.close();
    assert!(matches!(engine.submit(vec![text("a")]), Err(SubmitError::Stopped)));
}
