//! What a request is answered, and how it ends.

use std::time::Duration;

use super::fake::{Speech, token};
use super::rig::{ECHO, Make, SETTINGS, limited, of, request, seeded};
use crate::chat::{ChatRequest, ChatSettings, Finish, GenerateError, Priority, Usage};
use crate::decoder::CacheLayout;
use crate::sample::{Sampling, SamplingOptions};

#[test]
fn an_answer_starts_streams_and_ends_with_its_usage() {
    let answers = ECHO.rig().answer(request("hi|"));
    assert_eq!(answers.prompt_tokens, Some(3));
    assert_eq!(answers.texts, [["h", "i"]]);
    assert_eq!(answers.finish, [Some(Finish::Stop)]);
    assert_eq!(answers.usage, Some(Usage { prompt_tokens: 3, cached_tokens: 0, completion_tokens: 3 }));
}

#[test]
fn the_limit_asked_for_and_the_context_end_an_answer() {
    let answers = ECHO.rig().answer(limited("hello|", 2));
    assert_eq!((answers.text(0).as_str(), answers.finish[0]), ("he", Some(Finish::Length)));
    let answers = Make { context: 16, ..ECHO }.rig().answer(limited("0123456789|", 1000));
    assert_eq!((answers.text(0).as_str(), answers.usage.unwrap().completion_tokens), ("01234", 5));
}

#[test]
fn what_cannot_be_answered_is_refused_before_anything_is_computed() {
    let rig = Make { context: 16, ..ECHO }.rig();
    let refused = |request| rig.submit(request).failure();
    assert!(matches!(refused(request("0123456789abcdef")), GenerateError::ContextExceeded { prompt_tokens: 16, limit: 16 }));
    assert!(matches!(refused(request("")), GenerateError::EmptyPrompt));
    let late = ChatRequest { deadline: Some(rig.clock.now()), ..request("a|") };
    assert!(matches!(refused(late), GenerateError::DeadlineExceeded));
    let bias = SamplingOptions { logit_bias: vec![(98, 1.0)], ..SamplingOptions::default() };
    let unknown = ChatRequest { sampling: Sampling::new(bias).unwrap(), ..request("a|") };
    assert!(matches!(refused(unknown), GenerateError::UnknownToken { token: 98, vocabulary: 98 }));
    assert!(rig.behind().passes.is_empty());
}

#[test]
fn a_sequence_is_never_longer_than_the_cache() {
    let layout = CacheLayout { blocks: 3, block_size: 4 };
    let mut rig = Make { layout, speech: Speech::Endless, ..ECHO }.rig();
    assert_eq!(rig.engine.context_length(), 12);
    assert_eq!(rig.answer(request("0123")).text(0), "aaaaaaaa");
}

#[test]
fn a_stop_string_ends_an_answer_and_none_of_it_is_sent() {
    let stopping = ChatRequest { stop: vec![". t".to_owned()], logprobs: Some(0), ..request("one. two|") };
    let answers = ECHO.rig().answer(stopping);
    assert_eq!((answers.text(0).as_str(), answers.finish[0]), ("one", Some(Finish::Stop)));
    assert_eq!(answers.usage.unwrap().completion_tokens, 6);
    assert_eq!(answers.tokens[0].len(), 3);
}

#[test]
fn text_held_back_for_a_stop_string_is_sent_when_the_answer_ends_otherwise() {
    let stopping = ChatRequest { stop: vec![".!".to_owned()], ..request("wait.|") };
    assert_eq!(ECHO.rig().answer(stopping).text(0), "wait.");
}

#[test]
fn a_character_of_several_tokens_is_sent_whole_and_one_cut_short_is_replaced() {
    assert_eq!(ECHO.rig().answer(request("aéb|")).texts, [["a", "é", "b"]]);
    assert_eq!(ECHO.rig().answer(limited("aé|", 2)).texts, [["a", "\u{fffd}"]]);
}

#[test]
fn how_likely_tokens_were_is_told_with_their_text() {
    let answers = ECHO.rig().answer(ChatRequest { logprobs: Some(2), ..request("aé|") });
    assert_eq!(answers.texts, [["a", "é"]]);
    let bytes: Vec<_> = answers.tokens[0].iter().map(|token| token.chosen.bytes.clone()).collect();
    assert_eq!(bytes, [b"a".to_vec(), vec![0xc3], vec![0xa9]]);
    let first = &answers.tokens[0][0];
    assert!(first.top.len() == 2 && first.top[0] == first.chosen && first.chosen.logprob > -0.01, "{first:?}");
    assert!(first.top[1].logprob < -10.0);
}

