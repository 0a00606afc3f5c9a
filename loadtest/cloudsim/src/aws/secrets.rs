//! Secrets Manager: GetSecretValue, in the protocol `json 1.1`.

use serde_json::json;

use super::error::AwsError;
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;
use crate::shape::{Look, NON_EMPTY, Shape, check, optional, required};

const BODY: Shape = Shape::Structure(&[
    required("SecretId", &NON_EMPTY),
    optional("VersionId", &NON_EMPTY),
    optional("VersionStage", &NON_EMPTY),
]);

/// What it says to a request whose signature is good.
pub(super) fn secrets(behaviour: &Behaviour, received: &Received) -> Document {
    match answer(behaviour, received) {
        Ok(document) => document,
        Err(error) => Document::json(error.status, &json!({ "__type": error.kind, "message": error.body.look("message") })),
    }
}

fn answer(behaviour: &Behaviour, received: &Received) -> Result<Document, AwsError> {
    if received.header("x-amz-target") != Some("secretsmanager.GetSecretValue") {
        return Err(AwsError::new(400, "UnknownOperationException", "Only GetSecretValue is served."));
    }
    if received.header("content-type") != Some("application/x-amz-json-1.1") {
        return Err(AwsError::new(400, "SerializationException", "Content-Type must be application/x-amz-json-1.1."));
    }
    let body = received.json();
    if !check(&BODY, &body).is_empty() {
        return Err(AwsError::validation(
            "SecretId must be a text, and there are no other members than VersionId and VersionStage.",
        ));
    }
    let id = body.look("SecretId").as_str().unwrap_or_default();
    let secret = behaviour
        .secrets
        .get(id)
        .ok_or_else(|| AwsError::new(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."))?;
    let answer = json!({
        "ARN": format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{id}-AbCdEf"),
        "Name": id,
        "SecretString": secret,
        "VersionId": "00000000-0000-4000-8000-000000000001",
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": 1_767_323_045.0,
    });
    Ok(Document::of(200, "application/x-amz-json-1.1", answer.to_string()))
}
