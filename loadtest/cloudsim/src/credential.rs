//! The credential of a request: where it is shown, and whether it is good.

use crate::behaviour::Behaviour;
use crate::log::Received;
use crate::refusal::{Refusal, Why};
use crate::tokens::Standing;

/// Every header in which some cloud wants a key. One that shows up at another cloud is a leak.
const PLACES: &[&str] = &["authorization", "x-api-key", "api-key", "x-goog-api-key", "ocp-apim-subscription-key"];

/// Checks that one good credential came, and in one of these headers. `authorization` means a bearer token.
pub(crate) fn check(behaviour: &Behaviour, received: &Received, places: &[&str]) -> Result<(), Refusal> {
    if behaviour.token.is_none() {
        return Ok(());
    }
    let shown = PLACES.iter().flat_map(|place| received.headers.get_all(*place).iter().map(move |value| (*place, value)));
    let shown: Vec<_> = shown.collect();
    let (place, value) = match shown.as_slice() {
        [] => return Err(Refusal::new(401, Why::NoCredential, "You didn't provide an API key.")),
        [(place, value)] => (*place, value.to_str().unwrap_or_default()),
        _ => return Err(wrong("Several credentials were provided.")),
    };
    if !places.contains(&place) {
        return Err(wrong(&format!("A credential in '{place}' is not accepted here.")));
    }
    let key = if place == "authorization" { value.strip_prefix("Bearer ") } else { Some(value) };
    key.map_or_else(|| Err(wrong("The credential is no bearer token.")), |key| judge(behaviour, key))
}

/// Checks that the credential is a good bearer token.
pub(crate) fn bearer(behaviour: &Behaviour, received: &Received) -> Result<(), Refusal> {
    check(behaviour, received, &["authorization"])
}

/// Checks that the credential is a token that was issued: this cloud does not take keys.
pub(crate) fn issued(behaviour: &Behaviour, received: &Received) -> Result<(), Refusal> {
    bearer(behaviour, received)?;
    match received.bearer() {
        Some(key) if behaviour.token.as_deref() == Some(key) => Err(wrong("A key is no access token.")),
        _ => Ok(()),
    }
}

/// Whether a key or token is good, wherever it was shown.
pub(crate) fn judge(behaviour: &Behaviour, key: &str) -> Result<(), Refusal> {
    if behaviour.token.as_deref().is_none_or(|expected| expected == key) {
        return Ok(());
    }
    match behaviour.tokens.standing(key) {
        Standing::Valid => Ok(()),
        Standing::Expired => Err(Refusal::expired()),
        Standing::Unknown => Err(wrong("Incorrect API key provided.")),
    }
}

fn wrong(message: &str) -> Refusal {
    Refusal::new(401, Why::WrongCredential, message)
}