#[test]
fn several_answers_share_what_is_computed_of_the_prompt_and_each_is_its_own() {
    let noise = Make { speech: Speech::Noise, ..ECHO };
    let prompt = "a prompt of twenty-six tokens";
    let mut rig = noise.rig();
    let three = rig.answer(ChatRequest { max_tokens: Some(8), ..seeded(prompt, 5, 3) });
    assert_eq!(three.finish.len(), 3);
    assert_ne!(three.text(0), three.text(1));
    assert_ne!(three.text(1), three.text(2));
    let alone = noise.rig().answer(ChatRequest { max_tokens: Some(8), ..seeded(prompt, 5, 1) });
    assert_eq!(alone.text(0), three.text(0));
    // 29 tokens are 7 full blocks of 4: each further answer reads one token.
    let behind = rig.behind();
    let read: usize = behind.passes.iter().take(2).flatten().sum();
    assert_eq!(behind.passes[0], [29]);
    assert_eq!(read, 29 + 3);
    drop(behind);
    assert_eq!(rig.available(), 1024);
}

#[test]
fn a_prompt_that_came_before_is_not_computed_again_for_the_same_tenant() {
    let mut rig = ECHO.rig();
    let prompt = "hi|0123456789abc";
    for (tenant, cached) in [("a", 0), ("a", 12), ("b", 0), ("b", 12)] {
        let answers = rig.answer(of(tenant, Priority::Interactive, request(prompt)));
        assert_eq!(answers.usage.unwrap().cached_tokens, cached, "{tenant}");
    }
}

#[test]
fn penalties_and_biases_reach_the_choice_of_tokens() {
    let never = SamplingOptions { temperature: 0.0, logit_bias: vec![(token('a'), -100.0)], ..SamplingOptions::default() };
    let biased = ChatRequest { sampling: Sampling::new(never).unwrap(), max_tokens: Some(3), ..request("x|") };
    let answers = Make { speech: Speech::Endless, ..ECHO }.rig().answer(biased);
    assert!(!answers.text(0).contains('a'));
}

#[test]
fn a_cancelled_request_costs_nothing_from_the_next_step_on() {
    let mut rig = Make { speech: Speech::Endless, ..ECHO }.rig();
    let (cancelled, other) = (rig.submit(request("first")), rig.submit(limited("second", 20)));
    rig.step();
    drop(cancelled);
    rig.step();
    let last = rig.behind().passes.last().unwrap().clone();
    assert_eq!(last, [1]);
    assert_eq!(rig.worker.schedule().running().len(), 1);
    let waiting = rig.submit(request("third"));
    drop(waiting);
    rig.run();
    assert_eq!(other.read().text(0), "a".repeat(20));
    assert_eq!(rig.available(), 1024);
}

#[test]
fn a_deadline_that_passes_ends_an_answer_in_the_making() {
    let mut rig = Make { speech: Speech::Endless, ..ECHO }.rig();
    let deadline = Some(rig.clock.now() + Duration::from_millis(100));
    let reader = rig.submit(ChatRequest { deadline, ..request("a|") });
    rig.run();
    assert!(matches!(reader.failure(), GenerateError::DeadlineExceeded));
    assert_eq!(rig.available(), 1024);
}

#[test]
fn a_full_queue_refuses_and_makes_room_by_dropping_what_nobody_waits_for() {
    let settings = ChatSettings { queue: 1, rows: 1, ..SETTINGS };
    let mut rig = Make { settings, ..ECHO }.rig();
    let running = rig.submit(request("running|"));
    rig.step();
    let waiting = rig.submit(request("w|"));
    assert!(rig.engine.room().is_err());
    assert!(rig.try_submit(request("x|")).is_err());
    drop(waiting);
    let last = rig.submit(request("y|"));
    rig.run();
    assert_eq!((running.read().text(0).as_str(), last.read().text(0).as_str()), ("running", "y"));
    assert!(rig.engine.room().is_ok());
}

#[test]
fn a_queue_full_of_tokens_refuses_until_some_of_them_are_read_but_takes_a_single_request_however_long() {
    let settings = ChatSettings { queue_tokens: 100, rows: 1, ..SETTINGS };
    let mut rig = Make { settings, ..ECHO }.rig();
    let long = |letter: &str| format!("{letter}|{}", letter.repeat(150));
    let _running = rig.submit(request("running|"));
    rig.step();
    let _long = rig.submit(limited(&long("a"), 1));
    assert!(rig.engine.room().is_err());
    assert!(rig.try_submit(request("x|")).is_err());
    rig.run();
    assert!(rig.engine.room().is_ok());
}
