//! The engine as it runs.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::super::*;
use super::rig::{Fake, Rig, settings, text, tokens, vector};

/// How long to wait for what is bound to happen. It only bounds the wait of a test that fails.
const PATIENCE: Duration = Duration::from_secs(10);

fn engine() -> EncoderEngine {
    EncoderEngine::start(Fake::new().model(), settings()).unwrap()
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_inputs_with_all_tokens_counted() {
    let inputs = vec![text("abc"), tokens(2, 2), text("b")];
    let embeddings = engine().submit(inputs).unwrap().await.unwrap();
    assert_eq!(embeddings.outputs, [vector(&[0, 1, 2]), vector(&[2, 2]), vector(&[1])]);
    assert_eq!(embeddings.prompt_tokens, 6);
}

#[tokio::test]
async fn what_was_taken_is_answered_after_the_last_handle_is_gone() {
    let engine = engine();
    let pending: Vec<_> = (0..50).map(|token| engine.submit(vec![tokens(token, 9)]).unwrap()).collect();
    drop(engine);
    for (token, pending) in (0..).zip(pending) {
        assert_eq!(pending.await.unwrap().outputs, [vector(&[token; 9])]);
    }
}

#[tokio::test]
async fn a_closed_engine_takes_nothing() {
    let engine = engine();
    engine.close();
    assert!(matches!(engine.submit(vec![text("a")]), Err(SubmitError::Stopped)));
}

/// Which thread comes first is left to chance, so that it is tried often.
#[test]
fn the_thread_that_computes_ends_though_nobody_wants_the_last_request() {
    for _ in 0..200 {
        let rig = Rig::new(settings());
        let pending = rig.hand_in(vec![text("a")]);
        let intake = Arc::new(rig.parts.intake);
        intake.close();
        let (told, hears) = mpsc::channel();
        let computing = Arc::clone(&intake);
        thread::spawn(move || {
            told.send(false).unwrap();
            told.send(computing.next_batch().is_none()).unwrap();
        });
        assert_eq!(hears.recv_timeout(PATIENCE), Ok(false));
        // By now it waits, or is about to.
        for _ in 0..20 {
            thread::yield_now();
        }
        drop(pending);
        assert!(intake.next_unread().is_none());
        assert_eq!(hears.recv_timeout(PATIENCE), Ok(true));
    }
}
