//! What a client sends.

use bytes::Bytes;
use tradewind_protocol::{
    Capabilities, Reasoning, Support, anthropic, bedrock,
    chat::{ChatRequest, Dropped, Target},
    cohere, gemini,
    openai::{self, Head},
    tgi,
};

use super::assert_json;

/// A chat or a text completion: read, and written in every dialect for models of every kind.
pub(crate) fn requests(bytes: &[u8]) {
    if let Ok(head) = Head::read(bytes) {
        renamed(bytes, &head);
    }
    for request in [openai::read_chat(bytes), openai::read_completion(bytes)].into_iter().flatten() {
        for capabilities in kinds_of_models() {
            write_everywhere(&request, &Target { model: "m", capabilities: &capabilities });
        }
        reread(&request);
    }
}

/// Another name for the model changes nothing else.
fn renamed(bytes: &[u8], head: &Head) {
    let body = openai::replace_model(&Bytes::copy_from_slice(bytes), &head.model_span, "other \"name\"");
    let again = Head::read(&body).expect("a request with another model is a request");
    let model_span = head.model_span.start..head.model_span.start + r#""other \"name\"""#.len();
    assert_eq!(again, Head { model: "other \"name\"".to_owned(), model_span, ..head.clone() });
}

/// What is written for an OpenAI-shaped host is a request, and says the same when it is read and written again.
fn reread(request: &ChatRequest) {
    let target = Target { model: "m", capabilities: &Capabilities::UNKNOWN };
    let write = |request: &ChatRequest| openai::encode_chat(request, &target, &mut Dropped::new());
    let Ok(body) = write(request) else { return };
    let text = String::from_utf8_lossy(&body);
    let again = openai::read_chat(&body).unwrap_or_else(|error| panic!("{error}: {text}"));
    let twice = write(&again).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(String::from_utf8_lossy(&twice), text);
}

/// One model that can do everything, and others that can do little, each in its own way.
fn kinds_of_models() -> [Capabilities; 3] {
    let old =
        Capabilities { max_output: Some(4096), json_schema: Support::No, reasoning: Reasoning::Budget, ..Capabilities::UNKNOWN };
    let strict = Capabilities {
        tools: Support::No,
        forced_tools: Support::No,
        vision: Support::No,
        sampling: Support::No,
        prefill: Support::No,
        reasoning: Reasoning::None,
        ..Capabilities::UNKNOWN
    };
    [Capabilities::UNKNOWN, old, strict]
}

fn write_everywhere(request: &ChatRequest, target: &Target<'_>) {
    let dropped = &mut Dropped::new();
    let direct = |version| anthropic::Options::direct(version);
    for options in [
        direct(anthropic::Version::V2023_06_01),
        direct(anthropic::Version::V2026_10_21),
        anthropic::Options::bedrock(&[]),
        anthropic::Options::vertex(),
    ] {
        anthropic::encode(request, target, &options, dropped).iter().for_each(|body| assert_json(body));
    }
    for service in [gemini::Service::AiStudio, gemini::Service::Vertex] {
        for schema in [gemini::SchemaForm::Json, gemini::SchemaForm::OpenApi] {
            let options = gemini::Options { service, schema };
            gemini::encode_chat(request, target, options, dropped).iter().for_each(|body| assert_json(body));
        }
    }
    for flavor in [tgi::Flavor::Tgi, tgi::Flavor::Lmi] {
        tgi::encode_generate(request, flavor, dropped).iter().for_each(|body| assert_json(body));
    }
    openai::encode_chat(request, target, dropped).iter().for_each(|body| assert_json(body));
    cohere::encode_chat(request, target, dropped).iter().for_each(|body| assert_json(body));
    bedrock::encode_chat(request, target, None, dropped).iter().for_each(|encoded| assert_json(&encoded.body));
    assert!(dropped.params().iter().all(|name| name.bytes().all(|byte| byte.is_ascii_graphic())), "{dropped}");
}
