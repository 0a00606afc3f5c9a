//! Anthropic's dialect where no golden file reaches: the bodies of Bedrock and Vertex AI, single events, and hostile streams.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

use serde_json::{Value, json};
use tradewind_protocol::{
    Capabilities, Reasoning, Support,
    anthropic::{Decoder, EventDecoder, Options, Version, encode, read_answer},
    chat::{ConvertError, Dropped, StreamDecoder, StreamEvent, StreamFault, Target},
    openai::read_chat,
};

const START: &str =
    r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":3,"output_tokens":1}}}"#;

/// The body for `request` and what was left out.
fn body(request: &Value, options: &Options<'_>) -> Result<(Value, String), ConvertError> {
    let request = read_chat(request.to_string().as_bytes()).unwrap();
    let target = Target { model: "claude-sonnet-4-5", capabilities: &Capabilities::UNKNOWN };
    let mut dropped = Dropped::new();
    let body = encode(&request, &target, options, &mut dropped)?;
    Ok((serde_json::from_slice(&body).unwrap(), dropped.to_string()))
}

/// The events that `events` make, as text, and how it ended.
fn decoded(events: &[&str]) -> (Vec<String>, Result<(), StreamFault>) {
    let mut decoder = EventDecoder::new();
    let mut seen = Vec::new();
    let mut sink = |event: StreamEvent<'_>| seen.push(format!("{event:?}"));
    let outcome = events.iter().try_for_each(|event| decoder.event(event.as_bytes(), &mut sink)).and_then(|()| decoder.finish());
    (seen, outcome)
}

