//! Signs a request in its query, and the bearer tokens that are made of such requests.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Credentials, SigningKey,
    authorization::{ALGORITHM, sha256, signature},
    canonical::Canonical,
    path::{PathRule, escape},
    timestamp::Timestamp,
};

/// The longest that a bearer token may live.
const LONGEST: Duration = Duration::from_secs(43_200);

/// The query of a signed request with an empty body, without the `?`: `query`, the parameters of the signature and the signature.
/// Only the host is signed of the headers; the request may be sent until `expires` after `now`.
#[must_use]
pub fn presign(
    key: &SigningKey,
    method: &str,
    host: &str,
    (path, query): (&str, &str),
    expires: Duration,
    now: SystemTime,
) -> String {
    let empty = sha256(b"");
    let canonical = Canonical {
        method,
        path,
        query: "",
        headers: vec![("host", host.as_bytes())],
        body_hash: &empty,
        rule: PathRule::default(),
    };
    presign_canonical(key, canonical, query, expires, now)
}

/// The same, for a request that was prepared but for its query.
pub(super) fn presign_canonical(
    key: &SigningKey,
    canonical: Canonical<'_>,
    query: &str,
    expires: Duration,
    now: SystemTime,
) -> String {
    let timestamp = Timestamp::of(now);
    let mut signed = query.to_owned();
    let mut push = |name: &str, value: &str| {
        if !signed.is_empty() {
            signed.push('&');
        }
        signed.push_str(name);
        signed.push('=');
        escape(&mut signed, value.as_bytes(), |_| false);
    };
    push("X-Amz-Algorithm", ALGORITHM);
    push("X-Amz-Credential", &format!("{}/{}", key.access_key_id(), key.scope()));
    push("X-Amz-Date", timestamp.as_str());
    push("X-Amz-Expires", &expires.as_secs().to_string());
    push("X-Amz-SignedHeaders", &canonical.signed_headers());
    if let Some(token) = key.session_token() {
        push("X-Amz-Security-Token", token);
    }
    let signature = signature(key, timestamp.as_str(), &Canonical { query: &signed, ..canonical });
    // Writing to a string cannot fail.
    let _infallible = write!(signed, "&X-Amz-Signature={signature}");
    signed
}

/// A service that takes bearer tokens made from AWS credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerService {
    /// Amazon Bedrock.
    Bedrock,
    /// Amazon SageMaker, for its OpenAI mode.
    SageMaker,
}

impl BearerService {
    const fn name(self) -> &'static str {
        match self {
            Self::Bedrock => "bedrock",
            Self::SageMaker => "sagemaker",
        }
    }
}

/// A bearer token for `service` in `region`, good for `lifetime` (twelve hours at most, and no longer than the credentials): a signed
/// request of the action `CallWithBearerToken`, in base64. Nobody is asked for it.
#[must_use]
pub fn bearer_token(
    service: BearerService,
    credentials: &Credentials,
    region: &str,
    lifetime: Duration,
    now: SystemTime,
) -> String {
    let name = service.name();
    let host = format!("{name}.amazonaws.com");
    let key = SigningKey::derive(credentials, region, name, now);
    let query = presign(&key, "POST", &host, ("/", "Action=CallWithBearerToken"), lifetime.min(LONGEST), now);
    let token = STANDARD.encode(format!("{host}/?{query}&Version=1"));
    format!("{name}-api-key-{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_a_presigned_request() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: Some("a/b+c".to_owned()),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        for (service, prefix, host) in [
            (BearerService::Bedrock, "bedrock-api-key-", "bedrock.amazonaws.com"),
            (BearerService::SageMaker, "sagemaker-api-key-", "sagemaker.amazonaws.com"),
        ] {
            let token = bearer_token(service, &credentials, "us-east-1", Duration::from_secs(1_000_000), now);
            let request = STANDARD.decode(token.strip_prefix(prefix).unwrap()).unwrap();
            let request = String::from_utf8(request).unwrap();
            let expected = format!(
                "{host}/?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Fus-east-1%2F{}\
                 %2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=43200&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%2Fb%2Bc\
                 &X-Amz-Signature=",
                service.name()
            );
            let rest = request.strip_prefix(&expected).unwrap_or_else(|| panic!("{request}"));
            let signature = rest.strip_suffix("&Version=1").unwrap();
            assert!(signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }
}
