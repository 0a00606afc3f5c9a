//! What is read from the streams of OpenAI-shaped hosts, and what is written to clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where and why")]

use tradewind_protocol::{
    Usage,
    chat::{FinishReason, Sink as _, StreamDecoder as _, StreamEvent, StreamFault},
    openai::{ChunkDecoder, ChunkEncoder, Framing, Identity},
};

const IDENTITY: Identity<'static> = Identity { id: "1", created: 7, model: "alias" };

/// The events of a stream, as they print; every cut into two pieces gives the same.
fn decode(body: &str) -> (Vec<String>, Result<(), StreamFault>) {
    let in_pieces = |cut: usize| {
        let (first, second) = body.as_bytes().split_at(cut);
        let mut events = Vec::new();
        let mut sink = |event: StreamEvent<'_>| events.push(format!("{event:?}"));
        let mut decoder = ChunkDecoder::default();
        let outcome = decoder.push(first, &mut sink).and_then(|()| decoder.push(second, &mut sink));
        let outcome = outcome.and_then(|()| decoder.finish(&mut sink));
        (events, outcome)
    };
    let whole = in_pieces(body.len());
    for cut in 0..body.len() {
        assert_eq!(in_pieces(cut), whole, "cut at {cut}");
    }
    whole
}

fn chunks(chunks: &[&str]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

/// What a client sees of a stream.
fn translated(body: &str, include_usage: bool) -> String {
    let mut encoder = ChunkEncoder::new(Framing::Chat, &IDENTITY, include_usage);
    let mut decoder = ChunkDecoder::default();
    decoder.push(body.as_bytes(), &mut encoder).unwrap();
    decoder.finish(&mut encoder).unwrap();
    encoder.end();
    String::from_utf8(encoder.take().to_vec()).unwrap()
}

#[test]
fn a_plain_stream_comes_out_as_it_went_in_but_for_the_name_of_the_model() {
    let body = chunks(&[
        r#"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"H\"i\n"},"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":8,"completion_tokens":1,"total_tokens":9}}"#,
        "[DONE]",
    ]);
    assert_eq!(translated(&body, true), body.replace(r#""model":"m""#, r#""model":"alias""#));
    assert!(!translated(&body, false).contains("usage"));
}

#[test]
fn calls_are_told_apart_however_a_host_numbers_them() {
    let expected = [
        r#"Start { id: "c" }"#,
        r#"ToolCall { choice: 0, index: 0, id: "a", name: "f", signature: None }"#,
        r#"ToolArguments { choice: 0, index: 0, fragment: "{\"x\":" }"#,
        r#"ToolArguments { choice: 0, index: 0, fragment: "1}" }"#,
        r#"ToolCall { choice: 0, index: 1, id: "b", name: "g", signature: None }"#,
        r#"ToolArguments { choice: 0, index: 1, fragment: "{}" }"#,
        "Finish { choice: 0, reason: ToolCalls }",
    ];
    let delta = |calls: &str| format!(r#"{{"id":"c","choices":[{{"delta":{{"tool_calls":[{calls}]}}}}]}}"#);
    for [first, second, third] in [
        // By index, as OpenAI does.
        [
            r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":"}}"#,
            r#"{"index":0,"function":{"arguments":"1}"}}"#,
            r#"{"index":1,"id":"b","function":{"name":"g","arguments":""}}"#,
        ],
        // All of one index.
        [
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}"#,
            r#"{"index":0,"id":"","function":{"name":"","arguments":"1}"}}"#,
            r#"{"index":0,"id":"b","function":{"name":"g","arguments":null}}"#,
        ],
        // None at all, and the arguments as JSON.
        [
            r#"{"id":"a","function":{"name":"f","arguments":"{\"x\":"}}"#,
            r#"{"function":{"arguments":"1}"}}"#,
            r#"{"id":"b","function":{"name":"g","arguments":{}}}"#,
        ],
    ] {
        let last = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
        let body = chunks(&[&delta(first), &delta(second), &delta(third), last, "[DONE]"]);
        assert_eq!(decode(&body), (expected.map(ToOwned::to_owned).to_vec(), Ok(())));
    }
}

#[test]
fn a_call_without_an_id_is_named_after_the_answer() {
    let body = chunks(&[
        r#"{"id":"c","choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"f","arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
    ]);
    let (events, outcome) = decode(&body);
    assert_eq!(outcome, Ok(()));
    let calls: Vec<_> = events.iter().filter(|event| event.starts_with("ToolCall")).collect();
    assert!(calls[0].contains("\"call_c_0_0\"") && calls[1].contains("\"call_c_0_1\""), "{calls:?}");
}

#[test]
fn thoughts_are_understood_in_every_spelling() {
    for delta in [
        r#"{"reasoning_content":"hm"}"#,
        r#"{"reasoning":"hm","reasoning_details":[{"text":"hm"}]}"#,
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#,
        r#"{"content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]}]}"#,
    ] {
        let first = format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{delta}}}]}}"#);
        let last =
            r#"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"yes"}]},"finish_reason":"model_length"}]}"#;
        let (events, outcome) = decode(&chunks(&[&first, last, "[DONE]"]));
        assert_eq!(outcome, Ok(()));
        let said = [
            r#"Reasoning { choice: 0, text: "hm" }"#,
            r#"Text { choice: 0, text: "yes" }"#,
            "Finish { choice: 0, reason: Length }",
        ];
        assert_eq!(events[1..], said, "{delta}");
    }
}

