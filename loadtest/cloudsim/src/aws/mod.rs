//! Amazon Web Services: the part of an account that inference meets, on one port. Bedrock's runtime and its agents' runtime, SageMaker's
//! runtime, Secrets Manager, STS, and the metadata services of instances and containers.
//!
//! Requests are told apart by their paths, and for the services that have none by the header that names the operation. All services are
//! in the region `us-east-1`.

mod authorization;
mod bearer;
mod body;
mod converse;
mod error;
mod frame;
mod identity;
mod invoke;
mod keys;
mod manner;
mod rerank;
mod sagemaker;
mod secrets;
mod sigv4;

use std::time::SystemTime;

use http::Method;

use self::error::AwsError;
use self::sigv4::Scope;
use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Content, Manner};
use crate::log::{Received, percent_decoded};

pub use keys::{AccessKey, AccessKeys};

/// Where the simulated services are.
const REGION: &str = "us-east-1";

/// AWS.
#[derive(Debug)]
pub(crate) struct Aws;

impl Cloud for Aws {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        let now = SystemTime::now();
        let keys = &behaviour.access_keys;
        let path = request.route();
        let segments: Vec<_> = path.split('/').skip(1).collect();
        match (&request.method, segments.as_slice()) {
            (&Method::POST, ["model", model, operation]) => {
                let admitted = admit(behaviour, "bedrock", request, now);
                scene(admitted.and_then(|()| bedrock(behaviour, model, operation, request)), &manner::Bedrock)
            }
            (&Method::POST, ["rerank"]) => {
                let admitted = admit(behaviour, "bedrock", request, now);
                scene(admitted.and_then(|()| rerank::rerank(behaviour, request)), &manner::Bedrock)
            }
            (&Method::POST, ["endpoints", endpoint, operation @ ("invocations" | "invocations-response-stream")]) => {
                let transport = match *operation {
                    "invocations" => sagemaker::Transport::Whole,
                    _ => sagemaker::Transport::Frames,
                };
                let admitted = admit(behaviour, "sagemaker", request, now);
                let answer = admitted.and_then(|()| sagemaker::invoke(behaviour, &percent_decoded(endpoint), transport, request));
                scene(answer, &manner::SageMaker)
            }
            (_, ["latest", ..]) => Answered::Aside(identity::instance(behaviour, keys, request, now)),
            (&Method::GET, ["v2", "credentials", ..]) => Answered::Aside(identity::container(behaviour, keys, request, now)),
            (&Method::POST, [""]) if request.headers.contains_key("x-amz-target") => {
                let signed = sigv4::verify(request, keys, Scope { region: REGION, service: "secretsmanager" }, now);
                Answered::Aside(signed.map_or_else(|error| error.document(), |()| secrets::secrets(behaviour, request)))
            }
            (&Method::POST, [""]) => Answered::Aside(identity::sts(behaviour, keys, REGION, request, now)),
            (method, _) => {
                let message = format!("Unable to determine service/operation name to be authorized: {method} {path}");
                Answered::Aside(AwsError::new(404, "UnknownOperationException", message).document())
            }
        }
    }
}

/// The id of the access key that a request says it is signed with.
pub(crate) fn signer(request: &Received) -> Option<&str> {
    authorization::Authorization::of(request).ok().map(|authorization| authorization.access_key_id)
}

/// Checks the credential: a signature, or a bearer key.
fn admit(behaviour: &Behaviour, service: &str, request: &Received, now: SystemTime) -> Result<(), AwsError> {
    if behaviour.token.is_none() {
        return Ok(());
    }
    let scope = Scope { region: REGION, service };
    match request.bearer() {
        Some(key) => bearer::check(behaviour, &behaviour.access_keys, scope, key, now),
        None => sigv4::verify(request, &behaviour.access_keys, scope, now),
    }
}

/// What Bedrock's runtime says. The model is one segment of the path, whatever is in its name.
fn bedrock(behaviour: &Behaviour, model: &str, operation: &str, request: &Received) -> Result<Content, AwsError> {
    let model = percent_decoded(model);
    let known = behaviour.chat_models.iter().chain(&behaviour.embedding_models).any(|known| *known == model);
    if !known {
        return Err(AwsError::not_found(format!(
            "Could not resolve the foundation model from the provided model identifier: {model}"
        )));
    }
    match operation {
        "converse" => converse::converse(behaviour, &model, request),
        "converse-stream" => converse::converse_stream(behaviour, &model, request),
        "invoke" => invoke::invoke(behaviour, &model, request),
        "invoke-with-response-stream" => invoke::invoke_stream(behaviour, &model, request),
        _ => Err(AwsError::new(404, "UnknownOperationException", format!("There is no operation {operation}."))),
    }
}

fn scene(answer: Result<Content, AwsError>, manner: &'static dyn Manner) -> Answered {
    match answer {
        Ok(content) => {
            let content = content.with("x-amzn-requestid", "00000000-0000-4000-8000-000000000000");
            Answered::Scene { content, manner }
        }
        Err(error) => Answered::Aside(error.document()),
    }
}
