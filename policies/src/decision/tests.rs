//! Decision records, written and read again.

use std::time::Duration;

use super::*;
use crate::select::{self, Aim, FirstToken, Monotonic, Outlook, Reason, Removed, Turn};

fn outlook() -> Outlook {
    Outlook {
        first_token: FirstToken { base: 0.22, prompt: 0.114, load: 0.024, factor: 1.18 },
        per_token: 0.02,
        output_tokens: 180.0,
        crowding: 0.1,
        cost: 0.0,
        failure_rate: 0.01,
        first_token_variance: 0.25,
        per_token_variance: 0.0,
        aim: Aim::NONE,
        removed: None,
        heard: Some(Duration::from_millis(1500)),
        waiting: 1,
        is_stuck: false,
        is_told: false,
        in_flight: 12.0,
    }
}

fn candidate(backend: &str) -> Candidate {
    let score = Score { first_token: 0.42244, generation: 3.6, crowding: 0.1, failure: 0.01, cost: 0.0 };
    Candidate {
        backend: backend.into(),
        model: Some("gpt".into()),
        tier: 0,
        excluded: None,
        removed: None,
        score: Some(score),
        expected: Some(Expected::of(&outlook(), 0.0)),
        price_nano_usd: Some(1_250_000),
    }
}

fn attempt(backend: &str, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        backend: backend.into(),
        outgrown: None,
        turn: Turn::First,
        continues: false,
        reason: Reason::NearTie,
        probability: 0.61,
        despite: None,
        spilled: false,
        predicted_s: 4.1,
        begun_s: 0.0004,
        first_token_s: Some(0.5),
        total_s: 4.0,
        outcome,
    }
}

fn decision() -> Decision {
    let far = Candidate {
        excluded: Some(Excluded {
            stage: "residency".into(),
            why: "the route requires EU, and it is in US".into(),
            place: Some("policy.toml:12:1".into()),
        }),
        score: None,
        expected: None,
        price_nano_usd: None,
        ..candidate("far")
    };
    let now = Monotonic::since_epoch(Duration::from_secs(10));
    let limited = Removed::CoolingDown { until: now + Duration::from_millis(2500) };
    let busy = Candidate { removed: Some(Removal::of(limited, now)), ..candidate("busy") };
    Decision {
        version: VERSION,
        id: "req_0190f5fe7c2d7e4b9a7c1d2e3f405162".into(),
        at: Moment::from_micros(1_800_000_000_123_456),
        share: 1.0,
        policy: "c3".repeat(32),
        route: Some("chat".into()),
        tenant: "acme".into(),
        asked: "chat".into(),
        model: Some("chat-large".into()),
        operation: Operation::Chat,
        streamed: true,
        prompt_tokens: 1900,
        max_output_tokens: Some(512),
        too_small: None,
        answers: Some(2),
        expected_output_tokens: 180.5,
        needs: Needs { tools: true, ..Needs::default() },
        session: None,
        claims: Kept::default(),
        headers: Kept::default(),
        token_names: TokenNames::default(),
        arm: None,
        outgrown: Vec::new(),
        stays: None,
        candidates: vec![candidate("near"), far, busy],
        attempts: vec![attempt("near", AttemptOutcome::Failed), attempt("busy", AttemptOutcome::Answered)],
        shadow: None,
        chosen: Some("busy".into()),
        usage: Some(Tokens { prompt_tokens: 1880, completion_tokens: 200, ..Tokens::default() }),
        cost_nano_usd: Some(4_350_000),
        first_token_s: Some(0.51),
        per_token_s: Some(0.0175),
        total_s: 4.2,
        status: 200,
        outcome: Outcome::Completed,
        error: None,
    }
}

fn line(decision: &Decision) -> String {
    let mut line = Vec::new();
    decision.write_line(&mut line).unwrap();
    String::from_utf8(line).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let decision = decision();
    let written = line(&decision);
    assert!(written.ends_with("}\n") && written.matches('\n').count() == 1, "{written}");
    assert_eq!(Decision::from_line(written.as_bytes()).unwrap(), decision);
}

