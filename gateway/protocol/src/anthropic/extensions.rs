//! Fields that are no part of OpenAI's form as such: Anthropic's own, which pass, and others, which are told or refused.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Flavor;
use crate::chat::{ChatRequest, ConvertError, Dropped};

/// What passes to every host.
const EVERYWHERE: [&str; 2] = ["cache_control", "context_management"];

/// What only Anthropic's own API knows.
const DIRECT: [&str; 4] = ["container", "inference_geo", "mcp_servers", "speed"];

/// What is seen to elsewhere.
const ELSEWHERE: [&str; 4] = ["output_config", "stream", "stream_options", "thinking"];

/// What passes as it is. A field that is `null` asks for nothing.
pub(super) fn passed<'a>(
    request: &'a ChatRequest,
    flavor: Flavor,
    dropped: &mut Dropped,
) -> Result<BTreeMap<&'a str, &'a RawValue>, ConvertError> {
    let mut passed = BTreeMap::new();
    for (name, value) in request.extensions.iter().filter(|(_, value)| value.get() != "null") {
        let name = name.as_str();
        if EVERYWHERE.contains(&name) || DIRECT.contains(&name) && matches!(flavor, Flavor::Direct(_)) {
            passed.insert(name, &**value);
            continue;
        }
        match name {
            _ if ELSEWHERE.contains(&name) => {}
            "inference_geo" => {
                let message = "This provider does not take `inference_geo`: where it computes is a matter of its address.";
                return Err(ConvertError::unsupported(name, message));
            }
            "modalities" if is_text_only(value) => {}
            "audio" | "modalities" => {
                return Err(ConvertError::unsupported(name, "This provider answers in text only; accepted: [\"text\"]."));
            }
            "web_search_options" => {
                return Err(ConvertError::unsupported(
                    name,
                    "This provider does not search the web for this field; leave it out.",
                ));
            }
            _ => dropped.note_extension(name),
        }
    }
    Ok(passed)
}

fn is_text_only(value: &RawValue) -> bool {
    serde_json::from_str::<Vec<String>>(value.get()).is_ok_and(|kinds| kinds.iter().all(|kind| kind == "text"))
}
