//! A decoder that fails.

use super::fake::{Fault, Speech};
use super::rig::{ECHO, Make, Rig, SETTINGS, limited, request};
use crate::chat::{ChatEngine, ChatSettings, Event, GenerateError, SubmitError};
use crate::decoder::CacheLayout;

fn failing(faults: &[Option<Fault>]) -> Rig {
    let rig = Make { speech: Speech::Endless, ..ECHO }.rig();
    rig.behind().faults.extend(faults);
    rig
}

#[test]
fn a_failed_step_and_a_panic_cost_those_in_the_batch_and_the_engine_goes_on_with_a_new_cache() {
    let mut rig = failing(&[None, Some(Fault::Fail), None, Some(Fault::Panic)]);
    let (first, second) = (rig.submit(limited("first", 4)), rig.submit(limited("second", 4)));
    rig.run();
    assert!(matches!(first.failure(), GenerateError::Forward(error) if error.to_string().contains("out of memory")));
    assert!(matches!(second.failure(), GenerateError::Forward(_)));
    let third = rig.submit(limited("third", 4));
    rig.run();
    assert!(matches!(third.failure(), GenerateError::Panicked(message) if &*message == "a bug"));
    assert_eq!(rig.behind().rebuilt, 2);
    assert_eq!(rig.answer(limited("first", 4)).text(0), "aaaa");
    assert_eq!(rig.available(), 1024);
}

#[test]
fn those_that_were_not_in_the_batch_are_computed_again() {
    let settings = ChatSettings { rows: 1, ..SETTINGS };
    let mut rig = Make { settings, ..ECHO }.rig();
    rig.behind().faults.push_back(Some(Fault::Fail));
    let (failed, waiting) = (rig.submit(request("a|")), rig.submit(request("b|")));
    rig.run();
    assert!(matches!(failed.failure(), GenerateError::Forward(_)));
    assert_eq!(waiting.read().text(0), "b");
}

#[test]
fn what_was_found_in_the_old_cache_is_not_found_in_the_new() {
    let mut rig = ECHO.rig();
    let asked = || limited("hi0123456789a|", 2);
    rig.answer(asked());
    assert_eq!(rig.answer(asked()).usage.unwrap().cached_tokens, 12);
    rig.behind().faults.push_back(Some(Fault::Panic));
    rig.answer(request("x|"));
    let again = rig.answer(asked());
    assert_eq!((again.text(0).as_str(), again.usage.unwrap().cached_tokens), ("hi", 0));
}

#[test]
fn logits_that_are_no_numbers_fail_the_request_alone() {
    let mut rig = failing(&[Some(Fault::Nonsense)]);
    let failed = rig.submit(request("x"));
    rig.run();
    assert!(matches!(failed.failure(), GenerateError::Sample(_)));
    assert_eq!((rig.behind().rebuilt, rig.available()), (0, 1024));
}

/// The threads of an engine, run one after the other in this one.
fn serve(rig: Rig) -> ChatEngine {
    let Rig { engine, intake, mut worker, .. } = rig;
    worker.serve(&intake);
    engine
}

#[test]
fn three_failures_in_a_row_stop_the_engine_and_it_says_so() {
    for faults in [[Some(Fault::Panic); 3], [Some(Fault::Fail), Some(Fault::Panic), Some(Fault::Fail)]] {
        let settings = ChatSettings { rows: 1, ..SETTINGS };
        let rig = Make { settings, ..ECHO }.rig();
        rig.behind().faults.extend(faults);
        let readers: Vec<_> = ["a|", "b|", "c|", "d|"].map(|prompt| rig.submit(request(prompt))).into();
        assert!(!rig.engine.has_stopped());
        let engine = serve(rig);
        assert!(engine.has_stopped());
        let failures: Vec<_> = readers.into_iter().map(super::rig::Reader::failure).collect();
        assert!(matches!(failures[3], GenerateError::Stopped));
        assert!(failures[..3].iter().all(|failure| !matches!(failure, GenerateError::Stopped)));
        assert_eq!(engine.submit(request("e|")).unwrap_err(), SubmitError::Stopped);
    }
}

#[test]
fn failures_with_a_success_between_them_do_not() {
    let mut rig = failing(&[Some(Fault::Fail), Some(Fault::Fail), None, Some(Fault::Fail), Some(Fault::Fail), None]);
    for _ in 0..6 {
        rig.answer(limited("x", 1));
    }
    rig.engine.close();
    assert!(!rig.engine.has_stopped());
    assert!(serve(rig).has_stopped(), "it was closed");
}

#[test]
fn an_engine_without_memory_for_a_new_cache_stops() {
    let rig = failing(&[Some(Fault::Fail)]);
    rig.behind().no_memory = true;
    let _failed = rig.submit(request("x"));
    assert!(serve(rig).has_stopped());
}

#[tokio::test]
async fn an_engine_that_is_stopped_ends_within_an_answer_and_lets_go_of_what_it_held() {
    let layout = CacheLayout { blocks: 1 << 16, block_size: 4 };
    let make = Make { speech: Speech::Endless, context: 1 << 18, layout, ..ECHO };
    let (_, _, model) = make.model();
    let (held, ended) = std::sync::mpsc::channel::<()>();
    let engine = ChatEngine::start_holding(model, make.settings, held).unwrap();
    let mut generation = engine.submit(request("x")).unwrap();
    while !matches!(generation.next().await, Some(Event::Text { .. })) {}
    engine.stop();
    assert!(ended.recv().is_err(), "what is held is dropped, which ends the wait");
    let mut events = Vec::new();
    while let Some(event) = generation.next().await {
        events.push(event);
    }
    assert!(!events.iter().any(|event| matches!(event, Event::Finished { .. })), "it was cut off");
    assert!(engine.has_stopped());
}

#[tokio::test]
async fn an_engine_answers_on_its_own_threads_and_ends_with_its_last_handle() {
    let (_, _, model) = ECHO.model();
    let engine = ChatEngine::start(model, ChatSettings { rehearsals: 1, ..ChatSettings::default() }).unwrap();
    let clones: Vec<_> = (0..8).map(|_| engine.clone()).collect();
    let generations: Vec<_> = clones.iter().map(|engine| engine.submit(request("hello|")).unwrap()).collect();
    engine.close();
    assert_eq!(engine.submit(request("late|")).unwrap_err(), SubmitError::Stopped);
    drop((engine, clones));
    for mut generation in generations {
        let mut text = String::new();
        while let Some(event) = generation.next().await {
            match event {
                Event::Text { text: more, .. } => text.push_str(&more),
                Event::Failed(error) => panic!("{error}"),
                _ => {}
            }
        }
        assert_eq!(text, "hello");
    }
}
