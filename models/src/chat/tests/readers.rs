//! Readers that do not read.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::fake::Speech;
use super::rig::{ECHO, Make, Rig, SETTINGS, limited, request};
use crate::chat::{ChatSettings, Event, GenerateError, Generation};
use crate::decoder::CacheLayout;

const ENDLESS: Make = Make { speech: Speech::Endless, ..ECHO };

/// Longer than a channel.
const LONG: usize = 400;

/// An engine that has nothing to do but an answer of [`LONG`] tokens that nobody reads.
fn stalled(make: Make) -> (Rig, Generation) {
    let mut rig = make.rig();
    let unread = rig.submit_unread(limited("unread", LONG));
    rig.run();
    (rig, unread)
}

fn next(generation: &mut Generation) -> Option<Event> {
    match generation.poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(event) => event,
        Poll::Pending => None,
    }
}

#[test]
fn an_answer_that_is_not_read_takes_no_step_and_loses_nothing() {
    let (mut rig, unread) = stalled(ENDLESS);
    let passes = rig.behind().passes.len();
    assert!(passes < 80, "{passes} steps for nobody");
    assert_eq!(rig.answer(limited("another", 300)).text(0), "a".repeat(300));
    let reader = rig.reader(unread);
    rig.run();
    let answers = reader.read();
    assert_eq!((answers.text(0), answers.usage.unwrap().completion_tokens), ("a".repeat(LONG), LONG));
    assert_eq!(rig.available(), 1024);
}

#[test]
fn whoever_reads_slowly_gets_everything_in_order() {
    let mut rig = ECHO.rig();
    let said: String = (0..150).map(|at| char::from(b'a' + at % 26)).collect();
    let mut slow = rig.submit_unread(request(&format!("{said}|")));
    let mut text = String::new();
    loop {
        rig.step();
        match next(&mut slow) {
            Some(Event::Text { text: more, .. }) => text.push_str(&more),
            Some(Event::Done { usage }) => {
                assert_eq!((text.as_str(), usage.completion_tokens), (said.as_str(), 151));
                break;
            }
            Some(Event::Failed(error)) => panic!("{error}"),
            _ => {}
        }
    }
    assert_eq!(rig.available(), 1024);
}

#[test]
fn one_that_is_not_read_for_half_a_minute_is_given_up_and_told_why() {
    let (mut rig, mut unread) = stalled(ENDLESS);
    rig.clock.pass(Duration::from_secs(29));
    rig.step();
    assert!(rig.available() < 1024);
    rig.clock.pass(Duration::from_secs(2));
    rig.run();
    assert_eq!(rig.available(), 1024);
    let events: Vec<Event> = std::iter::from_fn(|| next(&mut unread)).collect();
    assert!(events.len() > 60);
    assert!(matches!(events.last(), Some(Event::Failed(GenerateError::NotRead(_)))), "{:?}", events.last());
}

#[test]
fn reading_a_little_is_reading() {
    let (mut rig, mut unread) = stalled(ENDLESS);
    for _ in 0..10 {
        rig.clock.pass(Duration::from_secs(20));
        next(&mut unread);
        next(&mut unread);
        rig.run();
    }
    assert!(rig.available() < 1024);
}

#[test]
fn an_answer_that_is_complete_still_waits_for_its_reader_but_holds_nothing() {
    let mut rig = ENDLESS.rig();
    let unread = rig.submit_unread(limited("unread", 65));
    rig.run();
    assert_eq!(rig.available(), 1024);
    let reader = rig.reader(unread);
    assert!(reader.read().usage.is_none());
    rig.run();
    assert_eq!(reader.read().text(0), "a".repeat(65));
}

#[test]
fn a_reader_that_leaves_while_it_is_waited_for_frees_what_was_held() {
    let (mut rig, unread) = stalled(ENDLESS);
    drop(unread);
    rig.run();
    assert_eq!(rig.available(), 1024);
}

#[test]
fn those_that_are_held_take_no_rows_and_are_not_forecast() {
    let settings = ChatSettings { rows: 1, rehearsals: 2, ..SETTINGS };
    let idle = Make { settings, ..ENDLESS }.rig();
    let (mut rig, unread) = stalled(Make { settings, ..ENDLESS });
    let near = |a: Duration, b: Duration| (a.as_secs_f64() / b.as_secs_f64() - 1.0).abs() < 0.1;
    rig.clock.pass(Duration::from_secs(10));
    let (expected, told) = (idle.engine.forecast(100, 50), rig.engine.forecast(100, 50));
    assert!(near(expected.first_token, told.first_token) && near(expected.per_token, told.per_token), "{expected:?} {told:?}");
    assert_eq!(rig.answer(limited("another", 100)).text(0), "a".repeat(100));
    // Read again while the only row is taken: it waits for that.
    let other = rig.submit(limited("third", 100));
    rig.step();
    let reader = rig.reader(unread);
    rig.run();
    assert_eq!((reader.read().text(0).len(), other.read().text(0).len()), (LONG, 100));
    assert_eq!(rig.available(), 1024);
}

#[test]
fn those_that_are_held_give_way_to_whoever_needs_their_blocks() {
    // Room for one of a hundred tokens.
    let layout = CacheLayout { blocks: 30, block_size: 4 };
    let mut rig = Make { layout, ..ENDLESS }.rig();
    let unread = rig.submit_unread(limited("unread", 100));
    rig.run();
    assert!(rig.available() < 15);
    assert_eq!(rig.answer(limited(&"p".repeat(70), 40)).text(0), "a".repeat(40));
    let reader = rig.reader(unread);
    rig.run();
    assert_eq!(reader.read().text(0), "a".repeat(100));
    assert_eq!(rig.available(), 30);
}
