//! The credentials of a container, as ECS and EKS Pod Identity serve them: `GET` anything below `/v2/credentials/`, with the
//! token that the container was given, where it was given one.

use std::time::SystemTime;

use serde_json::json;

use super::super::keys::AccessKeys;
use super::issue::issue;
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;

/// What it says to a request for credentials.
pub(in super::super) fn container(behaviour: &Behaviour, keys: &AccessKeys, received: &Received, now: SystemTime) -> Document {
    let expected = behaviour.token.as_deref();
    if received.header("authorization") != expected {
        let refused = json!({ "code": "AccessDenied", "message": "The authorization token is not the container's." });
        return Document::json(401, &refused);
    }
    let issued = issue(keys, behaviour.token_lifetime, now);
    Document::json(
        200,
        &json!({
            "RoleArn": "arn:aws:iam::123456789012:role/sim",
            "AccessKeyId": issued.id,
            "SecretAccessKey": issued.secret,
            "Token": issued.token,
            "Expiration": issued.expiration,
        }),
    )
}
