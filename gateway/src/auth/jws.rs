//! A signed token in compact serialisation (RFC 7515, 3.1), taken apart and not yet believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::AuthError;
use super::object::Object;

/// Longer tokens are refused unread. Real ones are 1 to 4 KiB, and clients limit headers to 8 or 16.
const MAX_TOKEN: usize = 16 << 10;

/// The parts of a compact JWS.
#[derive(Debug)]
pub(super) struct Jws<'a> {
    /// What is signed: header and payload as they were sent.
    pub(super) signed: &'a str,
    /// The signature in base64url, known to decode.
    pub(super) signature: &'a str,
    /// The decoded payload.
    pub(super) payload: Vec<u8>,
    /// What the header says, for comparison only.
    pub(super) header: Header,
}

/// The members of a JWS header that are looked at. `jku`, `jwk`, `x5u` and `x5c` are not: keys come from the issuer.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
}

impl<'a> Jws<'a> {
    /// Takes the token apart; everything but strict base64url without padding and a header of unique names is refused.
    pub(super) fn parse(token: &'a str) -> Result<Self, AuthError> {
        if token.len() > MAX_TOKEN {
            return Err(AuthError::Malformed("longer than 16 KiB"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(NOT_COMPACT)?;
        let (header, payload) = signed.split_once('.').ok_or(NOT_COMPACT)?;
        if payload.contains('.') {
            return Err(NOT_COMPACT);
        }
        let header = Header::parse(&decode(header)?)?;
        let payload = decode(payload)?;
        decode(signature)?;
        Ok(Self { signed, signature, payload, header })
    }
}

const NOT_COMPACT: AuthError = AuthError::Malformed("not three parts");

fn decode(part: &str) -> Result<Vec<u8>, AuthError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Malformed("not strict base64url"))
}

impl Header {
    fn parse(json: &[u8]) -> Result<Self, AuthError> {
        let header = Object::parse(json).ok_or(AuthError::Malformed("the header is no JSON object of unique names"))?;
        // An extension that must be understood (RFC 7515, 4.1.11): we understand none.
        if header.contains("crit") {
            return Err(AuthError::Malformed("the header has critical extensions"));
        }
        let string = |name| {
            let value = header.string(name).map_err(|_| AuthError::Malformed("a header member is no string"))?;
            Ok::<_, AuthError>(value.map(str::to_owned))
        };
        let alg = string("alg")?.ok_or(AuthError::Malformed("the header has no algorithm"))?;
        Ok(Self { alg, kid: string("kid")?, typ: string("typ")? })
    }
}
