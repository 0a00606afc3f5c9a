//! The `Authorization` header of AWS signatures, version 4, taken apart.

use super::error::AwsError;
use crate::log::Received;

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";

/// What the header says.
#[derive(Debug)]
pub(super) struct Authorization<'a> {
    pub(super) access_key_id: &'a str,
    /// The day, as `20260102`.
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) signed_headers: Vec<&'a str>,
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header of a request, of which there must be exactly one.
    pub(super) fn of(received: &'a Received) -> Result<Self, AwsError> {
        let incomplete = |message: &str| AwsError::forbidden("IncompleteSignatureException", message);
        let mut given = received.headers.get_all("authorization").iter();
        let header = match (given.next(), given.next()) {
            (Some(header), None) => header.to_str().map_err(|_| incomplete("Authorization is no text."))?,
            (None, _) => {
                return Err(AwsError::forbidden("MissingAuthenticationTokenException", "Missing Authentication Token"));
            }
            (Some(_), Some(_)) => return Err(incomplete("There are two Authorization headers.")),
        };
        let fields =
            header.strip_prefix(ALGORITHM).ok_or_else(|| incomplete("Authorization must begin with AWS4-HMAC-SHA256."))?;
        let field = |name: &str| {
            let mut found = fields.split(',').filter_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
            found.next().ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter.")))
        };
        let credential = field("Credential")?;
        let [access_key_id, date, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
            return Err(incomplete("Credential must have exactly 5 slash-delimited elements, the last 'aws4_request'."));
        };
        let signed_headers = field("SignedHeaders")?.split(';').collect();
        Ok(Self { access_key_id, date, region, service, signed_headers, signature: field("Signature")? })
    }
}
