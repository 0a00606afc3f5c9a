//! What is understood of chat requests, and what is said of those that are wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where and why")]

use serde_json::{Value, json};
use tradewind_protocol::{
    Capabilities, MaxTokensField,
    chat::{CachePoint, ConvertError, Dropped, Effort, Image, Media, Message, Part, Reasoning, Target, ToolChoice},
    openai::{encode_chat, read_chat, read_completion, read_embeddings, read_rerank},
};

fn chat(fields: Value) -> Result<tradewind_protocol::chat::ChatRequest, ConvertError> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    read_chat(body.to_string().as_bytes())
}

fn fault(result: Result<impl Sized, ConvertError>) -> (String, String) {
    match result.err().unwrap() {
        ConvertError::Invalid { param, message } | ConvertError::Unsupported { param, message } => (param, message),
    }
}

#[test]
fn parts_become_their_canonical_kinds() {
    let content = json!([
        {"type": "text", "text": "look", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
        {"type": "image_url", "image_url": "https://example.com/a.png"},
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]);
    let request = chat(json!({"messages": [{"role": "user", "content": content}]})).unwrap();
    let [Message::User(parts)] = request.messages.as_slice() else { panic!("{:?}", request.messages) };
    let [
        Part::Text(text),
        Part::CachePoint(CachePoint { ttl: Some(ttl) }),
        Part::Image(Image { media: Media::Inline { media_type, .. }, detail: Some(detail) }),
        Part::Image(Image { media: Media::Url(url), detail: None }),
        Part::Audio { format, .. },
        Part::File { filename: Some(filename), media: Media::Inline { .. } },
        Part::File { filename: None, media: Media::FileId(id) },
    ] = parts.as_slice()
    else {
        panic!("{parts:?}")
    };
    assert_eq!((text.as_str(), ttl.as_str(), media_type.as_str(), detail.as_str()), ("look", "1h", "image/png", "low"));
    assert_eq!((url.as_str(), format.as_str()), ("https://example.com/a.png", "wav"));
    assert_eq!((filename.as_str(), id.as_str()), ("a.pdf", "file-1"));
}

#[test]
fn a_tool_round_trip_keeps_thoughts_and_their_proofs() {
    let messages = json!([
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": null, "reasoning_content": "hm",
         "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "x"}],
         "tool_calls": [
            {"id": "a__thought__c2ln", "type": "function", "function": {"name": "f", "arguments": "{\"c\":1,\"a\":2}"}},
            {"id": "b", "type": "function", "function": {"name": "f", "arguments": "oops"},
             "extra_content": {"google": {"thought_signature": "t"}}}]},
        {"role": "tool", "tool_call_id": "a__thought__c2ln", "content": "15C"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "16C"}]},
    ]);
    let request = chat(json!({ "messages": messages })).unwrap();
    let Message::Assistant(said) = &request.messages[2] else { panic!() };
    assert_eq!(
        said.reasoning,
        [Reasoning::Text { text: "hm".into(), signature: Some("s".into()) }, Reasoning::Redacted("x".into())]
    );
    assert_eq!((said.tool_calls[0].id.as_str(), said.tool_calls[0].signature.as_deref()), ("a", Some("c2ln")));
    assert_eq!((said.tool_calls[1].id.as_str(), said.tool_calls[1].signature.as_deref()), ("b", Some("t")));
    assert_eq!(said.tool_calls[0].arguments_object(), "{\"c\":1,\"a\":2}");
    assert_eq!(said.tool_calls[1].arguments_object(), "{}");
    assert!(matches!(&request.messages[3], Message::Tool { call_id, .. } if call_id == "a"));
}

#[test]
fn the_older_form_of_tools_is_understood() {
    let request = chat(json!({
        "messages": [
            {"role": "user", "content": "w?"},
            {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "15C"}],
        "functions": [{"name": "f", "parameters": {"type": "object"}}],
        "function_call": {"name": "f"}
    }));
    let request = request.unwrap();
    assert_eq!(request.tools[0].name, "f");
    assert_eq!(request.tool_choice, Some(ToolChoice::Function("f".into())));
    let Message::Assistant(said) = &request.messages[1] else { panic!() };
    assert!(matches!(&request.messages[2], Message::Tool { call_id, .. } if *call_id == said.tool_calls[0].id));
}

#[test]
fn settings_are_read_and_the_rest_is_kept() {
    let request = chat(json!({
        "max_tokens": 5, "max_completion_tokens": 9, "temperature": 0.5, "top_k": 3, "stop": "X", "user": "u",
        "safety_identifier": "s", "reasoning_effort": "xhigh", "thinking": {"type": "enabled"}, "store": null,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"b": 1, "a": 2}}}
    }));
    let request = request.unwrap();
    assert_eq!((request.max_tokens, request.sampling.top_k), (Some(9), Some(3)));
    assert_eq!(request.stop, ["X"]);
    assert_eq!((request.user.as_deref(), request.reasoning_effort), (Some("s"), Some(Effort::XHigh)));
    assert_eq!(request.extensions.keys().collect::<Vec<_>>(), ["thinking"]);
}

