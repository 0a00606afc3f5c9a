//! What is computed together, and what is not computed at all.

use super::super::*;
use super::rig::{Rig, outcome, settings, text, tokens, vector, vectors};

/// The first token of each sequence of each batch.
fn firsts(rig: &Rig) -> Vec<Vec<u32>> {
    let first = |batch: &Vec<Vec<u32>>| batch.iter().map(|sequence| sequence[0]).collect();
    rig.fake.batches().iter().map(first).collect()
}

#[test]
fn requests_that_wait_share_a_batch() {
    let mut rig = Rig::new(settings());
    let mut requests: Vec<_> = (0..3).map(|token| rig.submit(vec![tokens(token, 3)])).collect();
    assert!(rig.compute());
    assert_eq!(firsts(&rig), [[0, 1, 2]]);
    for (token, request) in (0..).zip(&mut requests) {
        assert_eq!(vectors(request), [vector(&[token; 3])]);
    }
    assert!(!rig.compute());
}

#[test]
fn what_comes_while_a_batch_is_computed_is_in_the_next() {
    let mut rig = Rig::new(settings());
    let _first = rig.submit(vec![tokens(1, 4)]);
    let batch = rig.parts.intake.batch_of_now().unwrap();
    let _requests = [rig.submit(vec![tokens(2, 4)]), rig.submit(vec![tokens(3, 4)])];
    rig.parts.worker.step(batch, &rig.parts.intake);
    rig.compute_all();
    assert_eq!(firsts(&rig), [vec![1], vec![2, 3]]);
}

#[test]
fn a_large_request_is_divided_and_does_not_hold_up_a_small_one() {
    let mut rig = Rig::new(settings());
    let mut large = rig.submit((0..40).map(|token| tokens(token, 5)).collect());
    rig.compute();
    let mut small = rig.submit(vec![tokens(100, 5)]);
    rig.compute();
    assert!(outcome(&mut small).is_some());
    assert!(outcome(&mut large).is_none());
    rig.compute_all();
    assert_eq!(vectors(&mut large), (0..40).map(|token| vector(&[token; 5])).collect::<Vec<_>>());
    assert!(rig.fake.batches().iter().all(|batch| batch.concat().len() <= 10));
}

#[test]
fn a_large_request_does_not_hold_up_the_reading_of_a_small_one() {
    let mut rig = Rig::new(EncoderSettings { queue_tokens: usize::MAX, ..settings() });
    let _large = rig.hand_in((0..20_000).map(|_| text("abc")).collect());
    let mut small = rig.hand_in(vec![text("a")]);
    assert!(rig.read_piece() && rig.read_piece());
    rig.compute();
    assert_eq!(vectors(&mut small), [vector(&[0])]);
    assert!(rig.read_piece());
}

#[test]
fn the_same_text_is_computed_once_whoever_asks() {
    let mut rig = Rig::new(settings());
    let mut twice = rig.submit(vec![text("abc"), tokens(2, 3), text("abc")]);
    let mut again = rig.submit(vec![Input::Tokens(vec![0, 1, 2])]);
    rig.compute_all();
    let same = vector(&[0, 1, 2]);
    assert_eq!(outcome(&mut twice).unwrap().unwrap().prompt_tokens, 9);
    assert_eq!(vectors(&mut again), [same]);
    assert_eq!(rig.fake.batches(), [[vec![0, 1, 2], vec![2; 3]]]);
}

#[test]
fn what_was_computed_before_is_answered_without_the_model() {
    let mut rig = Rig::new(settings());
    let _before = rig.submit(vec![tokens(1, 4)]);
    let batch = rig.parts.intake.batch_of_now().unwrap();
    // One comes while it is computed, one after that.
    let mut meanwhile = rig.submit(vec![tokens(1, 4)]);
    rig.parts.worker.step(batch, &rig.parts.intake);
    let mut after = rig.submit(vec![tokens(1, 4)]);
    assert_eq!(vectors(&mut after), [vector(&[1; 4])]);
    assert!(!rig.compute());
    assert_eq!(vectors(&mut meanwhile), [vector(&[1; 4])]);
    assert_eq!(rig.fake.batches().len(), 1);
}

#[test]
fn without_a_cache_everything_is_computed_again() {
    let mut rig = Rig::new(EncoderSettings { cache_bytes: 0, ..settings() });
    for _ in 0..2 {
        let mut request = rig.submit(vec![tokens(1, 4)]);
        rig.compute_all();
        assert_eq!(vectors(&mut request), [vector(&[1; 4])]);
    }
    assert_eq!(rig.fake.batches().len(), 2);
}

#[test]
fn what_nobody_waits_for_is_not_computed() {
    let mut rig = Rig::new(settings());
    let (unread, read) = (rig.hand_in(vec![tokens(1, 4)]), rig.submit(vec![tokens(2, 4), tokens(3, 8)]));
    drop(unread);
    drop(read);
    let mut kept = rig.submit(vec![tokens(2, 4)]);
    rig.compute_all();
    assert_eq!(vectors(&mut kept), [vector(&[2; 4])]);
    assert_eq!(firsts(&rig), [[2]]);
}

#[test]
fn a_request_that_is_dropped_half_way_is_not_finished() {
    let mut rig = Rig::new(settings());
    let large = rig.submit((0..10).map(|token| tokens(token, 10)).collect());
    assert!(rig.compute());
    drop(large);
    assert!(!rig.compute());
    assert_eq!(rig.fake.batches().len(), 1);
}

#[test]
fn a_request_of_nothing_is_answered_at_once() {
    let rig = Rig::new(settings());
    assert_eq!(outcome(&mut rig.hand_in(Vec::new())).unwrap().unwrap().outputs, Vec::<Vec<f32>>::new());
}
