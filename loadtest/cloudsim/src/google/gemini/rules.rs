//! What Gemini demands beyond the shape: whose turn it is, which call a result answers, and that thoughts come back as they were signed.

use serde_json::Value;

use super::surface::Surface;
use crate::refusal::Refusal;
use crate::scene::sealed;
use crate::shape::Look;

/// The members of a part of which exactly one is there.
const DATA: [&str; 5] = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];

/// Checks a body that has the right shape.
pub(super) fn check(body: &Value, model: &str, surface: Surface) -> Result<(), Refusal> {
    if surface == Surface::AiStudio && !body.look("labels").is_null() {
        return Err(invalid("labels", "Invalid JSON payload received. Unknown name \"labels\": Cannot find field."));
    }
    if body.look("cachedContent").is_string()
        && ["systemInstruction", "tools", "toolConfig"].iter().any(|name| !body.look(name).is_null())
    {
        let message =
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.";
        return Err(invalid("cached_content", message));
    }
    let contents = body.look("contents").elements();
    let mut calls: Vec<&str> = Vec::new();
    let mut before = "";
    for (number, content) in contents.iter().enumerate() {
        let at = format!("contents[{number}]");
        let role = content.look("role").as_str().unwrap_or("user");
        if !["user", "model"].contains(&role) {
            return Err(invalid(&format!("{at}.role"), "Please use a valid role: user, model."));
        }
        for (index, part) in content.look("parts").elements().iter().enumerate() {
            check_part(part, role, surface, &format!("{at}.parts[{index}]"))?;
        }
        responses(content, &calls, &at)?;
        calls = named(content, "functionCall");
        if !calls.is_empty() && before != "user" {
            let message =
                "Please ensure that function call turn comes immediately after a user turn or after a function response turn.";
            return Err(invalid(&at, message));
        }
        before = role;
    }
    if before != "user" {
        return Err(invalid("contents", "Please ensure that the last content has the role user or is a function response."));
    }
    signatures(contents, model)
}

fn check_part(part: &Value, role: &str, surface: Surface, at: &str) -> Result<(), Refusal> {
    let given: Vec<_> = DATA.iter().filter(|name| !part.look(name).is_null()).collect();
    let [kind] = given[..] else {
        let message = format!("* GenerateContentRequest.{at}.data: required oneof field 'data' must have one initialized field");
        return Err(invalid(at, &message));
    };
    let allowed = match *kind {
        "functionCall" => role == "model",
        "functionResponse" | "inlineData" | "fileData" => role == "user",
        _ => true,
    };
    if !allowed {
        return Err(invalid(at, &format!("A part with {kind} is not allowed in a content of the role {role}.")));
    }
    if surface == Surface::Vertex && ["functionCall", "functionResponse"].contains(kind) && !part.look(kind).look("id").is_null()
    {
        let member = if *kind == "functionCall" { "function_call" } else { "function_response" };
        let message = format!("Invalid JSON payload received. Unknown name \"id\" at '{at}.{member}': Cannot find field.");
        return Err(invalid(at, &message));
    }
    Ok(())
}

/// The results of a turn answer the calls of the turn before, in number and by name.
fn responses(content: &Value, calls: &[&str], at: &str) -> Result<(), Refusal> {
    let given = named(content, "functionResponse");
    if given.len() != calls.len() {
        let message = "Please ensure that the number of function response parts is equal to the number of function call parts of \
                       the function call turn.";
        return Err(invalid(at, message));
    }
    match given.iter().zip(calls).find(|(response, call)| response != call) {
        Some((response, call)) => {
            Err(invalid(at, &format!("The function response is named {response}, but the function call was {call}.")))
        }
        None => Ok(()),
    }
}

/// What Google documents for calls that another model made, in place of a signature: it is taken for a good one. In the standard
/// alphabet of base64, into which bytes have been brought.
const UNSIGNED: [&str; 2] = ["skip/thought/signature/validator", "context/engineering/is/the/way/to/go"];

/// A signature must be the one that was given. From the third generation on, the first call of each step of the current turn must
/// have it.
fn signatures(contents: &[Value], model: &str) -> Result<(), Refusal> {
    let asks = |content: &Value| {
        content.look("role") != "model" && content.look("parts").elements().iter().any(|part| part.look("text").is_string())
    };
    let current = contents.iter().rposition(asks).unwrap_or(0);
    for (number, content) in contents.iter().enumerate() {
        let mut first = true;
        for (index, part) in content.look("parts").elements().iter().enumerate() {
            let Some(name) = part.look("functionCall.name").as_str() else {
                continue;
            };
            let at = format!("contents[{number}].parts[{index}]");
            match part.look("thoughtSignature").as_str() {
                Some(signature) if !UNSIGNED.contains(&signature.replace('_', "/").as_str()) && !sealed(name, signature) => {
                    return Err(invalid(&at, "Thought signature is not valid."));
                }
                None if first && number > current && thinks_always(model) => {
                    let message = format!(
                        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:{name}`, position {}.",
                        index + 1
                    );
                    return Err(invalid(&at, &message));
                }
                _ => {}
            }
            first = false;
        }
    }
    Ok(())
}

/// Models from the third generation on think unasked, and sign.
pub(super) fn thinks_always(model: &str) -> bool {
    model.contains("gemini-3")
}

fn named<'a>(content: &'a Value, kind: &str) -> Vec<&'a str> {
    content.look("parts").elements().iter().filter_map(|part| part.look(kind).look("name").as_str()).collect()
}

fn invalid(field: &str, message: &str) -> Refusal {
    Refusal::invalid(field, message)
}
