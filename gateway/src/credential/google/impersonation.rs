//! Acting as a service account: a token of one's own is exchanged for one of the account's.

use bytes::Bytes;
use http::{
    HeaderValue, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::SCOPE;
use crate::credential::{CredentialError, Fresh, Life, Secret, Surroundings, exchange::Patience, form};

/// In seconds, where the file does not say: the longest that needs no permission of the organisation.
pub(super) const LIFETIME: u64 = 3600;

/// Whom to act as.
pub(super) struct Whom<'a> {
    /// `…:generateAccessToken`.
    pub(super) url: &'a str,
    /// The accounts in between, each of which may act as the next.
    pub(super) delegates: &'a [String],
    /// In seconds.
    pub(super) lifetime: u64,
}

#[derive(Serialize)]
struct Ask<'a> {
    scope: [&'a str; 1],
    lifetime: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    delegates: &'a [String],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    access_token: String,
    expire_time: String,
}

/// The account's token, for one's own.
pub(super) async fn token(whom: &Whom<'_>, own: &Secret, surroundings: &Surroundings) -> Result<Fresh<Secret>, CredentialError> {
    let ask = Ask { scope: [SCOPE], lifetime: format!("{}s", whom.lifetime), delegates: whom.delegates };
    let body = serde_json::to_vec(&ask).map_err(|error| CredentialError::configuration(error.to_string()))?;
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = form::uri(whom.url.to_owned())?;
    request.headers_mut().insert(AUTHORIZATION, own.header("Bearer ", "the token")?);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let reply = surroundings.ask(request, Patience::REMOTE).await?;
    let answer: Answer = reply.json()?;
    let end = OffsetDateTime::parse(&answer.expire_time, &Rfc3339).map_err(|_| reply.malformed("`expireTime` is no time"))?;
    let life = Life::token(surroundings.clock.until(end.into()));
    Ok(Fresh { value: Secret::of(&answer.access_token, "`accessToken`")?, life })
}
