//! A token of an identity provider, and how its life is told.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::HeaderValue;
use serde::Deserialize;

use super::{CredentialError, Fresh, Life, Secret, Source, exchange::Reply};

/// The life of a token whose issuer does not tell it: RFC 6749 only recommends that it does. Most live for an hour.
const UNTOLD: Duration = Duration::from_secs(10 * 60);

/// The answer of an OAuth 2 token endpoint.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<Seconds>,
}

/// A number of seconds, which some endpoints write as text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    pub(super) fn duration(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Reads the answer of an OAuth 2 token endpoint (RFC 6749, section 5.1).
pub(super) fn read_token(reply: &Reply) -> Result<Fresh<Secret>, CredentialError> {
    let answer: TokenAnswer = reply.json()?;
    let lifetime = match &answer.expires_in {
        Some(told) => told.duration().ok_or_else(|| reply.malformed("`expires_in` is no number of seconds"))?,
        None => UNTOLD,
    };
    let token = Secret::of(&answer.access_token, "`access_token`").map_err(|_| reply.malformed("`access_token` is empty"))?;
    Ok(Fresh { value: token, life: Life::token(lifetime) })
}

/// What stands in a header, made of a token.
#[derive(Debug)]
pub(super) struct InHeader<S> {
    /// Where the token comes from.
    pub(super) source: S,
    /// Such as `Bearer `.
    pub(super) prefix: &'static str,
    /// Whose it is, for an error.
    pub(super) place: String,
}

impl<S: Source<Secret>> Source<HeaderValue> for InHeader<S> {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<HeaderValue>, CredentialError>> {
        Box::pin(async move {
            let Fresh { value, life } = self.source.obtain().await?;
            Ok(Fresh { value: value.header(self.prefix, &self.place)?, life })
        })
    }
}

impl<T: 'static> Source<T> for Box<dyn Source<T>> {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<T>, CredentialError>> {
        (**self).obtain()
    }
}
