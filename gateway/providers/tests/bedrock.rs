//! What the adapter for Amazon Bedrock makes of requests, answers, streams and errors.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where and why")]

mod frames;
mod golden;

use golden::Golden;
use tradewind_protocol::bedrock::Guardrail;
use tradewind_providers::{
    Adapter,
    bedrock::{Bedrock, Chat},
};

#[test]
fn bedrock_golden_files() {
    Golden { provider: "bedrock", adapter, frames: Some(frames::frames) }.check();
}

fn adapter(variant: &str) -> Box<dyn Adapter> {
    let guardrail = || Some(Guardrail { identifier: "gr-1".to_owned(), version: "3".to_owned() });
    let (chat, guardrail) = match variant {
        "" => (Chat::Converse, None),
        "guardrail" => (Chat::Converse, guardrail()),
        "anthropic" => (Chat::Anthropic, None),
        "anthropic-guardrail" => (Chat::Anthropic, guardrail()),
        other => panic!("unknown variant {other}"),
    };
    Box::new(Bedrock::new("us-east-1", None, None, chat, guardrail).unwrap())
}
