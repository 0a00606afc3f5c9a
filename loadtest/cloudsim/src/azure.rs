//! Azure: OpenAI by deployment and date, OpenAI version 1, and the model inference API; Entra ID and Key Vault at the same origin.

use http::Method;

use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Content};
use crate::identity;
use crate::log::{Received, percent_decoded};
use crate::openai::{Host, Naming, admit, after, hosts, serve};
use crate::refusal::{Refusal, Why};

/// Azure.
#[derive(Debug)]
pub(crate) struct Azure;

impl Cloud for Azure {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        if let Some(document) = identity::answer(behaviour, request) {
            return Answered::Aside(document);
        }
        let host = host_of(request.route());
        let served = admit(host, behaviour, request).and_then(|()| speak(host, behaviour, request));
        let named = |content: Content| content.with("apim-request-id", "req-sim").with("x-ms-region", "Sim Central");
        Answered::of(served.map(named), &host.errors)
    }
}

/// The surface that a path belongs to.
fn host_of(path: &str) -> &'static Host {
    let v1 = ["/openai/v1", "/api/projects/*/openai/v1"];
    if v1.iter().any(|base| after(base, path).is_some()) {
        &hosts::AZURE
    } else if path.starts_with("/openai/") {
        &hosts::AZURE_DATED
    } else {
        &hosts::AZURE_INFERENCE
    }
}

fn speak(host: &'static Host, behaviour: &Behaviour, request: &Received) -> Result<Content, Refusal> {
    let path = request.route();
    let unknown = || Refusal::unknown_url(&request.method, path);
    if request.method != Method::POST {
        return Err(unknown());
    }
    let version = request.query("api-version");
    if let Some(operation) = after("/openai/v1", path).or_else(|| after("/api/projects/*/openai/v1", path)) {
        return match version {
            None | Some("v1" | "preview" | "latest") => serve(host, behaviour, request, operation, &Naming::Body),
            Some(_) => Err(unsupported_version()),
        };
    }
    if !version.is_some_and(is_date) {
        return Err(unsupported_version());
    }
    if let Some(operation) = after("/openai/deployments/*", path) {
        let deployment = path.split('/').nth(3).map(percent_decoded).unwrap_or_default();
        return serve(host, behaviour, request, operation, &Naming::Path(deployment));
    }
    if !request.header("extra-parameters").is_none_or(|value| ["error", "drop", "pass-through"].contains(&value)) {
        return Err(Refusal::invalid("extra-parameters", "the header must be 'error', 'drop' or 'pass-through'"));
    }
    // A serverless endpoint has the API at its root, a Foundry resource below `/models`.
    let operation = after("/models", path).unwrap_or(path);
    serve(host, behaviour, request, operation, &Naming::Body)
}

/// Whether it looks like `2024-10-21` or `2025-04-01-preview`.
fn is_date(version: &str) -> bool {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    let parts: Vec<usize> = date.split('-').map(str::len).collect();
    parts == [4, 2, 2] && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Azure says of a version that it does not know that there is nothing.
fn unsupported_version() -> Refusal {
    Refusal::new(404, Why::UnknownUrl, "Resource not found: the api-version is missing or not supported.")
}
