//! Names as types, so that a tenant cannot be handed over where a model is meant.
//!
//! Each is parsed once, where it enters (a policy file, a token), and is then known to be well-formed: safe as a
//! metric label, in a log line and in an HTTP header. They share their text, so cloning one is cheap.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A text that cannot be the name it is meant to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {kind}; accepted: {accepted}")]
pub struct InvalidName {
    text: String,
    kind: &'static str,
    accepted: &'static str,
}

/// Which characters a name may have, and how many.
struct Rule {
    longest: usize,
    allows: fn(char) -> bool,
    accepted: &'static str,
}

/// For names that operators choose and that end up in labels, headers and file names.
const IDENTIFIER: Rule = Rule {
    longest: 64,
    allows: |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'),
    accepted: "1 to 64 letters, digits, `.`, `_` or `-`",
};

/// For names of models, which vendors choose (`meta-llama/Llama-3.1:free`, deployment paths, ARNs). `*` is kept
/// for patterns.
const MODEL: Rule = Rule {
    longest: 256,
    allows: |c| c.is_ascii_graphic() && !matches!(c, '*' | '"' | '\\' | '`'),
    accepted: "1 to 256 visible ASCII characters other than `*`, quotes and `\\`",
};

impl Rule {
    fn check(&self, text: &str, kind: &'static str) -> Result<(), InvalidName> {
        if !text.is_empty() && text.len() <= self.longest && text.chars().all(self.allows) {
            return Ok(());
        }
        // The text may be hostile and endless: the message shows its beginning only.
        let text = text.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        Err(InvalidName { text, kind, accepted: self.accepted })
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $kind:literal, $rule:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                $rule.check(text, $kind).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        /// Lets a map keyed by this name be asked with a plain `&str`, without an allocation.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )+};
}

names! {
    /// The name of one deployment that can serve requests: `[backend.NAME]`.
    BackendName, "backend name", IDENTIFIER;
    /// The name of one rule from a model to its backends.
    RouteName, "route name", IDENTIFIER;
    /// Who an application belongs to, as its token says.
    TenantId, "tenant id", IDENTIFIER;
    /// A model as the policy knows it: what backends serve and routes match.
    ModelId, "model id", MODEL;
    /// Another name under which applications may ask for a model.
    ModelAlias, "model alias", MODEL;
    /// A model as one backend calls it; what is written into the upstream request.
    UpstreamModel, "upstream model name", MODEL;
    /// What several backends fail with: a region, a data centre, a machine.
    FailureDomain, "failure domain", IDENTIFIER;
    /// The weights of a model, by the name that their publisher gave them.
    Weights, "name of weights", MODEL;
}

impl From<&BackendName> for FailureDomain {
    /// A backend fails alone unless the policy says otherwise.
    fn from(name: &BackendName) -> Self {
        Self(name.0.clone())
    }
}

impl From<&ModelId> for UpstreamModel {
    /// A backend calls a model by its id unless the policy says otherwise.
    fn from(id: &ModelId) -> Self {
        Self(id.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_ids_are_short_and_plain() {
        assert!("bank-17.eu_A".parse::<TenantId>().is_ok());
        for bad in ["", "a b", "a/b", "é", "a\n", "*", &"x".repeat(65)] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn model_names_of_vendors_are_accepted_and_wildcards_are_not() {
        for good in ["gpt-4o", "meta-llama/Llama-3.1:free", "arn:aws:bedrock:eu-central-1:1:inference-profile/x"] {
            assert!(good.parse::<ModelId>().is_ok(), "{good}");
        }
        for bad in ["", "chat-*", "a b", "a\"b"] {
            assert!(bad.parse::<ModelId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_refused_name_is_shown_shortened_and_without_control_characters() {
        let error = format!("a\u{7}{}", "x".repeat(500)).parse::<TenantId>().unwrap_err().to_string();
        assert!(error.contains("a\u{fffd}xxx") && error.len() < 200, "{error}");
    }
}