#[test]
fn oddities_of_hosts_are_tolerated() {
    // Azure's first chunk, a comment, usage in every chunk, and no `[DONE]` nor blank line at the end.
    let body = concat!(
        "data: {\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\r\n\r\n",
        ": OPENROUTER PROCESSING\n\n",
        "data:{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
    );
    let (events, outcome) = decode(body);
    assert_eq!(outcome, Ok(()));
    assert_eq!(events.first().unwrap(), r#"Start { id: "c" }"#);
    assert!(events.last().unwrap().starts_with("Usage(Usage { prompt_tokens: 1, completion_tokens: 1,"));
    assert_eq!(events.len(), 4);
}

#[test]
fn errors_in_the_stream_are_told_with_their_status() {
    let text = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    for (chunk, status) in [
        (r#"{"error":{"message":"gone","type":"server_error","code":null}}"#, 500),
        (
            r#"{"id":"g","error":{"code":502,"message":"gone"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
            502,
        ),
        (r#"{"error":{"message":"gone","code":"rate_limit_exceeded"}}"#, 429),
        (r#"{"error":"gone","error_type":"overloaded"}"#, 429),
        (r#"{"object":"error","message":"gone","code":400}"#, 400),
    ] {
        let (events, outcome) = decode(&chunks(&[text, chunk]));
        assert_eq!(outcome, Err(StreamFault::Told { status, message: "gone".to_owned() }), "{chunk}");
        assert_eq!(events.len(), 2);
    }
}

#[test]
fn a_stream_that_breaks_off_is_cut() {
    let text = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    assert_eq!(decode(&chunks(&[text])).1, Err(StreamFault::Cut));
    assert_eq!(decode(&chunks(&[text, "[DONE]"])).1, Err(StreamFault::Cut));
    assert_eq!(decode("").1, Err(StreamFault::Cut));
    assert!(matches!(decode(&chunks(&["<html>"])).1, Err(StreamFault::Malformed(_))));
    assert!(matches!(decode(&chunks(&["{\"choices\":5}"])).1, Err(StreamFault::Malformed(_))));
}

#[test]
fn nesting_and_endless_lists_are_bounded() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let mut decoder = ChunkDecoder::default();
    let chunk = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":{deep}}}}}]}}\n\n");
    assert!(decoder.push(chunk.as_bytes(), &mut |_: StreamEvent<'_>| ()).is_err());
    let many: Vec<String> = (0..5000).map(|index| format!("{{\"index\":{index},\"delta\":{{}}}}")).collect();
    let chunk = format!("data: {{\"choices\":[{}]}}\n\n", many.join(","));
    assert!(ChunkDecoder::default().push(chunk.as_bytes(), &mut |_: StreamEvent<'_>| ()).is_err());
}

#[test]
fn what_the_canonical_form_can_say_is_written() {
    let mut encoder = ChunkEncoder::new(Framing::Chat, &IDENTITY, true);
    for event in [
        StreamEvent::Start { id: "" },
        StreamEvent::Reasoning { choice: 0, text: "h" },
        StreamEvent::Reasoning { choice: 0, text: "m" },
        StreamEvent::ReasoningSignature { choice: 0, signature: "s" },
        StreamEvent::RedactedReasoning { choice: 0, data: "x" },
        StreamEvent::Refusal { choice: 0, text: "no" },
        StreamEvent::ToolCall { choice: 0, index: 0, id: "a", name: "f", signature: Some("c2ln") },
        StreamEvent::ToolCall { choice: 0, index: 1, id: "b", name: "g", signature: None },
        StreamEvent::ToolArguments { choice: 0, index: 1, fragment: "{\"x\":1}" },
        StreamEvent::Logprobs { choice: 0, json: "{\"content\":[]}" },
        StreamEvent::Finish { choice: 0, reason: FinishReason::ToolCalls },
        StreamEvent::Usage(Usage { cached_tokens: 3, ..Usage::new(8, 2) }),
    ] {
        encoder.event(event);
    }
    encoder.end();
    encoder.end();
    let text = String::from_utf8(encoder.take().to_vec()).unwrap();
    let prefix = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"alias","choices":["#;
    let written: Vec<_> = text.split_terminator("\n\n").map(|chunk| chunk.strip_prefix(prefix).unwrap_or(chunk)).collect();
    let delta = |json: &str| format!(r#"{{"index":0,"delta":{json},"finish_reason":null}}],"usage":null}}"#);
    assert_eq!(
        written,
        [
            delta(r#"{"role":"assistant","content":""}"#),
            delta(r#"{"reasoning_content":"h"}"#),
            delta(r#"{"reasoning_content":"m"}"#),
            delta(r#"{"thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"s"}]}"#),
            delta(r#"{"thinking_blocks":[{"type":"redacted_thinking","data":"x"}]}"#),
            delta(r#"{"refusal":"no"}"#),
            delta(r#"{"tool_calls":[{"index":0,"id":"a__thought__c2ln","type":"function","function":{"name":"f","arguments":""}}]}"#),
            delta(r#"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}]}"#),
            delta(r#"{"tool_calls":[{"index":1,"function":{"arguments":"{\"x\":1}"}}]}"#),
            r#"{"index":0,"delta":{"content":""},"logprobs":{"content":[]},"finish_reason":null}],"usage":null}"#.to_owned(),
            delta(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#),
            r#"{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":null}"#.to_owned(),
            r#"],"usage":{"prompt_tokens":8,"completion_tokens":2,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":3}}}"#
                .to_owned(),
            "data: [DONE]".to_owned(),
        ]
    );
    assert!(encoder.has_content());
}

#[test]
fn only_calls_that_end_without_arguments_get_empty_ones() {
    let call = |index, id| StreamEvent::ToolCall { choice: 0, index, id, name: "f", signature: None };
    let piece = |index, fragment| StreamEvent::ToolArguments { choice: 0, index, fragment };
    let finish = StreamEvent::Finish { choice: 0, reason: FinishReason::ToolCalls };
    // Calls that take turns, with an end of the choice and without one.
    let turns = [call(0, "a"), call(1, "b"), call(2, "c"), piece(1, "{\"x\""), piece(0, "[]"), piece(1, ":1}"), piece(2, "")];
    for events in [[turns.as_slice(), &[finish]].concat(), turns.to_vec()] {
        let mut encoder = ChunkEncoder::new(Framing::Chat, &IDENTITY, false);
        events.into_iter().for_each(|event| encoder.event(event));
        encoder.end();
        let text = String::from_utf8(encoder.take().to_vec()).unwrap();
        let arguments: Vec<&str> =
            text.lines().filter_map(|line| line.split("\"delta\":{\"tool_calls\":[{\"index\":").nth(1)).collect();
        let rest = "]},\"finish_reason\":null}]}";
        assert_eq!(
            arguments[3..],
            [
                format!(r#"1,"function":{{"arguments":"{{\"x\""}}}}{rest}"#),
                format!(r#"0,"function":{{"arguments":"[]"}}}}{rest}"#),
                format!(r#"1,"function":{{"arguments":":1}}"}}}}{rest}"#),
                format!(r#"2,"function":{{"arguments":"{{}}"}}}}{rest}"#),
            ]
        );
    }
}

#[test]
fn the_role_alone_is_no_content() {
    let mut encoder = ChunkEncoder::new(Framing::Chat, &IDENTITY, false);
    encoder.event(StreamEvent::Start { id: "c" });
    assert!(encoder.take().is_empty() && !encoder.has_content());
    encoder.event(StreamEvent::Finish { choice: 0, reason: FinishReason::Stop });
    assert!(!encoder.has_content());
    let text = String::from_utf8(encoder.take().to_vec()).unwrap();
    assert_eq!(text.matches("\"role\"").count(), 1);
}

#[test]
fn text_completions_have_their_own_chunks() {
    let mut encoder = ChunkEncoder::new(Framing::Completion, &IDENTITY, false);
    encoder.event(StreamEvent::Reasoning { choice: 0, text: "hm" });
    encoder.event(StreamEvent::Text { choice: 0, text: "a" });
    encoder.event(StreamEvent::Finish { choice: 0, reason: FinishReason::Stop });
    encoder.end();
    let text = String::from_utf8(encoder.take().to_vec()).unwrap();
    let prefix = r#"data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"alias","choices":[{"index":0,"#;
    let expected = format!(
        "{prefix}\"text\":\"a\",\"logprobs\":null,\"finish_reason\":null}}]}}\n\n{prefix}\"text\":\"\",\"logprobs\":null,\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn an_id_of_a_call_has_an_end() {
    let call = |length: usize| {
        let id = "i".repeat(length);
        let chunk = format!(
            r#"data: {{"id":"c","choices":[{{"delta":{{"tool_calls":[{{"id":"{id}","function":{{"name":"f","arguments":"{{}}"}}}}]}}}}]}}"#
        );
        ChunkDecoder::default().push(format!("{chunk}\n\n").as_bytes(), &mut |_: StreamEvent<'_>| {})
    };
    assert_eq!(call(1024), Ok(()));
    assert!(matches!(call(1025), Err(StreamFault::Malformed(_))));
}
