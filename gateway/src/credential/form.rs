//! What token requests are made of: `application/x-www-form-urlencoded` bodies, and addresses.

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header::CONTENT_TYPE};

use super::CredentialError;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A POST of these fields.
pub(super) fn post(uri: Uri, fields: &[(&str, &str)]) -> Request<Bytes> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri;
    request.headers_mut().insert(CONTENT_TYPE, FORM);
    request
}

/// A field's value, encoded for a form or a query.
pub(super) fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// An address that was put together.
pub(super) fn uri(text: String) -> Result<Uri, CredentialError> {
    text.parse().map_err(|_| CredentialError::configuration(format!("`{text}` is no address")))
}
