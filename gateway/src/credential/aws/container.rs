//! The endpoint that ECS, and EKS Pod Identity, give to a container.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header::AUTHORIZATION};
use tradewind_providers::aws::Credentials;

use super::issued::Issued;
use crate::credential::{CredentialError, Fresh, Secret, Surroundings, Variables, exchange::Patience, form, secrets::read_file};

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
/// ECS.
const ECS: &str = "169.254.170.2";
/// The other addresses that may be asked without TLS: EKS Pod Identity.
const EKS: [&str; 2] = ["169.254.170.23", "fd00:ec2::23"];

/// Whether the process runs where there is such an endpoint.
pub(super) fn is_offered(variables: &Variables) -> bool {
    variables.get(RELATIVE).or_else(|| variables.get(FULL)).is_some()
}

/// The credentials of the container's role.
pub(super) async fn credentials(surroundings: &Surroundings) -> Result<Fresh<Credentials>, CredentialError> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = address(&surroundings.variables)?;
    if let Some(token) = authorization(&surroundings.variables).await? {
        request.headers_mut().insert(AUTHORIZATION, token);
    }
    let reply = surroundings.ask(request, Patience::NEAR).await?;
    let issued: Issued = reply.json()?;
    issued.into_fresh(&surroundings.clock).map_err(|fault| reply.malformed(fault.to_string()))
}

fn address(variables: &Variables) -> Result<Uri, CredentialError> {
    if let Some(path) = variables.get(RELATIVE) {
        return form::uri(format!("http://{ECS}{path}"));
    }
    let absent =
        || CredentialError::configuration(format!("neither {RELATIVE} nor {FULL} is set: there is no container endpoint"));
    let address = form::uri(variables.get(FULL).ok_or_else(absent)?)?;
    if may_be_asked(&address) {
        return Ok(address);
    }
    Err(CredentialError::configuration(format!(
        "{FULL} names a host that credentials are not taken from; accepted: `https`, this machine, {ECS}, {}",
        EKS.join(", ")
    )))
}

/// Over plain HTTP, only what cannot be another machine on the network: whoever sets the variable must not choose who gets the token.
fn may_be_asked(address: &Uri) -> bool {
    let Some(host) = address.host().map(|host| host.trim_start_matches('[').trim_end_matches(']')) else {
        return false;
    };
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    address.scheme_str() == Some("https") || is_here || host == ECS || EKS.contains(&host)
}

/// What the endpoint wants to be shown. The file is replaced now and then, and read for each question.
async fn authorization(variables: &Variables) -> Result<Option<HeaderValue>, CredentialError> {
    let (text, place) = match (variables.get(TOKEN_FILE), variables.get(TOKEN)) {
        (Some(path), _) => (read_file(path.as_ref()).await?, path),
        (None, Some(token)) => (token, TOKEN.to_owned()),
        (None, None) => return Ok(None),
    };
    Ok(Some(Secret::of(&text, &place)?.header("", &place)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_the_endpoints_of_aws_are_asked_without_tls() {
        for good in [
            "http://127.0.0.1/x",
            "http://localhost:80/x",
            "http://[::1]/x",
            "http://169.254.170.2/v2/c",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "https://example.com/x",
        ] {
            assert!(may_be_asked(&Uri::from_static(good)), "{good}");
        }
        for bad in ["http://example.com/", "http://169.254.169.254/", "http://10.0.0.1/", "http://127.0.0.1.example.com/", "/x"] {
            assert!(!may_be_asked(&Uri::from_static(bad)), "{bad}");
        }
    }
}
