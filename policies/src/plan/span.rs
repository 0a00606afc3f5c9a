//! A number of tokens, or of answers, between two at which policies begin to treat requests otherwise.

use std::collections::BTreeSet;

/// The numbers above one, up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Span {
    pub(super) above: u64,
    /// The last of them; none if there is no end.
    pub(super) to: Option<u64>,
}

impl Span {
    /// What lies between these, and above the last.
    pub(super) fn between(thresholds: &BTreeSet<u64>) -> impl Iterator<Item = Self> + Clone + use<'_> {
        let next = thresholds.iter().copied().skip(1).map(Some).chain([None]);
        thresholds.iter().copied().zip(next).map(|(above, to)| Self { above, to })
    }

    /// The least of them.
    pub(super) fn first(self) -> u64 {
        self.above.saturating_add(1)
    }

    /// Whether this is one of them.
    pub(super) fn holds(self, number: u64) -> bool {
        number > self.above && self.to.is_none_or(|to| number <= to)
    }

    /// These and those that follow, if `next` begins where they end.
    pub(super) fn joined(self, next: Self) -> Option<Self> {
        (self.to == Some(next.above)).then_some(Self { to: next.to, ..self })
    }

    /// `more than 8 tokens`, or `9 to 12 tokens`; `what` has an `s` at its end where there are several.
    pub(super) fn of(self, what: &str) -> String {
        match self.to {
            None if self.above == 1 => format!("more than 1 {what}"),
            None => format!("more than {} {what}s", self.above),
            Some(to) if to == self.first() => format!("exactly {to} {what}{}", if to == 1 { "" } else { "s" }),
            Some(to) => format!("{} to {to} {what}s", self.first()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_told_together() {
        let spans: Vec<Span> = Span::between(&BTreeSet::from([1, 8, 9, 30])).collect();
        assert_eq!(
            spans.iter().map(|span| span.of("token")).collect::<Vec<_>>(),
            ["2 to 8 tokens", "exactly 9 tokens", "10 to 30 tokens", "more than 30 tokens"]
        );
        let [one, two, _, last] = spans.as_slice() else { panic!("{spans:?}") };
        assert_eq!(one.joined(*two).unwrap().of("answer"), "2 to 9 answers");
        assert_eq!(one.joined(*last), None);
    }
}
