//! The engine as it runs.

use super::super::*;
use super::rig::{Fake, settings, text, tokens, vector};

fn engine() -> EmbeddingEngine {
    EmbeddingEngine::start(Fake::new().model(), settings()).unwrap()
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_inputs_with_all_tokens_counted() {
    let inputs = vec![text("abc"), tokens(2, 2), text("b")];
    let embeddings = engine().submit(inputs).unwrap().await.unwrap();
    assert_eq!(embeddings.vectors, [vector(&[0, 1, 2]), vector(&[2, 2]), vector(&[1])]);
    assert_eq!(embeddings.prompt_tokens, 6);
}

#[tokio::test]
async fn what_was_taken_is_answered_after_the_last_handle_is_gone() {
    let engine = engine();
    let pending: Vec<_> = (0..50).map(|token| engine.submit(vec![tokens(token, 9)]).unwrap()).collect();
    drop(engine);
    for (token, pending) in (0..).zip(pending) {
        assert_eq!(pending.await.unwrap().vectors, [vector(&[token; 9])]);
    }
}

#[tokio::test]
async fn a_closed_engine_takes_nothing() {
    let engine = engine();
    engine.close();
    assert!(matches!(engine.submit(vec![text("a")]), Err(SubmitError::Stopped)));
}
