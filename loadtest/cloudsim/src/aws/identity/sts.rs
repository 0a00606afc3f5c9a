//! The Security Token Service: AssumeRole, whose caller signs, and AssumeRoleWithWebIdentity, whose caller has only a token of somebody
//! else's. It speaks forms and XML.

use std::time::{Duration, SystemTime};

use super::super::error::AwsError;
use super::super::keys::AccessKeys;
use super::super::sigv4::{Scope, verify};
use super::issue::{Issued, issue};
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;
use crate::shape::Look;
use crate::tokens::Standing;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// What it says to a form.
pub(in super::super) fn sts(
    behaviour: &Behaviour,
    keys: &AccessKeys,
    region: &str,
    received: &Received,
    now: SystemTime,
) -> Document {
    match answer(behaviour, keys, region, received, now) {
        Ok(xml) => Document::of(200, "text/xml", xml),
        Err(error) => refuse(&error),
    }
}

fn answer(
    behaviour: &Behaviour,
    keys: &AccessKeys,
    region: &str,
    received: &Received,
    now: SystemTime,
) -> Result<String, AwsError> {
    if received.form("Version").as_deref() != Some("2011-06-15") {
        return Err(invalid("Version must be 2011-06-15"));
    }
    let role = required(received, "RoleArn")?;
    let session = required(received, "RoleSessionName")?;
    let Some((account, name)) = role.strip_prefix("arn:aws:iam::").and_then(|role| role.split_once(":role/")) else {
        return Err(invalid(&format!("{role} is invalid")));
    };
    if !(2..=64).contains(&session.len()) || !session.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(invalid("Value at 'roleSessionName' failed to satisfy constraint: [\\w+=,.@-]{2,64}"));
    }
    let action = required(received, "Action")?;
    match action.as_str() {
        "AssumeRole" => {
            verify(received, keys, Scope { region, service: "sts" }, now).map_err(named)?;
            // A role of somebody else's, who demands to be named.
            if name.starts_with("external") && received.form("ExternalId").as_deref() != Some("sim-external") {
                let message = format!("User is not authorized to perform: sts:AssumeRole on resource: {role}");
                return Err(AwsError::new(403, "AccessDenied", message));
            }
        }
        "AssumeRoleWithWebIdentity" => {
            if received.headers.contains_key("authorization") {
                return Err(AwsError::new(400, "InvalidParameterCombination", "This action is not signed"));
            }
            match behaviour.tokens.standing(&required(received, "WebIdentityToken")?) {
                Standing::Valid => {}
                Standing::Expired => return Err(AwsError::new(400, "ExpiredTokenException", "Token expired")),
                Standing::Unknown => {
                    let message = "No OpenIDConnect provider found in your account for the issuer of this token";
                    return Err(AwsError::new(400, "InvalidIdentityToken", message));
                }
            }
        }
        other => {
            return Err(AwsError::new(400, "InvalidAction", format!("Could not find operation {other} for version 2011-06-15")));
        }
    }
    let lifetime = match received.form("DurationSeconds").map(|seconds| seconds.parse()) {
        None => behaviour.token_lifetime,
        Some(Ok(seconds @ 900..=43_200)) => Duration::from_secs(seconds).min(behaviour.token_lifetime),
        Some(_) => return Err(invalid("Value at 'durationSeconds' must be between 900 and 43200")),
    };
    Ok(xml(&action, account, name, &session, &issue(keys, lifetime, now)))
}

fn required(received: &Received, name: &str) -> Result<String, AwsError> {
    let value = received.form(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| invalid(&format!("1 validation error detected: Value null at '{name}' must not be null")))
}

fn invalid(message: &str) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}

/// STS, which is older, names some errors otherwise than the JSON services.
fn named(mut error: AwsError) -> AwsError {
    error.kind = match error.kind {
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "ExpiredTokenException" => "ExpiredToken",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "IncompleteSignatureException" => "IncompleteSignature",
        kind => kind,
    };
    error
}

fn xml(action: &str, account: &str, role: &str, session: &str, issued: &Issued) -> String {
    let Issued { id, secret, token, expiration } = issued;
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>\
         <AssumedRoleUser><AssumedRoleId>AROASIM:{session}</AssumedRoleId>\
         <Arn>arn:aws:sts::{account}:assumed-role/{role}/{session}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         </{action}Result><ResponseMetadata><RequestId>sim</RequestId></ResponseMetadata></{action}Response>"
    )
}

fn refuse(error: &AwsError) -> Document {
    let message = error.body.look("message").as_str().unwrap_or_default();
    let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let xml = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{message}</Message></Error>\
         <RequestId>sim</RequestId></ErrorResponse>",
        error.kind
    );
    Document::of(error.status, "text/xml", xml)
}
