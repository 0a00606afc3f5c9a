//! The instance metadata service of EC2, version 2: a session token first, by PUT, which a server that merely forwards requests cannot get.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use serde::Deserialize;
use tradewind_providers::aws::Credentials;

use super::issued::Issued;
use crate::credential::{
    CredentialError, Fresh, Secret, Surroundings, Variables,
    exchange::{Patience, Reply},
    form,
};

const TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const SESSION: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
/// In seconds; the longest there is.
const SESSION_TTL: HeaderValue = HeaderValue::from_static("21600");
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// Whether an operator has said that the service is not to be asked.
pub(super) fn is_disabled(variables: &Variables) -> bool {
    variables.get("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn endpoint(variables: &Variables) -> String {
    let by_mode = || match variables.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") {
        Some(mode) if mode.eq_ignore_ascii_case("ipv6") => "http://[fd00:ec2::254]".to_owned(),
        _ => "http://169.254.169.254".to_owned(),
    };
    variables.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(by_mode).trim_end_matches('/').to_owned()
}

/// The credentials of the machine's role.
pub(super) async fn credentials(surroundings: &Surroundings) -> Result<Fresh<Credentials>, CredentialError> {
    let endpoint = endpoint(&surroundings.variables);
    let ask = async |method, path: &str, name, value| {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = form::uri(format!("{endpoint}{path}"))?;
        request.headers_mut().insert(name, value);
        surroundings.ask(request, Patience::NEAR).await
    };
    let reply = ask(Method::PUT, "/latest/api/token", TTL, SESSION_TTL).await?;
    let session = Secret::of(reply.text()?, "the session token")?.header("", "the session token")?;
    let roles = ask(Method::GET, ROLES, SESSION, session.clone()).await?;
    let role = roles.text()?.lines().next().unwrap_or_default().trim();
    if role.is_empty() {
        return Err(roles.malformed("the machine has no role; attach an instance profile"));
    }
    let reply = ask(Method::GET, &format!("{ROLES}{}", form::encode(role)), SESSION, session).await?;
    read(&reply, surroundings)
}

fn read(reply: &Reply, surroundings: &Surroundings) -> Result<Fresh<Credentials>, CredentialError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Outcome {
        code: Option<String>,
    }
    // A role that cannot be assumed is told with status 200.
    let outcome: Outcome = reply.json()?;
    if let Some(code) = outcome.code.filter(|code| code != "Success") {
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        return Err(reply.malformed(format!("its code is {code}")));
    }
    let issued: Issued = reply.json()?;
    issued.into_fresh(&surroundings.clock).map_err(|fault| reply.malformed(fault.to_string()))
}
