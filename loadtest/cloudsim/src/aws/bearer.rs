//! Bearer keys: a long-term key as it was given, or a short-term one, which is a presigned URL in disguise.
//!
//! A short-term key is made without a call: `bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-…&Version=1`, signed in its query, in
//! base64 behind a prefix that names the service.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::AwsError;
use super::keys::AccessKeys;
use super::sigv4::Scope;
use crate::behaviour::Behaviour;
use crate::credential;
use crate::log::percent_decoded;

/// The longest life of a short-term key.
const LONGEST: u64 = 12 * 60 * 60;

/// Accepts a bearer key of this service.
pub(super) fn check(
    behaviour: &Behaviour,
    keys: &AccessKeys,
    scope: Scope<'_>,
    key: &str,
    now: SystemTime,
) -> Result<(), AwsError> {
    let prefix = format!("{}-api-key-", scope.service);
    match key.strip_prefix(prefix.as_str()) {
        Some(disguised) if behaviour.token.as_deref() != Some(key) => short_term(keys, scope, disguised, now),
        _ => credential::judge(behaviour, key).map_err(|refusal| super::manner::error(&refusal)),
    }
}

fn short_term(keys: &AccessKeys, scope: Scope<'_>, disguised: &str, now: SystemTime) -> Result<(), AwsError> {
    let invalid = |message: &str| AwsError::forbidden("AccessDeniedException", message);
    let url = STANDARD.decode(disguised).ok().and_then(|url| String::from_utf8(url).ok());
    let url = url.ok_or_else(|| invalid("Invalid API Key format: Must start with pre-defined prefix and be base64"))?;
    let url = url.strip_suffix("&Version=1").ok_or_else(|| invalid("The key must end with its version, 1"))?;
    let (host, query) = url.split_once("/?").ok_or_else(|| invalid("The key is no presigned URL"))?;
    if host != format!("{}.amazonaws.com", scope.service) {
        return Err(invalid("The key is of another service"));
    }
    let parameters: HashMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let parameter = |name: &str| parameters.get(name).map(|value| percent_decoded(value));
    if parameter("Action").as_deref() != Some("CallWithBearerToken") {
        return Err(invalid("The key must be for the action CallWithBearerToken"));
    }
    let credential = parameter("X-Amz-Credential").unwrap_or_default();
    let [id, _, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
        return Err(invalid("The key has no credential scope"));
    };
    if region != scope.region || service != scope.service {
        return Err(invalid("The key is of another region or service"));
    }
    let access_key = keys.find(id, now).ok_or_else(|| invalid("The key was made with an unknown access key"))?;
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let date = parameter("X-Amz-Date").and_then(|date| time::PrimitiveDateTime::parse(&date, &format).ok());
    let begin: SystemTime = date.ok_or_else(|| invalid("The key has no date"))?.assume_utc().into();
    let lifetime =
        parameter("X-Amz-Expires").and_then(|seconds| seconds.parse().ok()).filter(|seconds| (1..=LONGEST).contains(seconds));
    let lifetime = Duration::from_secs(lifetime.ok_or_else(|| invalid("The key must expire within 12 hours"))?);
    if begin + lifetime <= now {
        return Err(invalid("Bearer Token has expired"));
    }
    let identity = Credentials::new(id, &access_key.secret, access_key.session_token, None, "cloudsim").into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lifetime);
    let signing = v4::SigningParams::builder().identity(&identity).region(region).name(service).time(begin).settings(settings);
    let signing = signing.build().map_err(|error| invalid(&error.to_string()))?.into();
    let unsigned = format!("https://{host}/?Action=CallWithBearerToken");
    let request = SignableRequest::new("POST", unsigned, [("host", host)].into_iter(), SignableBody::Bytes(&[]));
    let again = request.and_then(|request| sign(request, &signing)).map_err(|error| invalid(&error.to_string()))?;
    if parameter("X-Amz-Signature").as_deref() == Some(again.signature()) {
        return Ok(());
    }
    Err(invalid("The signature of the key does not match"))
}
