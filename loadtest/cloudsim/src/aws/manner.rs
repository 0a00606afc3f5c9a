//! How AWS says no: Bedrock and SageMaker differ in the names of their exceptions and in the spelling of `message`.

use bytes::Bytes;
use serde_json::json;

use super::error::AwsError;
use super::frame;
use crate::cloud::{Document, Manner};
use crate::refusal::{Refusal, Why};

/// Bedrock's manner, which STS's JSON siblings share.
#[derive(Debug)]
pub(super) struct Bedrock;

/// SageMaker's manner.
#[derive(Debug)]
pub(super) struct SageMaker;

impl AwsError {
    /// The response that tells it.
    pub(crate) fn document(&self) -> Document {
        Document::json(self.status, &self.body)
            .with("x-amzn-errortype", self.type_header())
            .with("x-amzn-requestid", "00000000-0000-4000-8000-000000000000")
    }
}

impl Manner for Bedrock {
    fn refuse(&self, refusal: &Refusal) -> Document {
        error(refusal).document()
    }

    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes {
        let kind = match refusal.status {
            400..=403 => "validationException",
            408 => "modelTimeoutException",
            424 => "modelStreamErrorException",
            429 => "throttlingException",
            503 => "serviceUnavailableException",
            _ => "internalServerException",
        };
        frame::exception(kind, &json!({ "message": refusal.message }))
    }
}

impl Manner for SageMaker {
    fn refuse(&self, refusal: &Refusal) -> Document {
        let mut error = error(refusal);
        let message = &refusal.message;
        error.kind = match error.status {
            400 => "ValidationError",
            424 => "ModelError",
            429 => "ThrottlingException",
            503 => "ServiceUnavailable",
            530 => "InternalDependencyException",
            500.. => "InternalFailure",
            _ => error.kind,
        };
        error.body = match error.status {
            424 => json!({
                "ErrorCode": "ModelError",
                "LogStreamArn": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/sim",
                "Message": format!("Received server error (500) from primary with message \"{message}\"."),
                "OriginalMessage": message,
                "OriginalStatusCode": 500,
            }),
            403 | 429 => json!({ "message": message }),
            _ => json!({ "Message": message }),
        };
        error.document()
    }

    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes {
        match refusal.status {
            500 => frame::exception("InternalStreamFailure", &json!({ "Message": refusal.message })),
            _ => {
                let payload = json!({ "ErrorCode": "ModelInvocationTimeExceeded", "Message": refusal.message });
                frame::exception("ModelStreamError", &payload)
            }
        }
    }
}

/// A refusal as Bedrock names it.
pub(super) fn error(refusal: &Refusal) -> AwsError {
    let Refusal { status, why, message } = refusal;
    let (status, kind) = match why {
        Why::NoCredential => (403, "MissingAuthenticationTokenException"),
        Why::WrongCredential => (403, "UnrecognizedClientException"),
        Why::Expired => (403, "ExpiredTokenException"),
        Why::UnknownUrl => (404, "UnknownOperationException"),
        Why::UnknownModel => (404, "ResourceNotFoundException"),
        Why::Invalid { .. } | Why::Filtered => (400, "ValidationException"),
        Why::RateLimited { .. } => (429, "ThrottlingException"),
        Why::Scripted => (*status, scripted(*status)),
    };
    let mut error = AwsError::new(status, kind, message);
    if let (424, Some(body)) = (status, error.body.as_object_mut()) {
        body.insert("originalStatusCode".into(), json!(500));
        body.insert("resourceName".into(), json!("sim"));
    }
    error
}

fn scripted(status: u16) -> &'static str {
    match status {
        400 => "ValidationException",
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        _ => "InternalServerException",
    }
}
