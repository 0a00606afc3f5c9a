//! What is kept of the claims and headers of a request: those that the operator has named, whole or not at all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::read::CREDENTIALS;
use crate::request::Attributes;

/// The most that is kept of the values of one name, in bytes with one more for each value: the groups of a token can be many, and each record has them.
pub const LONGEST_KEPT: usize = 4096;

/// With what the names of credentials end, whoever invented them: `set-cookie`, `x-amz-security-token`, `ocp-apim-subscription-key`.
const SECRETS: [&str; 13] = [
    "authorization",
    "authentication",
    "assertion",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "key",
    "password",
    "secret",
    "signature",
    "token",
    // The load balancers of AWS send the user's claims by this name, signed.
    "oidc-data",
];

/// Those that end like one and hold none.
const HARMLESS: [&str; 1] = ["idempotency-key"];

/// Whether the claim or header of this name may hold a credential, and is thus never recorded.
pub fn may_hold_a_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !HARMLESS.contains(&name.as_str()) && SECRETS.iter().any(|secret| name.ends_with(secret))
}

/// Claims or headers by their names: those that were to be recorded. Of one that was not, nobody knows whether it was there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kept(BTreeMap<String, Option<Vec<String>>>);

impl Kept {
    /// Keeps the values of a name, none of which is known if together they are longer than [`LONGEST_KEPT`]: by a part of them, a request might be
    /// decided otherwise than it was.
    pub fn keep<'v>(&mut self, name: &str, values: impl IntoIterator<Item = &'v str>) {
        let mut room = LONGEST_KEPT;
        let fitting = values.into_iter().map(|value| {
            room = room.checked_sub(value.len() + 1)?;
            Some(value.to_owned())
        });
        self.0.insert(name.to_owned(), fitting.collect());
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each name with its values, sorted by name; `None` where they were too long to be kept.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[String]>)> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_deref()))
    }

    /// Whether the values of the name are known, be it that there are none.
    pub(crate) fn knows(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Some(_)))
    }

    /// Whether they were to be recorded, and were too long.
    pub(crate) fn is_too_long(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(None))
    }

    /// All values that are known.
    pub(crate) fn attributes(&self) -> Attributes {
        let known = self.iter().filter_map(|(name, values)| Some((name, values?)));
        known.flat_map(|(name, values)| values.iter().map(move |value| (name, value.as_str()))).collect()
    }
}

/// Whether a header is known not to be there, for policies are never shown it.
pub(crate) fn is_never_shown(header: &str) -> bool {
    CREDENTIALS.contains(&header)
}

/// The tenant that the token of a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TokenNames {
    /// The one whose request it is.
    #[default]
    #[serde(skip)]
    TheTenant,
    /// None: the tenant knew it by its claims.
    Nobody,
    /// Another than the one that knew it by its claims.
    Another(String),
}

impl TokenNames {
    pub(super) fn are_the_tenant(&self) -> bool {
        *self == Self::TheTenant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_not_kept_in_part() {
        let mut kept = Kept::default();
        let groups = ["g".repeat(LONGEST_KEPT / 2 - 1), "h".repeat(LONGEST_KEPT / 2 - 1)];
        kept.keep("whole", groups.iter().map(String::as_str));
        kept.keep("long", groups.iter().map(String::as_str).chain([""]));
        kept.keep("many", std::iter::repeat(""));
        kept.keep("absent", []);
        let known: Vec<_> = ["whole", "absent", "long", "many", "other"].into_iter().filter(|name| kept.knows(name)).collect();
        assert_eq!(known, ["whole", "absent"]);
        assert!(kept.is_too_long("long") && kept.is_too_long("many") && !kept.is_too_long("other"));
        assert_eq!(kept.attributes().get("whole").len(), 2);
    }

    #[test]
    fn what_may_hold_a_credential_is_known_by_its_name() {
        for name in
            CREDENTIALS.into_iter().chain(["Set-Cookie", "x-amz-security-token", "x-vault-token", "client_secret", "x-apikey"])
        {
            assert!(may_hold_a_credential(name), "{name}");
        }
        for name in ["x-team", "groups", "idempotency-key", "x-tradewind-session", "user-agent", "sub", "x-tokens"] {
            assert!(!may_hold_a_credential(name), "{name}");
        }
    }
}
