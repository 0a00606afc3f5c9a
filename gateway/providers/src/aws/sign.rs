//! Signs a request in its headers.

use std::time::SystemTime;

use http::{
    HeaderName, HeaderValue, Uri,
    header::{AUTHORIZATION, HOST},
    request::Parts,
};

use super::{
    Credentials, SigningKey,
    authorization::{ALGORITHM, sha256, signature},
    canonical::{Canonical, signed},
    path::PathRule,
    timestamp::Timestamp,
};

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Why a request cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is neither a `host` header nor an absolute address.
    #[error("a request without a host cannot be signed")]
    NoHost,
    /// The access key id or the session token holds what no header can.
    #[error("the {0} holds characters that a header cannot carry")]
    Credential(&'static str),
}

/// Signs a request whose body is `body` for `service` in `region`: see [`sign_with`], which spares deriving the key anew.
///
/// # Errors
/// [`SignError`].
pub fn sign(
    parts: &mut Parts,
    body: &[u8],
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: SystemTime,
) -> Result<(), SignError> {
    sign_with(&SigningKey::derive(credentials, region, service, now), parts, body, now)
}

/// Signs a request whose body is `body`. Sets `x-amz-date`, `x-amz-security-token` and `authorization`, replacing what was there; a
/// `host` is signed but left to the HTTP stack where there is none. Nothing that is signed may change after that, the spelling of the
/// path included.
///
/// # Errors
/// [`SignError`].
pub fn sign_with(key: &SigningKey, parts: &mut Parts, body: &[u8], now: SystemTime) -> Result<(), SignError> {
    let timestamp = Timestamp::of(now);
    let value = |text: &str, what| HeaderValue::from_str(text).map_err(|_| SignError::Credential(what));
    parts.headers.remove(AUTHORIZATION);
    parts.headers.insert(X_AMZ_DATE, value(timestamp.as_str(), "date")?);
    match key.session_token() {
        Some(token) => {
            let mut token = value(token, "session token")?;
            token.set_sensitive(true);
            parts.headers.insert(X_AMZ_SECURITY_TOKEN, token);
        }
        None => drop(parts.headers.remove(X_AMZ_SECURITY_TOKEN)),
    }
    let host;
    let mut headers = signed(&parts.headers);
    if !parts.headers.contains_key(HOST) {
        host = host_of(&parts.uri).ok_or(SignError::NoHost)?;
        let place = headers.partition_point(|(name, _)| *name < "host");
        headers.insert(place, ("host", host.as_bytes()));
    }
    let body_hash = sha256(body);
    let canonical = Canonical {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers,
        body_hash: &body_hash,
        rule: PathRule::default(),
    };
    let signature = signature(key, timestamp.as_str(), &canonical);
    let names = canonical.signed_headers();
    let (id, scope) = (key.access_key_id(), key.scope());
    let authorization = format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    let mut authorization = value(&authorization, "access key id")?;
    authorization.set_sensitive(true);
    parts.headers.insert(AUTHORIZATION, authorization);
    Ok(())
}

