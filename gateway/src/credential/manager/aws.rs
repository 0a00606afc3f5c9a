//! AWS Secrets Manager: `GetSecretValue`.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradewind_policies::spec::AwsCredential;
use tradewind_providers::aws::{dns_suffix, sign};

use crate::credential::{
    CredentialError, SecretError, Source, Surroundings,
    aws::{Chain, region},
    exchange::Patience,
    form,
};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const GET_SECRET_VALUE: HeaderValue = HeaderValue::from_static("secretsmanager.GetSecretValue");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
const SERVICE: &str = "secretsmanager";

/// A secret, or one member of it.
pub(in crate::credential) struct AwsSecret<'a> {
    /// Its name or ARN.
    pub(in crate::credential) name: &'a str,
    /// Which member, where its text is a JSON object.
    pub(in crate::credential) key: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ask<'a> {
    secret_id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    secret_string: Option<String>,
}

impl AwsSecret<'_> {
    /// The text; `place` says whose, for an error.
    pub(in crate::credential) async fn read(&self, place: &str, surroundings: &Surroundings) -> Result<String, CredentialError> {
        let region = self.region(surroundings)?;
        let given = ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"].map(|name| surroundings.variables.get(name));
        let base = given.into_iter().flatten().next();
        let base = base.unwrap_or_else(|| format!("https://{SERVICE}.{region}.{}", dns_suffix(&region)));
        let ask = serde_json::to_vec(&Ask { secret_id: self.name });
        let ask = ask.map_err(|error| CredentialError::configuration(error.to_string()))?;
        let mut request = Request::new(Bytes::from(ask));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = form::uri(format!("{}/", base.trim_end_matches('/')))?;
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        request.headers_mut().insert(TARGET, GET_SECRET_VALUE);

        let credentials = Chain::new(&AwsCredential::default(), &region, surroundings)?.obtain().await?.value;
        let (mut parts, body) = request.into_parts();
        let signed = sign(&mut parts, &body, &credentials, &region, SERVICE, surroundings.clock.now());
        signed.map_err(|error| CredentialError::Signing(error.to_string()))?;
        let reply = surroundings.ask(Request::from_parts(parts, body), Patience::REMOTE).await?;
        let answer: Answer = reply.json()?;
        let text = answer.secret_string.ok_or_else(|| reply.malformed("the secret is binary; accepted: text"))?;
        match self.key {
            Some(key) => member(&text, key, place),
            None => Ok(text),
        }
    }

    /// An ARN names its region (`arn:aws:secretsmanager:REGION:…`); a name is looked up where the process works.
    fn region(&self, surroundings: &Surroundings) -> Result<String, CredentialError> {
        let named = self.name.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2)).map(str::to_owned);
        let missing =
            || CredentialError::configuration(format!("aws-sm:{} needs a region: set AWS_REGION, or use an ARN", self.name));
        named.or_else(|| region(&surroundings.variables)).ok_or_else(missing)
    }
}

fn member(text: &str, key: &str, place: &str) -> Result<String, CredentialError> {
    let document: Option<Value> = serde_json::from_str(text).ok();
    let found = document.as_ref().and_then(|document| document.get(key)?.as_str()).map(str::to_owned);
    found.ok_or_else(|| SecretError::NoMember { place: place.to_owned(), key: key.to_owned() }.into())
}
