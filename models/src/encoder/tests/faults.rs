//! Bad inputs, and a model that fails.

use super::super::*;
use super::rig::{FAILS, LOSES, PANICS, Rig, outcome, settings, text, tokens, vector, vectors};

fn error(pending: &mut Pending) -> EncodeError {
    outcome(pending).unwrap().unwrap_err()
}

#[test]
fn each_kind_of_bad_input_is_refused_by_its_number() {
    let mut rig = Rig::new(settings());
    let mut empty = rig.submit(vec![text("a"), text("")]);
    assert!(matches!(error(&mut empty), EncodeError::Empty { index: 1 }));
    let mut long = rig.submit(vec![text(&"abc".repeat(22))]);
    assert!(matches!(error(&mut long), EncodeError::TooLong { index: 0, tokens: 66, limit: 64 }));
    let mut unknown = rig.submit(vec![Input::Tokens(vec![1, 2000])]);
    assert!(matches!(error(&mut unknown), EncodeError::UnknownToken { index: 0, token: 2000, vocabulary: 1003 }));
    assert!(!rig.compute());
    assert!(rig.fake.batches().is_empty());
}

#[test]
fn a_pass_that_fails_costs_only_the_request_that_is_to_blame() {
    let mut rig = Rig::new(settings());
    let mut others = [rig.submit(vec![tokens(1, 2)]), rig.submit(vec![tokens(2, 2)])];
    let mut bad = [FAILS, PANICS, LOSES].map(|token| rig.submit(vec![tokens(3, 1), tokens(token, 1)]));
    rig.compute_all();
    for (token, other) in (1..).zip(&mut others) {
        assert_eq!(vectors(other), [vector(&[token; 2])]);
    }
    let [failed, panicked, lost] = bad.each_mut().map(error);
    assert!(failed.to_string().contains("out of memory"), "{failed}");
    assert!(matches!(&panicked, EncodeError::Panicked(message) if message.contains("a bug")), "{panicked}");
    assert!(lost.to_string().contains("0 outputs for 1 sequences"), "{lost}");
}

#[test]
fn the_engine_goes_on_after_a_failure() {
    let mut rig = Rig::new(settings());
    let _bad = rig.submit(vec![tokens(PANICS, 1)]);
    rig.compute_all();
    let mut good = rig.submit(vec![tokens(1, 2)]);
    rig.compute_all();
    assert_eq!(vectors(&mut good), [vector(&[1; 2])]);
}
