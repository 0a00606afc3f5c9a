//! The header `Idempotency-Key`, checked.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Kind};

/// The request header by which a client names what is to be done once.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// As the fault's `param` names it: the way in which people write it.
const PARAM: &str = "Idempotency-Key";
/// Room for any UUID, and for what some clients put before it. The draft leaves the limit to the server.
const LONGEST: usize = 255;

/// A name that a client gave to a request: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(HeaderValue);

impl IdempotencyKey {
    /// The key among these headers, if there is one.
    ///
    /// # Errors
    /// There are several, or it is not a key.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Error> {
        let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(refusal("The header `Idempotency-Key` may be sent only once."));
        }
        let accepted = (1..=LONGEST).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
        if accepted {
            Ok(Some(Self(value.clone())))
        } else {
            Err(refusal("The header `Idempotency-Key` must be 1 to 255 visible ASCII characters, such as a UUID."))
        }
    }

    /// Its characters.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn refusal(message: &'static str) -> Error {
    Error::new(Kind::InvalidRequest, message).with_param(PARAM)
}

/// A key that was used for another request.
pub(super) fn reused() -> Error {
    let message = "This `Idempotency-Key` was used for a request with another body; use a new key for a new request.";
    Error::new(Kind::IdempotencyKeyReused, message).with_param(PARAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn a_key_is_any_visible_characters_and_none_is_none() {
        let longest = [b'k'; LONGEST];
        for value in [&b"8e03978e-40d5-43dd-bc93-6894a57f9324"[..], b"\"quoted\"", b"~", &longest] {
            let key = IdempotencyKey::of(&keys(&[value])).unwrap().unwrap();
            assert_eq!(key.as_bytes(), value);
        }
        assert_eq!(IdempotencyKey::of(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn what_is_no_key_and_two_keys_are_refused() {
        let too_long = [b'k'; LONGEST + 1];
        for values in [&[&b""[..]][..], &[b"a b"], &[b"a,\tb"], &["schl\u{fc}ssel".as_bytes()], &[&too_long], &[b"a", b"a"]] {
            assert_eq!(IdempotencyKey::of(&keys(values)).unwrap_err().kind(), Kind::InvalidRequest, "{values:?}");
        }
    }
}
