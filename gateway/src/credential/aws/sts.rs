//! The Security Token Service: roles to assume, with credentials or with a token of another identity provider.

use std::{path::Path, time::SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header::ACCEPT};
use serde::Deserialize;
use tradewind_policies::spec::BaseUrl;
use tradewind_providers::aws::{Credentials, dns_suffix, sign};

use super::issued;
use crate::credential::{
    CredentialError, Fresh, Secret, Surroundings,
    exchange::{Patience, Reply},
    form,
    secrets::read_file,
};

const VERSION: (&str, &str) = ("Version", "2011-06-15");
/// How the gateway's sessions are called in AWS's logs, where nobody says otherwise.
pub(super) const SESSION_NAME: &str = "tradewind";

/// The service of one region.
#[derive(Debug)]
pub(super) struct Sts {
    uri: Uri,
    region: String,
    surroundings: Surroundings,
}

/// A role to assume.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<String>,
    /// In seconds; without one, an hour.
    pub(super) duration: Option<String>,
}

impl Sts {
    pub(super) fn new(url: Option<&BaseUrl>, region: &str, surroundings: &Surroundings) -> Result<Self, CredentialError> {
        let given = url.map(ToString::to_string).or_else(|| surroundings.variables.get("AWS_ENDPOINT_URL_STS"));
        let base = given.unwrap_or_else(|| format!("https://sts.{region}.{}", dns_suffix(region)));
        let uri = form::uri(format!("{}/", base.trim_end_matches('/')))?;
        Ok(Self { uri, region: region.to_owned(), surroundings: surroundings.clone() })
    }

    /// The role's credentials, for those who may assume it.
    pub(super) async fn assume(&self, role: &Role, with: &Credentials) -> Result<Fresh<Credentials>, CredentialError> {
        let mut fields = role.fields("AssumeRole");
        fields.extend(role.external_id.as_deref().map(|id| ("ExternalId", id)));
        let (mut parts, body) = form::post(self.uri.clone(), &fields).into_parts();
        let now: SystemTime = self.surroundings.clock.now();
        sign(&mut parts, &body, with, &self.region, "sts", now).map_err(|error| CredentialError::Signing(error.to_string()))?;
        self.ask(Request::from_parts(parts, body)).await
    }

    /// The role's credentials, for the token in a file, which is replaced now and then.
    pub(super) async fn with_web_identity(&self, role: &Role, token_file: &Path) -> Result<Fresh<Credentials>, CredentialError> {
        let token = Secret::of(&read_file(token_file).await?, &token_file.display().to_string())?;
        let mut fields = role.fields("AssumeRoleWithWebIdentity");
        fields.push(("WebIdentityToken", token.expose()));
        self.ask(form::post(self.uri.clone(), &fields)).await
    }

    async fn ask(&self, mut request: Request<Bytes>) -> Result<Fresh<Credentials>, CredentialError> {
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/xml"));
        let reply = self.surroundings.ask(request, Patience::REMOTE).await?;
        read(&reply, &self.surroundings)
    }
}

impl Role {
    fn fields<'a>(&'a self, action: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut fields = vec![("Action", action), VERSION, ("RoleArn", &self.arn), ("RoleSessionName", &self.session_name)];
        fields.extend(self.duration.as_deref().map(|seconds| ("DurationSeconds", seconds)));
        fields
    }
}

fn read(reply: &Reply, surroundings: &Surroundings) -> Result<Fresh<Credentials>, CredentialError> {
    #[derive(Deserialize)]
    struct Response {
        #[serde(alias = "AssumeRoleResult", alias = "AssumeRoleWithWebIdentityResult")]
        result: Outcome,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Outcome {
        credentials: Issued,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Issued {
        access_key_id: String,
        secret_access_key: String,
        session_token: String,
        expiration: String,
    }
    let response: Response =
        quick_xml::de::from_str(reply.text()?).map_err(|_| reply.malformed("it is not the XML that STS answers with"))?;
    let Issued { access_key_id, secret_access_key, session_token, expiration } = response.result.credentials;
    let life = issued::life(&expiration, &surroundings.clock).map_err(|fault| reply.malformed(fault.to_string()))?;
    Ok(Fresh { value: Credentials { access_key_id, secret_access_key, session_token: Some(session_token) }, life })
}
