//! The one credential of a request, out of its headers.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::AuthError;

/// Headers in which other APIs carry a key. Beside `Authorization`, each is a second credential; a proxy before us may
/// have looked at the other one.
static OTHER_CREDENTIALS: [HeaderName; 3] =
    [HeaderName::from_static("x-api-key"), HeaderName::from_static("api-key"), HeaderName::from_static("x-goog-api-key")];

/// The token of the only `Authorization: Bearer` header.
pub(super) fn token(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthError::Missing)?;
    if values.next().is_some() || OTHER_CREDENTIALS.iter().any(|name| headers.contains_key(name)) {
        return Err(AuthError::SeveralCredentials);
    }
    let value = value.to_str().map_err(|_| AuthError::Malformed("the header is not ASCII"))?;
    let (scheme, token) = value.split_once(' ').ok_or(AuthError::NotBearer)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::NotBearer);
    }
    // RFC 9110, 11.4 allows several spaces between the two.
    Ok(token.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_of(pairs: &[(&'static str, &str)]) -> Result<String, AuthError> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_matched_in_any_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c"] {
            assert_eq!(token_of(&[("authorization", value)]).unwrap(), "a.b.c");
        }
    }

    #[test]
    fn another_scheme_is_asked_for_a_bearer_token() {
        for value in ["Basic dTpw", "Bearer", "", "DPoP a.b.c"] {
            assert_eq!(token_of(&[("authorization", value)]), Err(AuthError::NotBearer), "{value:?}");
        }
        assert_eq!(token_of(&[("x-api-key", "k")]), Err(AuthError::Missing));
    }

    #[test]
    fn two_credentials_are_refused() {
        let one = ("authorization", "Bearer a.b.c");
        for two in [one, ("x-api-key", "k"), ("api-key", "k"), ("x-goog-api-key", "k")] {
            assert_eq!(token_of(&[one, two]), Err(AuthError::SeveralCredentials), "{two:?}");
        }
    }
}