#[test]
fn the_field_at_fault_is_named() {
    let image = |url: &str| json!([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": url}}]);
    for (fields, param) in [
        (json!({"messages": []}), "messages"),
        (json!({"messages": "hi"}), "messages"),
        (json!({"messages": [{"role": "user", "content": 5}]}), "messages[0].content"),
        (json!({"messages": [{"role": "user"}]}), "messages[0].content"),
        (json!({"messages": [{"role": "bot", "content": "x"}]}), "messages[0].role"),
        (json!({"messages": [{"content": "x"}]}), "messages[0]"),
        (json!({"messages": [{"role": "user", "content": image("file:///etc")}]}), "messages[0].content[1].image_url"),
        (json!({"messages": [{"role": "user", "content": [{"type": "video"}]}]}), "messages[0].content[0].type"),
        (json!({"messages": [{"role": "system", "content": image("https://a")}]}), "messages[0].content"),
        (json!({"messages": [{"role": "tool", "content": "x"}]}), "messages[0].tool_call_id"),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": 1}}]}]}),
            "messages[0].tool_calls[0].function.name",
        ),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"stop": 5}), "stop"),
        (json!({"tools": [{"type": "function"}]}), "tools[0].function"),
        (json!({"tools": [{"type": "custom", "custom": {"name": "x"}}]}), "tools[0].type"),
        (json!({"tool_choice": "maybe"}), "tool_choice"),
        (json!({"response_format": {"type": "xml"}}), "response_format.type"),
        (json!({"response_format": {"type": "json_schema"}}), "response_format.json_schema.schema"),
        (json!({"reasoning_effort": "huge"}), "reasoning_effort"),
        (json!({"logit_bias": 1}), "logit_bias"),
    ] {
        let (found, message) = fault(chat(fields.clone()));
        assert_eq!(found, param, "{fields}: {message}");
        assert!(message.contains(param) && message.ends_with(['.', '…']), "{message}");
    }
}

#[test]
fn what_two_parsers_could_read_differently_is_refused() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"a"}],"messages":[{"role":"user","content":"b"}]}"#;
    assert!(fault(read_chat(body)).1.contains("stands there twice"));
    for body in ["", "[]", "{", "{\"messages\":"] {
        assert_eq!(fault(read_chat(body.as_bytes())).0, "body", "{body}");
    }
}

#[test]
fn deep_nesting_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for field in [
        format!("\"x\":{deep}"),
        format!("\"tools\":{deep}"),
        format!("\"stop\":{deep}"),
        format!("\"metadata\":{{\"a\":{deep}}}"),
    ] {
        let body = format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"hi\",\"y\":{deep}}}],{field}}}");
        let _result = read_chat(body.as_bytes());
    }
    let content = format!("{{\"messages\":[{{\"role\":\"user\",\"content\":{deep}}}]}}");
    assert_eq!(fault(read_chat(content.as_bytes())).0.get(.."messages[0].content".len()), Some("messages[0].content"));
}

#[test]
fn a_completion_is_a_chat_of_one_message() {
    let request = read_completion(br#"{"model":"m","prompt":["once"],"max_tokens":3,"echo":false,"best_of":1}"#).unwrap();
    assert!(matches!(request.messages.as_slice(), [Message::User(_)]));
    assert_eq!(request.max_tokens, Some(3));
    for (body, param) in [
        (r#"{"prompt":["a","b"]}"#, "prompt"),
        (r#"{"prompt":[1,2]}"#, "prompt"),
        (r#"{}"#, "prompt"),
        (r#"{"prompt":"a","suffix":"b"}"#, "suffix"),
        (r#"{"prompt":"a","echo":true}"#, "echo"),
        (r#"{"prompt":"a","best_of":2}"#, "best_of"),
        (r#"{"prompt":"a","logprobs":1}"#, "logprobs"),
    ] {
        assert_eq!(fault(read_completion(body.as_bytes())).0, param, "{body}");
    }
}

#[test]
fn embeddings_and_rerank_name_their_faults() {
    assert_eq!(fault(read_embeddings(br#"{"model":"m"}"#)).0, "input");
    assert_eq!(fault(read_embeddings(br#"{"model":"m","input":{}}"#)).0, "input");
    assert_eq!(fault(read_embeddings(br#"{"model":"m","input":"a","dimensions":"x"}"#)).0, "dimensions");
    assert_eq!(fault(read_rerank(br#"{"model":"m","documents":["a"]}"#)).0, "query");
    assert_eq!(fault(read_rerank(br#"{"model":"m","query":"q","documents":["a",5]}"#)).0, "documents[1]");
}

#[test]
fn what_is_read_and_written_again_is_the_same() {
    let body = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "a.pdf"}}]},
            {"role": "assistant", "content": null,
             "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"z\":1}"}}]},
            {"role": "tool", "content": "15C", "tool_call_id": "a"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false, "max_completion_tokens": 9,
        "seed": 7, "frequency_penalty": 0.5, "presence_penalty": 0.25, "stop": ["X"], "n": 2, "logprobs": true, "top_logprobs": 2,
        "logit_bias": {"5": 1}, "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": true}},
        "reasoning_effort": "low", "verbosity": "low", "user": "u", "service_tier": "auto", "metadata": {"a": "b"},
        "stream": true, "stream_options": {"include_usage": true}, "store": false
    });
    let request = read_chat(body.to_string().as_bytes()).unwrap();
    let capabilities = Capabilities { max_tokens_field: MaxTokensField::MaxCompletionTokens, ..Capabilities::UNKNOWN };
    let mut dropped = Dropped::new();
    let target = Target { model: "m", capabilities: &capabilities };
    let written: Value = serde_json::from_slice(&encode_chat(&request, &target, &mut dropped).unwrap()).unwrap();
    assert_eq!(written, body);
    assert!(dropped.is_empty());
}