/// The `host` header that an HTTP stack sends for `uri`: with the port, unless it is the scheme's own.
fn host_of(uri: &Uri) -> Option<String> {
    let host = uri.host()?;
    let own = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    Some(match uri.port_u16() {
        Some(port) if port != own => format!("{host}:{port}"),
        _ => host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;

    use super::*;

    const BODY: &str = r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
    const MODEL: &str = "https://bedrock-runtime.us-east-1.amazonaws.com/model";

    struct Case<'a> {
        uri: String,
        region: &'a str,
        service: &'a str,
        body: &'a str,
        headers: &'a [(&'a str, &'a str)],
        token: Option<&'a str>,
    }

    fn signed_headers(case: &Case<'_>) -> http::HeaderMap {
        let mut request = Request::post(case.uri.as_str());
        for (name, value) in case.headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: case.token.map(str::to_owned),
        };
        // 2026-01-02T03:04:05Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        sign(&mut parts, case.body.as_bytes(), &credentials, case.region, case.service, now).unwrap();
        parts.headers
    }

    fn authorization(case: &Case<'_>) -> String {
        signed_headers(case).get(AUTHORIZATION).unwrap().to_str().unwrap().to_owned()
    }

    fn bedrock(path: &str) -> Case<'static> {
        Case {
            uri: format!("{MODEL}/{path}"),
            region: "us-east-1",
            service: "bedrock",
            body: BODY,
            headers: &[("content-type", "application/json")],
            token: None,
        }
    }

    fn assert_signature(case: &Case<'_>, signature: &str) {
        assert!(authorization(case).ends_with(&format!("Signature={signature}")), "{}", authorization(case));
    }

    #[test]
    fn signs_as_botocore_does() {
        let escaped = bedrock("anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse");
        assert_signature(&escaped, "2617f356b006d5f3ddc87587af21e1f2bb4cc33442c445418d16b7fcf1a3e5a0");
        assert!(authorization(&escaped).contains("SignedHeaders=content-type;host;x-amz-date, "));
        let literal = bedrock("anthropic.claude-3-5-sonnet-20241022-v2:0/converse");
        assert_signature(&literal, "ced0946a019472f59e5507650a496e8be067f75b0f7133254bcb3b83db506e0f");
        let arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/converse-stream";
        assert_signature(&bedrock(arn), "a543b07e529f8982566cc7e417c89059c68580c7e870c1639dfdcff6a16d5e12");
        let temporary = Case { token: Some("SESSIONTOKEN"), ..escaped };
        assert_signature(&temporary, "a927e66bd7a77238ac047e341086f3345ec00811b87f8bb48bd681d9082dcc3d");
    }

    #[test]
    fn signs_for_other_services() {
        let sagemaker = Case {
            uri: "https://runtime.sagemaker.us-west-2.amazonaws.com/endpoints/my-ep/invocations".to_owned(),
            region: "us-west-2",
            service: "sagemaker",
            body: r#"{"inputs":"hi"}"#,
            headers: &[("content-type", "application/json")],
            token: None,
        };
        assert_signature(&sagemaker, "11f7cf99758fc71a92411b5cee6d2371551798efc2ecebc1a0b2451f919ab5e6");
        let comprehend = Case {
            uri: "https://comprehend.us-east-1.amazonaws.com/".to_owned(),
            region: "us-east-1",
            service: "comprehend",
            body: r#"{"LanguageCode":"en","Text":"hi"}"#,
            headers: &[
                ("x-amz-target", "Comprehend_20171127.DetectSentiment"),
                ("content-type", "application/x-amz-json-1.1"),
                ("user-agent", "not signed"),
                ("authorization", "the client's own, to be replaced"),
            ],
            token: None,
        };
        assert_signature(&comprehend, "e54e96006f31c8509ac072d46cd13f7c7c485893b48bec963e7fdaecff3ff2d0");
        assert!(authorization(&comprehend).contains("SignedHeaders=content-type;host;x-amz-date;x-amz-target, "));
    }

    #[test]
    fn a_host_header_is_signed_in_place_of_the_address() {
        let private = Case {
            uri: "https://10.0.0.7:8443/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse".to_owned(),
            headers: &[("content-type", "application/json"), ("host", "bedrock-runtime.us-east-1.amazonaws.com")],
            ..bedrock("")
        };
        assert_signature(&private, "2617f356b006d5f3ddc87587af21e1f2bb4cc33442c445418d16b7fcf1a3e5a0");
        assert_eq!(host_of(&"https://h:443/".parse().unwrap()).as_deref(), Some("h"));
        assert_eq!(host_of(&"http://h:443/".parse().unwrap()).as_deref(), Some("h:443"));
        assert_eq!(host_of(&"http://127.0.0.1:80/".parse().unwrap()).as_deref(), Some("127.0.0.1"));
    }

    #[test]
    fn secrets_in_headers_are_marked_and_stale_ones_removed() {
        let headers = signed_headers(&Case { token: Some("t"), ..bedrock("m/converse") });
        assert!(headers[AUTHORIZATION].is_sensitive() && headers["x-amz-security-token"].is_sensitive());
        let stale = Case { headers: &[("x-amz-security-token", "old"), ("x-amz-date", "old")], ..bedrock("m/converse") };
        let headers = signed_headers(&stale);
        assert_eq!(headers["x-amz-date"], "20260102T030405Z");
        assert!(!headers.contains_key("x-amz-security-token"));
    }
}
