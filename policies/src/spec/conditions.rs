//! What a route asks of a request beside its model and its tenant.

use super::Expression;
use crate::operation::Operations;
use crate::pattern::Pattern;
use crate::request::{Attributes, Request};

/// What a route asks of a request beside its model and its tenant; all of it has to hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    /// Claims of the token, each with patterns of which one of its values has to fit one.
    pub(crate) claims: Wanted,
    /// The same of headers.
    pub(crate) headers: Wanted,
    /// What is to be done; anything if absent.
    pub(crate) operations: Option<Operations>,
    pub(crate) when: Option<Expression>,
}

/// Names of attributes, each with patterns of which one of its values has to fit one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wanted(pub(crate) Box<[Want]>);

/// A name, and patterns of which one of its values has to fit one.
pub(crate) type Want = (Box<str>, Box<[Pattern]>);

impl Wanted {
    pub(crate) fn are_met(&self, by: &Attributes) -> bool {
        let fits = |patterns: &[Pattern], value: &str| patterns.iter().any(|pattern| pattern.matches(value));
        self.0.iter().all(|(name, patterns)| by.get(name).iter().any(|value| fits(patterns, value)))
    }

    /// Whether whatever meets `other` meets these too.
    pub(crate) fn cover(&self, other: &Self) -> bool {
        let covers = |ours: &[Pattern], theirs: &Pattern| ours.iter().any(|pattern| pattern.covers(theirs));
        let covered = |name: &str, ours: &[Pattern]| {
            let narrower = other.0.iter().find(|(theirs, _)| **theirs == *name);
            narrower.is_some_and(|(_, theirs)| theirs.iter().all(|pattern| covers(ours, pattern)))
        };
        self.0.iter().all(|(name, patterns)| covered(name, patterns))
    }
}

impl Conditions {
    /// Whether nothing is asked.
    pub(crate) fn are_none(&self) -> bool {
        self.claims.0.is_empty() && self.headers.0.is_empty() && self.operations.is_none() && self.when.is_none()
    }

    /// Whether all of it holds.
    ///
    /// # Errors
    /// Why the expression says neither yes nor no.
    pub(crate) fn hold(&self, request: &Request<'_>) -> Result<bool, String> {
        let caller = &request.caller;
        let is_met = self.operations.is_none_or(|operations| operations.contains(request.operation))
            && self.claims.are_met(caller.claims)
            && self.headers.are_met(caller.headers);
        match &self.when {
            Some(when) if is_met => when.holds(request),
            _ => Ok(is_met),
        }
    }

    /// Whether whatever meets `other` meets these too, as far as can be told without a request: of two expressions, only if they are the same.
    pub(crate) fn cover(&self, other: &Self) -> bool {
        let contains = |ours: Operations, theirs: Operations| theirs.iter().all(|operation| ours.contains(operation));
        let operations = self.operations.is_none_or(|ours| other.operations.is_some_and(|theirs| contains(ours, theirs)));
        let when = self.when.as_ref().is_none_or(|ours| other.when.as_ref() == Some(ours));
        operations && when && self.claims.cover(&other.claims) && self.headers.cover(&other.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(all: &[(&str, &[&str])]) -> Wanted {
        let patterns = |patterns: &[&str]| patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
        Wanted(all.iter().map(|(name, all)| ((*name).into(), patterns(all))).collect())
    }

    #[test]
    fn one_value_of_each_name_has_to_fit_one_pattern() {
        let claims: Attributes = [("group", "eng-eu"), ("group", "all"), ("plan", "gold")].into_iter().collect();
        for (asked, is_met) in [
            (wanted(&[]), true),
            (wanted(&[("group", &["eng-*"])]), true),
            (wanted(&[("group", &["sales", "all"]), ("plan", &["gold"])]), true),
            (wanted(&[("group", &["eng-*"]), ("plan", &["silver"])]), false),
            (wanted(&[("other", &["*"])]), false),
        ] {
            assert_eq!(asked.are_met(&claims), is_met, "{asked:?}");
        }
    }

    #[test]
    fn fewer_names_and_wider_patterns_cover_more_names_and_narrower_ones() {
        let (wide, narrow) = (wanted(&[("group", &["eng-*"])]), wanted(&[("group", &["eng-eu", "eng-us"]), ("plan", &["gold"])]));
        assert!(wide.cover(&narrow) && !narrow.cover(&wide) && wanted(&[]).cover(&wide) && !wide.cover(&wanted(&[])));
    }
}
