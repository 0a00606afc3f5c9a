//! The versions of the API, and the rules in which they differ.

use serde_json::{Map, Value};

use crate::log::Received;
use crate::refusal::{Refusal, Why};

/// Which rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// `2023-06-01`.
    V2023,
    /// `2026-10-21`: no sampling parameters, no documents in the assistant's mouth, no citations in the user's.
    V2026,
    /// The body must say this `anthropic_version`, and the rules are those of 2023.
    InBody(&'static str),
}

/// The version that the header names.
pub(super) fn of_header(request: &Received) -> Result<Version, Refusal> {
    match request.header("anthropic-version") {
        Some("2023-06-01") => Ok(Version::V2023),
        Some("2026-10-21") => Ok(Version::V2026),
        Some(other) => Err(wrong(format!("anthropic-version: {other:?} is not a valid version"))),
        None => Err(wrong("anthropic-version: header is required".into())),
    }
}

/// The version that a body names, for clouds that want it there: their own name for the rules of 2023, or the later one by its date, which
/// is taken out.
pub(crate) fn of_body(body: &mut Map<String, Value>, own: &'static str) -> Version {
    if body.get("anthropic_version").and_then(Value::as_str) != Some("2026-10-21") {
        return Version::InBody(own);
    }
    body.remove("anthropic_version");
    Version::V2026
}

/// Checks that the betas are written as betas are: a name and a date.
pub(super) fn betas(request: &Received) -> Result<(), Refusal> {
    let betas = request.headers.get_all("anthropic-beta").iter().filter_map(|value| value.to_str().ok());
    match betas.flat_map(|value| value.split(',')).map(str::trim).find(|beta| !is_beta(beta)) {
        Some(unknown) => Err(wrong(format!("Unexpected value(s) `{unknown}` for the `anthropic-beta` header"))),
        None => Ok(()),
    }
}

/// Whether it looks like `context-management-2025-06-27`.
pub(super) fn is_beta(beta: &str) -> bool {
    let mut parts = beta.rsplitn(4, '-');
    let digits = |part: Option<&str>, length: usize| {
        part.is_some_and(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    digits(parts.next(), 2)
        && digits(parts.next(), 2)
        && digits(parts.next(), 4)
        && parts.next().is_some_and(|name| !name.is_empty())
}

fn wrong(message: String) -> Refusal {
    Refusal::new(400, Why::Invalid { field: None }, message)
}
