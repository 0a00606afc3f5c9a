//! Errors in a stream.

use serde::Deserialize;

use crate::chat::StreamFault;

#[derive(Deserialize, Default)]
struct Exception {
    #[serde(alias = "Message")]
    message: Option<String>,
    #[serde(rename = "originalStatusCode")]
    original_status: Option<u16>,
}

/// The fault that an exception of that name means, with the status that the same error has before a stream.
pub(super) fn fault(name: &str, payload: &[u8]) -> StreamFault {
    // Without words, the name has to do.
    let exception: Exception = serde_json::from_slice(payload).unwrap_or_default();
    let status = match name {
        "validationException" => 400,
        "modelTimeoutException" => 408,
        "throttlingException" => 429,
        "serviceUnavailableException" => 503,
        // The model's container failed: its own status, if that is an error's.
        "modelStreamErrorException" => exception.original_status.filter(|status| (400..600).contains(status)).unwrap_or(500),
        // `internalServerException`, and what is not known yet.
        _ => 500,
    };
    StreamFault::Told { status, message: exception.message.unwrap_or_else(|| name.to_owned()) }
}

/// The fault that an error means which the service's model does not know.
pub(super) fn unmodelled(code: &str, message: &str) -> StreamFault {
    StreamFault::Told { status: 500, message: format!("{code}: {message}") }
}
