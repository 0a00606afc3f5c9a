//! What a token or a tenant entry allows: patterns of model names.

use std::str::FromStr;

use crate::pattern::{InvalidPattern, Pattern};

/// Model names that someone may use. An empty set allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Box<[Pattern]>);

impl Grants {
    /// Parses the patterns of a token's claim.
    ///
    /// # Errors
    ///
    /// The first text that is no pattern. The caller refuses the whole token: leaving the pattern out would hide
    /// an issuer's mistake.
    pub fn parse<'t>(patterns: impl IntoIterator<Item = &'t str>) -> Result<Self, InvalidPattern> {
        patterns.into_iter().map(Pattern::from_str).collect()
    }

    /// Whether any pattern fits the name.
    pub fn allow(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }

    /// The patterns, as they were given.
    pub fn patterns(&self) -> &[Pattern] {
        &self.0
    }
}

impl FromIterator<Pattern> for Grants {
    fn from_iter<I: IntoIterator<Item = Pattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}
