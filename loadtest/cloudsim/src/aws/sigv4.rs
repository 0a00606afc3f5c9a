//! Verifies AWS signatures, version 4: signs again what was received with the crate that the AWS SDK signs with, and
//! compares.
//!
//! Stricter than AWS in one way: it also refuses the signature of a header that a proxy may rewrite.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

use super::authorization::Authorization;
use super::error::AwsError;
use super::keys::{AccessKey, AccessKeys};
use crate::log::Received;

/// How far the clocks may be apart.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// Headers that may change between the signer and the service.
const REWRITTEN_ON_THE_WAY: [&str; 6] = ["connection", "expect", "te", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

/// The service that is called, as signatures name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// Accepts a request that is signed with one of the keys, for this service, now.
pub(crate) fn verify(received: &Received, keys: &AccessKeys, scope: Scope<'_>, now: SystemTime) -> Result<(), AwsError> {
    let authorization = Authorization::of(received)?;
    let (date, time) = date(received)?;
    let key = keys.find(authorization.access_key_id, now).ok_or_else(|| {
        AwsError::forbidden("UnrecognizedClientException", "The security token included in the request is invalid.")
    })?;
    token(received, &key, now)?;
    check_scope(&authorization, scope, &date)?;
    if time + SKEW < now || now + SKEW < time {
        let message = format!("Signature expired: {date} is not within 5 min. of the time of the service");
        return Err(AwsError::forbidden("InvalidSignatureException", message));
    }
    check_signed(received, &authorization)?;
    if again(received, &authorization, &key, scope, time)? == authorization.signature {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                   Access Key and signing method. Consult the service documentation for details.";
    Err(AwsError::forbidden("InvalidSignatureException", message))
}

/// The text and the time of `x-amz-date`.
fn date(received: &Received) -> Result<(String, SystemTime), AwsError> {
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let incomplete = || {
        let message =
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header, as in 20260102T030405Z.";
        AwsError::forbidden("IncompleteSignatureException", message)
    };
    let text = received.header("x-amz-date").ok_or_else(incomplete)?;
    let parsed = time::PrimitiveDateTime::parse(text, &format).map_err(|_| incomplete())?;
    Ok((text.to_owned(), parsed.assume_utc().into()))
}

/// A temporary key comes with its token, and only with its own.
fn token(received: &Received, key: &AccessKey, now: SystemTime) -> Result<(), AwsError> {
    if received.header("x-amz-security-token") != key.session_token.as_deref() {
        let message = "The security token included in the request is invalid.";
        return Err(AwsError::forbidden("UnrecognizedClientException", message));
    }
    if key.expires.is_some_and(|expires| expires <= now) {
        return Err(AwsError::forbidden("ExpiredTokenException", "The security token included in the request is expired"));
    }
    Ok(())
}

fn check_scope(authorization: &Authorization<'_>, scope: Scope<'_>, date: &str) -> Result<(), AwsError> {
    let wrong = if authorization.date != date.split('T').next().unwrap_or_default() {
        format!("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: {date}.")
    } else if authorization.region != scope.region {
        format!("Credential should be scoped to a valid region, not '{}'.", authorization.region)
    } else if authorization.service != scope.service {
        format!("Credential should be scoped to correct service: '{}'.", scope.service)
    } else {
        return Ok(());
    };
    Err(AwsError::forbidden("InvalidSignatureException", wrong))
}

/// What must be signed is, and what is signed is there.
fn check_signed(received: &Received, authorization: &Authorization<'_>) -> Result<(), AwsError> {
    let signed = &authorization.signed_headers;
    let invalid = |message: String| Err(AwsError::forbidden("InvalidSignatureException", message));
    if !signed.is_sorted() {
        return invalid("SignedHeaders must be in alphabetical order.".into());
    }
    let named = received.headers.keys().map(http::HeaderName::as_str);
    let mut needed = named.filter(|name| name.starts_with("x-amz-") || *name == "content-type").chain(["host"]);
    if let Some(missing) = needed.find(|name| !signed.contains(name)) {
        return invalid(format!("'{missing}' must be a 'SignedHeader' in the AWS Authorization."));
    }
    if let Some(absent) = signed.iter().find(|name| !received.headers.contains_key(**name)) {
        return invalid(format!("The signed header '{absent}' is not in the request."));
    }
    if let Some(unsafe_to_sign) = signed.iter().find(|name| REWRITTEN_ON_THE_WAY.contains(*name)) {
        return invalid(format!("The header '{unsafe_to_sign}' must not be signed: it may change on its way."));
    }
    Ok(())
}

/// The signature that the request should have.
fn again(
    received: &Received,
    authorization: &Authorization<'_>,
    key: &AccessKey,
    scope: Scope<'_>,
    time: SystemTime,
) -> Result<String, AwsError> {
    let malformed = |error: &dyn std::error::Error| AwsError::forbidden("InvalidSignatureException", error.to_string());
    let identity = Credentials::new(&key.id, &key.secret, key.session_token.clone(), None, "cloudsim").into();
    let mut settings = SigningSettings::default();
    // Which headers are signed is the caller's choice, which has been checked.
    settings.excluded_headers = None;
    let parameters = v4::SigningParams::builder().identity(&identity).region(scope.region).name(scope.service);
    let parameters = parameters.time(time).settings(settings).build().map_err(|error| malformed(&error))?.into();
    let names = authorization.signed_headers.iter().filter(|name| !["x-amz-date", "x-amz-security-token"].contains(name));
    let values = |name: &&'_ str| {
        let name = *name;
        let texts = received.headers.get_all(name).iter().map(move |value| (name, value.to_str().unwrap_or_default()));
        texts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    let headers: Vec<(String, String)> = names.flat_map(values).collect();
    let url = format!("http://{}{}", received.header("host").unwrap_or_default(), received.path);
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let request = SignableRequest::new(received.method.as_str(), url, headers, SignableBody::Bytes(&received.body));
    let signed = sign(request.map_err(|error| malformed(&error))?, &parameters).map_err(|error| malformed(&error))?;
    Ok(signed.signature().to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::*;

    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const SCOPE: Scope<'static> = Scope { region: "us-east-1", service: "bedrock" };
    const PATH: &str = "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse";
    /// Made with botocore's signer.
    const SIGNATURE: &str = "2617f356b006d5f3ddc87587af21e1f2bb4cc33442c445418d16b7fcf1a3e5a0";
    const LITERAL_COLON: &str = "ced0946a019472f59e5507650a496e8be067f75b0f7133254bcb3b83db506e0f";

    /// 2026-01-02T03:04:05Z.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
    }

    fn keys() -> AccessKeys {
        AccessKeys::new([AccessKey { id: "AKIDEXAMPLE".into(), secret: KEY.into(), session_token: None, expires: None }])
    }

    fn signed(path: &str, signature: &str) -> Received {
        let scope = "AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request";
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;host;x-amz-date, Signature={signature}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
            ("host", "bedrock-runtime.us-east-1.amazonaws.com"),
            ("x-amz-date", "20260102T030405Z"),
        ];
        let header = |(name, value): (&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        let body = r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
        let headers = HeaderMap::from_iter(headers.map(header));
        Received { method: Method::POST, path: path.into(), headers, body: Bytes::from_static(body.as_bytes()) }
    }

    fn kind(received: &Received, scope: Scope<'_>, now: SystemTime) -> &'static str {
        verify(received, &keys(), scope, now).unwrap_err().kind
    }

    #[test]
    fn signatures_made_by_botocore_are_accepted() {
        verify(&signed(PATH, SIGNATURE), &keys(), SCOPE, now()).unwrap();
        let literal = PATH.replace("%3A", ":");
        verify(&signed(&literal, LITERAL_COLON), &keys(), SCOPE, now()).unwrap();
    }

    #[test]
    fn a_changed_request_is_refused() {
        let good = signed(PATH, SIGNATURE);
        let mut other_body = good.clone();
        other_body.body = Bytes::from_static(b"{}");
        let mut other_type = good;
        other_type.headers.insert("content-type", HeaderValue::from_static("text/plain"));
        for changed in [other_body, other_type, signed(PATH, LITERAL_COLON), signed("/model/x/converse", SIGNATURE)] {
            assert_eq!(kind(&changed, SCOPE, now()), "InvalidSignatureException");
        }
    }

    #[test]
    fn a_signature_for_another_service_region_or_time_is_refused() {
        let good = signed(PATH, SIGNATURE);
        assert_eq!(kind(&good, Scope { service: "sagemaker", ..SCOPE }, now()), "InvalidSignatureException");
        assert_eq!(kind(&good, Scope { region: "us-west-2", ..SCOPE }, now()), "InvalidSignatureException");
        assert_eq!(kind(&good, SCOPE, now() + SKEW + Duration::from_secs(1)), "InvalidSignatureException");
        assert_eq!(kind(&good, SCOPE, now() - SKEW - Duration::from_secs(1)), "InvalidSignatureException");
    }

    #[test]
    fn every_amz_header_and_the_content_type_must_be_signed() {
        let mut unsigned = signed(PATH, SIGNATURE);
        unsigned.headers.insert("x-amz-target", HeaderValue::from_static("x"));
        let error = verify(&unsigned, &keys(), SCOPE, now()).unwrap_err();
        assert!(error.body["message"].as_str().unwrap().contains("'x-amz-target' must be a 'SignedHeader'"));
    }

    #[test]
    fn a_token_that_the_key_does_not_have_is_refused() {
        let mut with_token = signed(PATH, SIGNATURE);
        with_token.headers.insert("x-amz-security-token", HeaderValue::from_static("t"));
        assert_eq!(kind(&with_token, SCOPE, now()), "UnrecognizedClientException");
    }

    #[test]
    fn a_missing_or_broken_credential_is_named_as_aws_names_it() {
        let mut none = signed(PATH, SIGNATURE);
        none.headers.remove("authorization");
        assert_eq!(kind(&none, SCOPE, now()), "MissingAuthenticationTokenException");
        none.headers.insert("authorization", HeaderValue::from_static("AWS4-HMAC-SHA256 Credential=a"));
        assert_eq!(kind(&none, SCOPE, now()), "IncompleteSignatureException");
    }
}
