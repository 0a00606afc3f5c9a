//! Which session a request belongs to: what its header `x-tradewind-session` says, else what it calls the prompts that have much in common
//! (`prompt_cache_key`), else its `user`, else who sent it. Only a hash of that is kept.

use http::{HeaderMap, HeaderName, HeaderValue};
use tradewind_policies::Session;
use tradewind_protocol::openai::Head;

use crate::{
    context::RequestContext,
    error::{Error, Kind},
};

/// The header by which a client names the session of a request.
pub const SESSION: HeaderName = HeaderName::from_static("x-tradewind-session");

/// The most bytes of such a name.
const MOST_BYTES: usize = 256;

/// The name in the header, if there is one.
pub(super) fn named(headers: &HeaderMap) -> Result<Option<HeaderValue>, Error> {
    let mut values = headers.get_all(SESSION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() || value.is_empty() || value.len() > MOST_BYTES {
        let message = format!("The header {SESSION} has to stand there once, with 1 to {MOST_BYTES} bytes, or not at all.");
        return Err(Error::new(Kind::InvalidRequest, message));
    }
    Ok(Some(value.clone()))
}

/// Remembers which session it is. Of a request that nobody sent there is none.
pub(super) fn set(context: &RequestContext, named: Option<&HeaderValue>, head: &Head) {
    let Some(principal) = context.principal() else { return };
    let in_body = || head.prompt_cache_key.as_deref().or(head.user.as_deref()).map(str::as_bytes);
    let name = named.map(HeaderValue::as_bytes).or_else(in_body).unwrap_or(principal.subject.as_bytes());
    context.set_session(Session::of(&principal.tenant, name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::testing::context_of;

    fn session(header: Option<&'static str>, fields: &str) -> Session {
        let context = context_of("acme", "app");
        let head = Head::read(format!(r#"{{"model":"m"{fields}}}"#).as_bytes()).unwrap();
        set(&context, header.map(HeaderValue::from_static).as_ref(), &head);
        context.session().unwrap()
    }

    #[test]
    fn the_header_comes_before_the_body_and_the_body_before_the_subject() {
        let of = |name: &str| Session::of(&"acme".parse().unwrap(), name.as_bytes());
        let fields = r#","user":"u","prompt_cache_key":"k""#;
        assert_eq!(session(Some("h"), fields), of("h"));
        assert_eq!(session(None, fields), of("k"));
        assert_eq!(session(None, r#","user":"u""#), of("u"));
        for fields in ["", r#","user":null"#, r#","user":"""#, r#","user":7"#] {
            assert_eq!(session(None, fields), of("app"), "{fields}");
        }
    }

    #[test]
    fn a_header_that_names_no_one_session_is_refused() {
        let headers = |values: &[&str]| -> HeaderMap {
            values.iter().map(|value| (SESSION, HeaderValue::from_str(value).unwrap())).collect()
        };
        assert_eq!(named(&headers(&[])).unwrap(), None);
        assert_eq!(named(&headers(&["s"])).unwrap().unwrap(), "s");
        for bad in [vec![""], vec!["s", "t"], vec![&*"s".repeat(257)]] {
            assert_eq!(named(&headers(&bad)).unwrap_err().kind(), Kind::InvalidRequest, "{bad:?}");
        }
    }
}
