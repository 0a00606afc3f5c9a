//! What is kept of a request's claims and headers: those that the configuration names.

use std::sync::Arc;

use http::HeaderMap;
use tradewind_policies::{
    Attributes, TenantId,
    decision::{Kept, TokenNames},
};

/// The claims and headers that are recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptNames {
    /// Claims, by their names.
    pub claims: Vec<String>,
    /// Headers, by their names in lower case.
    pub headers: Vec<String>,
}

impl KeptNames {
    /// The headers of a request that are recorded. A value that is no text is as good as none, as it is to the policy.
    pub(super) fn of_headers(&self, headers: &HeaderMap) -> Kept {
        let mut kept = Kept::default();
        for name in &self.headers {
            kept.keep(name, headers.get_all(name).iter().filter_map(|value| value.to_str().ok()));
        }
        kept
    }

    /// The claims of a token that are recorded.
    pub(super) fn of_claims(&self, claims: &Attributes) -> Kept {
        let mut kept = Kept::default();
        for name in &self.claims {
            kept.keep(name, claims.get(name).iter().map(|value| &**value));
        }
        kept
    }
}

/// The headers of a request that are kept until it is recorded, and which of its claims are to be recorded then.
#[derive(Debug)]
pub(super) struct KeptUntilTheEnd {
    pub(super) named: Arc<KeptNames>,
    pub(super) headers: Kept,
}

/// Whom the token names that was known as one of `tenant`.
pub(super) fn token_names(named: Option<&TenantId>, tenant: &TenantId) -> TokenNames {
    match named {
        Some(named) if named == tenant => TokenNames::TheTenant,
        Some(other) => TokenNames::Another(other.to_string()),
        None => TokenNames::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_kept_and_nothing_else() {
        let named = KeptNames { claims: vec!["plan".into(), "team".into()], headers: vec!["x-lane".into(), "x-team".into()] };
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-team", "red"), ("x-team", "blue"), ("x-other", "1")] {
            headers.append(name, value.parse().unwrap());
        }
        let claims = [("plan", "gold"), ("sub", "me")].into_iter().collect();
        let json = |kept: Kept| serde_json::to_string(&kept).unwrap();
        assert_eq!(json(named.of_headers(&headers)), r#"{"x-lane":[],"x-team":["red","blue"]}"#);
        assert_eq!(json(named.of_claims(&claims)), r#"{"plan":["gold"],"team":[]}"#);
        headers.insert("x-team", "r".repeat(10_000).parse().unwrap());
        assert_eq!(json(named.of_headers(&headers)), r#"{"x-lane":[],"x-team":null}"#);
    }
}