#[test]
fn bedrock_has_version_and_betas_in_the_body_and_neither_model_nor_stream() {
    let betas = ["context-1m-2025-08-07".to_owned()];
    let request = json!({"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let (body, dropped) = body(&request, &Options::bedrock(&betas)).unwrap();
    let expected = json!({"anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["context-1m-2025-08-07"], "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!((body, dropped.as_str()), (expected, ""));
}

#[test]
fn vertex_has_version_and_stream_in_the_body_and_no_model() {
    let request = json!({"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let (body, _) = body(&request, &Options::vertex()).unwrap();
    let expected = json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}],
        "stream": true});
    assert_eq!(body, expected);
}

#[test]
fn what_only_anthropic_itself_knows_is_left_out_elsewhere_and_a_promise_of_place_is_refused() {
    let request = json!({"model": "m", "speed": "fast", "service_tier": "default", "cache_control": {"type": "ephemeral"},
        "messages": [{"role": "user", "content": "hi"}]});
    for options in [Options::vertex(), Options::bedrock(&[])] {
        let (body, dropped) = body(&request, &options).unwrap();
        assert_eq!(dropped, "service_tier,speed");
        assert_eq!(body["cache_control"], json!({"type": "ephemeral"}));
    }
    let request = json!({"model": "m", "inference_geo": "eu", "messages": [{"role": "user", "content": "hi"}]});
    let refused = body(&request, &Options::vertex()).unwrap_err();
    assert!(matches!(refused, ConvertError::Unsupported { param, .. } if param == "inference_geo"));
}

#[test]
fn clouds_take_images_and_files_only_in_the_request() {
    let image = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    let file = json!({"type": "file", "file": {"file_id": "file_1"}});
    for part in [image, file] {
        let request = json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
        let refused = body(&request, &Options::bedrock(&[])).unwrap_err();
        assert!(refused.to_string().contains("`data:` URL"), "{refused}");
    }
}

#[test]
fn schemas_and_arguments_keep_their_bytes() {
    let schema = r#"{"type":"object","properties":{"b":{"type":"number","minimum":1.0},"a":{}}}"#;
    let text = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"x"}},{{"role":"assistant","tool_calls":[{{"id":"c","type":"function","function":{{"name":"f","arguments":"{{\"b\":1.0, \"a\":1e2}}"}}}}]}},{{"role":"tool","tool_call_id":"c","content":"y"}}],"tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]}}"#
    );
    let request = read_chat(text.as_bytes()).unwrap();
    let target = Target { model: "m", capabilities: &Capabilities::UNKNOWN };
    let body = encode(&request, &target, &Options::direct(Version::default()), &mut Dropped::new()).unwrap();
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains(schema), "{body}");
    assert!(body.contains(r#""input":{"b":1.0, "a":1e2}"#), "{body}");
}

#[test]
fn a_budget_of_thought_is_always_below_the_limit_and_never_below_the_least() {
    for reasoning in [Reasoning::Budget, Reasoning::Effort, Reasoning::None] {
        for limit in (1020..1030).chain([1, 2047, 2048, 2049, 4096, 20_000, 64_000]) {
            for effort in ["none", "minimal", "low", "medium", "high", "xhigh", "max"] {
                let request = json!({"model": "m", "max_tokens": limit, "reasoning_effort": effort, "messages": [{"role": "user", "content": "x"}]});
                let request = read_chat(request.to_string().as_bytes()).unwrap();
                let capabilities = Capabilities { reasoning, sampling: Support::Yes, ..Capabilities::UNKNOWN };
                let target = Target { model: "m", capabilities: &capabilities };
                let body = encode(&request, &target, &Options::direct(Version::default()), &mut Dropped::new()).unwrap();
                let body: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(body["max_tokens"], limit);
                if let Some(budget) = body["thinking"]["budget_tokens"].as_u64() {
                    assert!((1024..limit).contains(&budget), "{budget} of {limit}");
                }
            }
        }
    }
}

#[test]
fn blocks_that_interleave_are_told_by_the_number_of_their_call() {
    let (seen, outcome) = decoded(&[
        START,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
        r#"{"type":"content_block_start","index":7,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}"#,
        r#"{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"x\":1}"}}"#,
        r#"{"type":"content_block_stop","index":3}"#,
        r#"{"type":"content_block_stop","index":7}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#,
        r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":9}}"#,
    ]);
    assert_eq!(outcome, Ok(()));
    let arguments: Vec<_> = seen.iter().filter(|event| event.starts_with("ToolArguments")).collect();
    assert!(arguments[0].contains("index: 1") && arguments[1].contains("index: 0"), "{arguments:?}");
    assert!(seen.iter().any(|event| event.contains("prompt_tokens: 3, completion_tokens: 9")), "{seen:?}");
}

#[test]
fn nothing_is_read_after_the_end_and_an_end_is_needed() {
    let (seen, outcome) = decoded(&[START, r#"{"type":"message_stop"}"#, "no JSON", r#"{"type":"error"}"#]);
    assert_eq!(outcome, Ok(()));
    assert!(seen.iter().any(|event| event.contains("reason: Stop")), "{seen:?}");
    assert_eq!(decoded(&[START]).1, Err(StreamFault::Cut));
    assert!(matches!(decoded(&[r#"{"type":"message_stop"}"#]).1, Err(StreamFault::Malformed(_))));
}

#[test]
fn a_stream_that_opens_blocks_without_end_is_refused() {
    let blocks: Vec<String> = (0..10_000)
        .map(|index| format!(r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"x"}}}}"#))
        .collect();
    let events: Vec<&str> = std::iter::once(START).chain(blocks.iter().map(String::as_str)).collect();
    assert!(matches!(decoded(&events).1, Err(StreamFault::Malformed(_))));
}

#[test]
fn an_event_without_end_is_refused() {
    let mut decoder = Decoder::new();
    let piece = vec![b'x'; 1 << 20];
    let mut sink = |_: StreamEvent<'_>| ();
    let outcome = (0..32).try_for_each(|_| decoder.push(&piece, &mut sink));
    assert!(matches!(outcome, Err(StreamFault::Malformed(_))));
}

#[test]
fn nesting_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let answer =
        format!(r#"{{"content":[{{"type":"tool_use","id":"a","name":"f","input":{deep}}},{{"type":"x","text":{deep}}}]}}"#);
    assert!(read_answer(answer.as_bytes()).is_ok());
    let event = format!(r#"{{"type":"mood","delta":{deep},"index":{deep}}}"#);
    let unknown = decoded(&[START, &event, r#"{"type":"message_stop"}"#]);
    assert_eq!(unknown.1, Ok(()));
}

#[test]
fn calls_that_begin_and_do_not_end_may_hold_no_more_than_an_event() {
    let start = r#"{"type":"message_start","message":{"id":"m","usage":{}}}"#.to_owned();
    let input = "x".repeat(7 << 20);
    let begin = |index: usize| {
        format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"tool_use","id":"t{index}","name":"f","input":"{input}"}}}}"#
        )
    };
    let events: Vec<_> = std::iter::once(start).chain((0..3).map(begin)).collect();
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    assert_eq!(decoded(events.get(..3).unwrap()).1, Err(StreamFault::Cut));
    assert!(matches!(decoded(&events).1, Err(StreamFault::Malformed(_))));
}
