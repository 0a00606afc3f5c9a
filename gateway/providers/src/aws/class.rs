//! Classes of errors that all services of AWS share, by name.

/// Whether the signature or the token was not accepted: with fresh credentials the request may pass. Temporary credentials that expired
/// are told with several names, and with the statuses 400 and 403.
#[must_use]
pub fn is_unauthenticated(name: &str) -> bool {
    matches!(
        name,
        "ExpiredToken"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "RequestExpired"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
    )
}

/// Whether there were too many requests; some services say so with the status 400.
#[must_use]
pub fn is_throttled(name: &str) -> bool {
    matches!(
        name,
        "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "SlowDown"
            | "ThrottledException"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expired_credentials_and_throttles_are_known_by_name() {
        assert!(is_unauthenticated("ExpiredTokenException") && is_throttled("ProvisionedThroughputExceededException"));
        assert!(!is_unauthenticated("AccessDeniedException") && !is_throttled("ServiceQuotaExceededException"));
    }
}
