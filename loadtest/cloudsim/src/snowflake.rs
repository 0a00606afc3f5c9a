//! Snowflake Cortex: OpenAI's dialect, Anthropic's, and embeddings of its own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

use crate::anthropic;
use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Content};
use crate::credential;
use crate::json::{Object, body};
use crate::log::Received;
use crate::openai::{Naming, after, hosts, serve};
use crate::refusal::{Refusal, Why};
use crate::scene::{vector, words};

/// Snowflake.
#[derive(Debug)]
pub(crate) struct Snowflake;

impl Cloud for Snowflake {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        let host = &hosts::SNOWFLAKE;
        if let Err(refusal) = admit(behaviour, request) {
            return Answered::of(Err(refusal), &host.errors);
        }
        match (&request.method, request.route()) {
            (&Method::POST, "/api/v2/cortex/v1/messages") => {
                Answered::of(anthropic::speak(behaviour, request), &anthropic::Messages)
            }
            (&Method::POST, "/api/v2/cortex/inference:embed") => Answered::of(embed(behaviour, request), &host.errors),
            (&Method::POST, path) => {
                let unknown = || Refusal::unknown_url(&request.method, path);
                let served = after(host.base, path).ok_or_else(unknown);
                Answered::of(served.and_then(|path| serve(host, behaviour, request, path, &Naming::Body)), &host.errors)
            }
            (method, path) => Answered::of(Err(Refusal::unknown_url(method, path)), &host.errors),
        }
    }
}

/// Checks the credential, and that it is of the type that the header names.
fn admit(behaviour: &Behaviour, request: &Received) -> Result<(), Refusal> {
    match request.header("x-snowflake-authorization-token-type") {
        Some("KEYPAIR_JWT") => key_pair(request),
        None | Some("PROGRAMMATIC_ACCESS_TOKEN" | "OAUTH") => credential::bearer(behaviour, request),
        Some(other) => Err(wrong(&format!("The token type {other:?} is not known."))),
    }
}

/// Checks the claims of a key pair's token. Its key is not known here, so the signature is believed.
fn key_pair(request: &Received) -> Result<(), Refusal> {
    let token = request.bearer().ok_or_else(|| Refusal::new(401, Why::NoCredential, "No token came along."))?;
    let mut parts = token.split('.');
    let mut part = || -> Option<Value> {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let (header, claims) = part().zip(part()).ok_or_else(|| wrong("The token is no JWT."))?;
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str).unwrap_or_default();
    let number = |claim: &str| claims.get(claim).and_then(Value::as_u64).unwrap_or_default();
    let issuer = text("iss").strip_prefix(text("sub")).is_some_and(|rest| rest.starts_with(".SHA256:"));
    let named = text("sub").split('.').count() == 2 && text("sub") == text("sub").to_uppercase();
    let lives = number("iat") > 0 && number("exp") > number("iat") && number("exp") - number("iat") <= 3600;
    if header.get("alg").and_then(Value::as_str) == Some("RS256") && issuer && named && lives {
        Ok(())
    } else {
        Err(wrong("JWT token is invalid."))
    }
}

fn embed(behaviour: &Behaviour, request: &Received) -> Result<Content, Refusal> {
    let members = body(request)?;
    let body = Object::root(&members);
    body.only(&["text", "model"])?;
    let model = body.required_text("model")?;
    if !behaviour.embedding_models.iter().any(|known| known == model) {
        return Err(Refusal::unknown_model(model));
    }
    body.filled_list("text")?;
    let texts = body.texts("text")?;
    let item = |(index, text): (usize, &String)| json!({ "object": "embedding", "embedding": [vector(text, behaviour.dimensions)], "index": index });
    let data: Vec<_> = texts.iter().enumerate().map(item).collect();
    let tokens: usize = texts.iter().map(|text| words(text)).sum();
    Ok(Content::json(&json!({ "object": "list", "data": data, "model": model, "usage": { "total_tokens": tokens } })))
}

fn wrong(message: &str) -> Refusal {
    Refusal::new(401, Why::WrongCredential, message)
}
