//! What is computed when, as those notice who wait for it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fake::Speech;
use super::rig::{ECHO, Make, Reader, Rig, SETTINGS, limited, of, request};
use crate::chat::{ChatRequest, ChatSettings, Priority};
use crate::decoder::CacheLayout;

const ENDLESS: Make =
    Make { speech: Speech::Endless, context: 8192, layout: CacheLayout { blocks: 8192, block_size: 16 }, ..ECHO };

/// Rehearsed, so that it knows how long its steps take.
fn endless(settings: ChatSettings) -> Rig {
    Make { settings: ChatSettings { rehearsals: 2, ..settings }, ..ENDLESS }.rig()
}

/// Steps until it is over, and says when each piece of it came.
fn times(rig: &mut Rig, reader: &Reader) -> Vec<Duration> {
    let start = rig.clock.now();
    let (mut times, mut pieces) = (Vec::new(), 0);
    while !reader.is_over() {
        rig.step();
        let told: usize = reader.read().texts.iter().map(Vec::len).sum();
        times.extend((pieces..told).map(|_| rig.clock.now() - start));
        pieces = told;
    }
    times
}

#[test]
fn a_long_prompt_among_eight_streams_at_most_doubles_the_gap_between_their_tokens() {
    let settings = ChatSettings { rows: 16, step_tokens: 512, ..SETTINGS };
    let mut rig = endless(settings);
    let streams: Vec<Reader> = (0..8).map(|stream| rig.submit(limited(&format!("stream {stream}"), 900))).collect();
    (0..100).for_each(|_| rig.step());
    let long = rig.submit(limited(&"x".repeat(4096), 1));
    let times = times(&mut rig, &streams[0]);
    let mut gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort();
    let (median, longest) = (gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
    assert!(long.is_over());
    println!("median gap {median:?}, longest {longest:?}");
    assert!(longest <= 2 * median, "{median:?} {longest:?}");
}

#[test]
fn a_prompt_is_read_in_as_large_pieces_as_the_budget_allows_when_nobody_waits_for_a_token() {
    let mut rig = endless(SETTINGS);
    rig.behind().passes.clear();
    rig.answer(limited(&"x".repeat(150), 1));
    assert_eq!(rig.behind().passes, [[64], [64], [22]]);
}

#[test]
fn a_short_question_does_not_wait_for_a_long_prompt_to_be_read() {
    let mut rig = endless(SETTINGS);
    let streams: Vec<Reader> = (0..4).map(|stream| rig.submit(limited(&format!("stream {stream}"), 2000))).collect();
    (0..20).for_each(|_| rig.step());
    let long = rig.submit(limited(&"x".repeat(4096), 1));
    (0..10).for_each(|_| rig.step());
    let forecast = rig.engine.forecast(60, 10).first_token;
    let asked = rig.clock.now();
    let short = rig.submit(limited(&"y".repeat(60), 10));
    while short.read().texts.is_empty() {
        rig.step();
    }
    let took = rig.clock.now() - asked;
    assert!(!long.is_over() && !streams[0].is_over());
    assert!(took < Duration::from_millis(500), "{took:?}");
    let told = forecast.as_secs_f64() / took.as_secs_f64();
    assert!((0.7..1.4).contains(&told), "{forecast:?} {took:?}");
}

#[test]
fn short_prompts_are_read_together() {
    let mut rig = endless(SETTINGS);
    rig.behind().passes.clear();
    let _readers: Vec<_> = (0..4).map(|_| rig.submit(limited("0123456789", 1))).collect();
    rig.run();
    assert_eq!(rig.behind().passes, [[10; 4]]);
}

/// Tokens that each tenant has got, as far as told.
fn told(readers: &mut [(&'static str, Reader)]) -> BTreeMap<&'static str, usize> {
    let mut told = BTreeMap::new();
    for (tenant, reader) in readers {
        *told.entry(*tenant).or_default() += reader.read().text(0).len();
    }
    told
}

#[test]
fn a_tenant_that_floods_the_engine_does_not_delay_another() {
    let settings = ChatSettings { rows: 4, ..SETTINGS };
    let asked = |tenant| of(tenant, Priority::Interactive, limited("0123456789", 10));
    let mut rig = endless(settings);
    let mut readers: Vec<_> = (0..50).map(|_| ("flood", rig.submit(asked("flood")))).collect();
    readers.extend((0..3).map(|_| ("calm", rig.submit(asked("calm")))));
    // Three rounds of four rows, with the reading.
    (0..40).for_each(|_| rig.step());
    let told = told(&mut readers);
    assert!(told["calm"] == 30 && told["flood"] >= 60, "{told:?}");
}

#[test]
fn interactive_requests_go_before_a_batch_which_gets_a_little_all_the_same() {
    let settings = ChatSettings { rows: 4, ..SETTINGS };
    let asked = |priority| of("t", priority, limited("0123456789", 10));
    let mut rig = endless(settings);
    let mut readers: Vec<_> = (0..400).map(|_| ("batch", rig.submit(asked(Priority::Batch)))).collect();
    (0..5).for_each(|_| rig.step());
    readers.extend((0..400).map(|_| ("interactive", rig.submit(asked(Priority::Interactive)))));
    let before = told(&mut readers)["batch"];
    (0..900).for_each(|_| rig.step());
    let told = told(&mut readers);
    let share = (told["batch"] - before) as f64 / (told["batch"] - before + told["interactive"]) as f64;
    assert!((0.04..0.15).contains(&share), "{share} {told:?}");
}

#[test]
fn an_interactive_request_takes_the_place_of_a_batchs() {
    let mut rig = endless(ChatSettings { rows: 1, ..SETTINGS });
    let batch = rig.submit(of("t", Priority::Batch, limited("batch", 50)));
    (0..10).for_each(|_| rig.step());
    let interactive = rig.submit(limited("interactive", 3));
    (0..4).for_each(|_| rig.step());
    assert_eq!(interactive.read().text(0), "aaa");
    rig.run();
    assert_eq!(batch.read().text(0), "a".repeat(50));
}

#[test]
fn when_blocks_run_out_the_youngest_is_put_aside_and_goes_on_later() {
    let layout = CacheLayout { blocks: 10, block_size: 4 };
    let mut rig = Make { layout, context: 64, ..ENDLESS }.rig();
    let mut readers: Vec<_> = (0..3).map(|_| rig.submit(limited("0123", 20))).collect();
    let mut fewest = 3;
    while !readers[0].is_over() {
        rig.step();
        fewest = fewest.min(rig.worker.schedule().running().len());
    }
    assert!(fewest < 3, "there is no room for three of 24 tokens");
    rig.run();
    assert!(readers.iter_mut().all(|reader| reader.read().text(0) == "a".repeat(20)));
    assert_eq!(rig.available(), 10);
}

#[test]
fn whoever_would_wait_too_long_is_turned_away_and_told_when_to_come_back() {
    let settings = ChatSettings { rows: 1, longest_wait: Duration::from_secs(3), ..SETTINGS };
    let mut rig = endless(settings);
    // Each takes about 2.4 seconds, as the first twenty have taught.
    let asked = || limited("0123456789", 200);
    (0..20).for_each(|_| drop(rig.answer(asked())));
    let mut readers = vec![rig.submit(asked())];
    rig.step();
    readers.push(rig.submit(asked()));
    rig.step();
    let full = rig.engine.room().unwrap_err();
    assert!(rig.try_submit(asked()).is_err());
    let start = rig.clock.now();
    while rig.engine.room().is_err() {
        rig.step();
    }
    let told = full.retry_after.as_secs_f64() / (rig.clock.now() - start).as_secs_f64();
    assert!((0.7..1.4).contains(&told), "{full:?} {told}");
}

#[test]
fn a_prompt_known_to_the_cache_is_expected_to_be() {
    let mut rig = endless(SETTINGS);
    let prompt = "x".repeat(1000);
    let before = rig.engine.forecast(1000, 10).first_token;
    (0..30).for_each(|_| drop(rig.answer(ChatRequest { max_tokens: Some(1), ..request(&prompt) })));
    let after = rig.engine.forecast(1000, 10).first_token;
    assert!(after < before / 4, "{before:?} {after:?}");
}
