//! What an upstream sends as a whole answer, or as an error.

use tradewind_protocol::{
    anthropic, bedrock,
    chat::ChatResponse,
    cohere, gemini,
    openai::{self, ToldError},
    tgi,
};

use super::{IDENTITY, assert_json};

/// An answer: read in every dialect and written for the client, in a form that says the same when it is read again.
pub(crate) fn answers(bytes: &[u8]) {
    let names = bedrock::ToolNames::default();
    let chats = [
        openai::read_chat_answer(bytes),
        anthropic::read_answer(bytes),
        gemini::read_chat(bytes),
        cohere::read_chat(bytes),
        bedrock::read_chat(bytes, &names),
        tgi::read_generated(bytes),
    ];
    for answer in chats.iter().flatten() {
        same_again(&openai::write_chat(answer, &IDENTITY), openai::write_chat);
        same_again(&openai::write_completion(answer, &IDENTITY), openai::write_completion);
    }
    let _usage = openai::usage_of(bytes);
}

/// What a client reads is what it would be told if the gateway stood behind another one.
fn same_again(body: &[u8], write: fn(&ChatResponse, &openai::Identity<'_>) -> Vec<u8>) {
    assert_json(body);
    let text = String::from_utf8_lossy(body);
    match openai::read_chat_answer(body) {
        Ok(again) => assert_eq!(String::from_utf8_lossy(&write(&again, &IDENTITY)), text),
        Err(error) => panic!("{error}: {text}"),
    }
}

/// The body of an error: whatever it says, a status that is an error's comes of it.
pub(crate) fn errors(bytes: &[u8]) {
    if let Some(error) = anthropic::read_error(bytes) {
        assert_is_error(anthropic::status_of(&error.kind));
    }
    if let Some(error) = gemini::GoogleError::read(bytes) {
        assert_is_error(error.http_status());
    }
    if let Some(error) = ToldError::read(bytes) {
        assert_is_error(error.status());
    }
}

fn assert_is_error(status: u16) {
    assert!((400..600).contains(&status), "{status} is no error");
}