#[test]
fn every_word_of_a_decision_is_read_as_it_is_written() {
    let mut decision = decision();
    for operation in Operation::ALL {
        for turn in [Turn::First, Turn::Careful, Turn::Again, Turn::Hedge] {
            for reason in [Reason::Only, Reason::Best, Reason::NearTie, Reason::Explored] {
                decision.operation = operation;
                let made = attempt("near", AttemptOutcome::CalledOff);
                decision.attempts = vec![Attempt { turn, reason, despite: Some(RemovedReason::Paced), ..made }];
                assert_eq!(Decision::from_line(line(&decision).as_bytes()).unwrap(), decision);
            }
        }
    }
    let words = [RemovedReason::CoolingDown, RemovedReason::BreakerOpen, RemovedReason::Misconfigured, RemovedReason::Full];
    for word in words.into_iter().chain([RemovedReason::Returning, RemovedReason::Unproven, RemovedReason::Drained]) {
        assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
    }
    for word in [AttemptOutcome::BrokenOff, AttemptOutcome::CalledOff, AttemptOutcome::RateLimited, AttemptOutcome::Unsuited] {
        assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
    }
}

#[test]
fn a_line_says_when_where_and_why_in_words_that_other_tools_read() {
    let read: serde_json::Value = serde_json::from_str(&line(&decision())).unwrap();
    assert_eq!(read["at"], "2027-01-15T08:00:00.123456Z");
    assert_eq!(read["operation"], "chat");
    assert_eq!(read["needs"], serde_json::json!({"tools": true}));
    assert_eq!(read["candidates"][1]["excluded"]["stage"], "residency");
    assert_eq!(read["candidates"][2]["removed"], serde_json::json!({"reason": "cooling_down", "back_in_s": 2.5}));
    assert_eq!(read["attempts"][0]["turn"], "first");
    assert_eq!(read["attempts"][0]["reason"], "near_tie");
    assert_eq!(read["attempts"][0]["outcome"], "failed");
    assert!(read.get("session").is_none() && read.get("error").is_none());
}

#[test]
fn fields_of_later_gateways_are_skipped_and_later_versions_are_refused() {
    let written = line(&decision());
    let more = written.replacen('{', "{\"colour\":{\"of\":[\"tomorrow\"]},", 1).replace("\"tier\":0", "\"tier\":0,\"mood\":1");
    assert_eq!(Decision::from_line(more.as_bytes()).unwrap(), decision());
    let later = written.replace("\"version\":1", "\"version\":2").replace("\"tier\":0", "\"tier\":\"first\"");
    let error = Decision::from_line(later.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "it is of version 2; known are those up to 1");
}

#[test]
fn a_line_that_was_cut_off_is_told_from_one_that_is_something_else() {
    let written = line(&decision());
    for end in [0, 1, written.len() / 2, written.len() - 2] {
        assert!(matches!(Decision::from_line(&written.as_bytes()[..end]), Err(InvalidLine::NotJson(_))), "{end}");
    }
    let missing = written.replace("\"tenant\":\"acme\",", "");
    let error = Decision::from_line(missing.as_bytes()).unwrap_err();
    assert!(matches!(error, InvalidLine::NotDecision(_)) && error.to_string().contains("`tenant`"), "{error}");
    let wrong = written.replace("\"outcome\":\"completed\"", "\"outcome\":\"splendid\"");
    assert!(matches!(Decision::from_line(wrong.as_bytes()), Err(InvalidLine::NotDecision(_))));
    assert!(matches!(Decision::from_line(b"[]"), Err(InvalidLine::NotDecision(_))));
}

#[test]
fn the_terms_of_a_score_add_up_to_what_was_compared() {
    let candidates = [select::Candidate { target: 0, tier: 0, outlook: outlook() }];
    let (_, score) = select::scores(&candidates).next().unwrap();
    let (expected, recorded) = (Expected::of(&outlook(), 0.0), Score::from(score));
    assert!((recorded.total() - score.total()).abs() < 1e-9);
    let first_token = (expected.base_s + expected.prompt_s + expected.load_s) * expected.factor;
    assert!((first_token - recorded.first_token).abs() < 1e-9);
    assert!((expected.output_tokens * expected.per_token_s - recorded.generation).abs() < 1e-9);
}
