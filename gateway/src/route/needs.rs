//! What a request asks of the model that serves it.

use tradewind_policies::Needs;
use tradewind_protocol::{
    Operation,
    chat::{ChatRequest, Media, Message, Part, ResponseFormat},
};

use crate::inference::Inference;

/// The bytes of a token of a prompt, about. What is learnt of each deployment makes up for the difference.
pub(super) const BYTES_PER_TOKEN: f64 = 4.0;
/// The tokens of an image, about: what OpenAI and Anthropic count for one of a million pixels.
const IMAGE_TOKENS: u64 = 1_000;

/// What it needs. The body is only parsed where the names in it leave open what it asks for.
pub(super) fn needs(inference: &Inference) -> Needs {
    let (head, body) = (inference.head(), inference.payload.body());
    let answers = Some(head.answers).filter(|answers| *answers > 1);
    let plain = Needs { prompt_tokens: tokens(body.len()), max_output_tokens: head.max_tokens, answers, ..Needs::default() };
    match inference.operation {
        Operation::Chat => {
            let may_hold = ["tools", "response_format", "logprobs"].into_iter().any(|name| head.fields.may_hold(name));
            if !may_hold && !head.within.may_hold("image_url") {
                return plain;
            }
            // What cannot be parsed is refused by whoever has to.
            inference.payload.chat().map_or(plain, |chat| of_chat(chat, body.len(), plain))
        }
        Operation::Embeddings if head.fields.may_hold("dimensions") => {
            let dimensions = inference.payload.embeddings().ok().and_then(|request| request.dimensions);
            Needs { dimensions, ..plain }
        }
        Operation::Completions | Operation::Embeddings | Operation::Rerank | Operation::Infer => plain,
    }
}

fn of_chat(chat: &ChatRequest, bytes: usize, plain: Needs) -> Needs {
    let parts = chat.messages.iter().flat_map(|message| match message {
        Message::System(parts) | Message::User(parts) | Message::Tool { content: parts, .. } => parts.as_slice(),
        Message::Assistant(answer) => answer.content.as_slice(),
    });
    let (mut images, mut image_bytes) = (0, 0);
    for part in parts {
        if let Part::Image(image) = part {
            images += 1;
            image_bytes += if let Media::Inline { data, .. } = &image.media { data.len() } else { 0 };
        }
    }
    Needs {
        // An image has as many tokens as it has pixels to look at, whatever the length of its file.
        prompt_tokens: tokens(bytes.saturating_sub(image_bytes)) + images * IMAGE_TOKENS,
        tools: !chat.tools.is_empty(),
        vision: images > 0,
        json_schema: matches!(chat.response_format, Some(ResponseFormat::JsonSchema { .. })),
        logprobs: chat.logprobs == Some(true),
        ..plain
    }
}

fn tokens(bytes: usize) -> u64 {
    (bytes as f64 / BYTES_PER_TOKEN) as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use tradewind_protocol::{Payload, openai::Head};

    use super::*;
    use crate::context::testing::context;

    fn of(operation: Operation, fields: &str) -> Needs {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        let head = Head::read(body.as_bytes()).unwrap();
        needs(&Inference { context: context(), operation, payload: Arc::new(Payload::new(head, Bytes::from(body))) })
    }

    fn chat(fields: &str) -> Needs {
        of(Operation::Chat, &format!(r#"{fields}"messages":[{{"role":"user","content":"Hi"}}]"#))
    }

    #[test]
    fn a_field_that_asks_for_nothing_needs_nothing() {
        for fields in ["", r#""tools":[],"#, r#""tools":null,"logprobs":false,"#, r#""response_format":{"type":"json_object"},"#]
        {
            let needs = chat(fields);
            assert!(!needs.tools && !needs.logprobs && !needs.json_schema && !needs.vision, "{fields}: {needs:?}");
        }
        let tool = r#""tools":[{"type":"function","function":{"name":"image_url","parameters":{"image_url":1}}}],"#;
        let needs = chat(tool);
        assert!(needs.tools && !needs.vision, "a name in a schema is no image");
    }

    #[test]
    fn what_is_asked_for_is_needed() {
        let schema = r#""response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}},"logprobs":true,"max_tokens":7,"#;
        let needs = chat(schema);
        assert!(needs.json_schema && needs.logprobs);
        assert_eq!((needs.max_output_tokens, needs.answers), (Some(7), None));
        assert_eq!(chat(r#""n":3,"#).answers, Some(3));
        assert_eq!(of(Operation::Completions, r#""prompt":["a","b"],"n":2,"best_of":4"#).answers, Some(8));
        assert_eq!(of(Operation::Embeddings, r#""input":"a","dimensions":256"#).dimensions, Some(256));
    }

    #[test]
    fn an_image_counts_by_what_is_to_be_seen_and_not_by_its_file() {
        let data = "A".repeat(400_000);
        let image = format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}"#);
        let needs = of(Operation::Chat, &format!(r#""messages":[{{"role":"user","content":[{image}]}}]"#));
        assert!(needs.vision);
        assert!((IMAGE_TOKENS..2 * IMAGE_TOKENS).contains(&needs.prompt_tokens), "{}", needs.prompt_tokens);
    }
}
