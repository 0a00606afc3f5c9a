//! Patterns of names with `*`, which stands for any characters, none included.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest pattern accepted, in bytes: that of the longest name.
const LONGEST: usize = 256;

/// A pattern such as `chat-*`. Upper and lower case differ, and there are no other special characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Arc<str>);

/// A text that cannot be a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid pattern; accepted: 1 to {LONGEST} visible ASCII characters, `*` for any text")]
pub struct InvalidPattern {
    text: String,
}

impl Pattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has a `*`, and so may stand for several names.
    pub fn is_wildcard(&self) -> bool {
        self.0.contains('*')
    }

    /// Whether `name` fits. Takes time in proportion to the lengths of both multiplied, at worst, and allocates
    /// nothing.
    pub fn matches(&self, name: &str) -> bool {
        let Some((head, tail)) = self.0.split_once('*') else {
            return *self.0 == *name;
        };
        let (middle, last) = tail.rsplit_once('*').unwrap_or(("", tail));
        let Some(rest) = name.strip_prefix(head).and_then(|rest| rest.strip_suffix(last)) else {
            return false;
        };
        // Taking each piece at its leftmost place leaves the most room for the pieces after it.
        middle.split('*').try_fold(rest, |rest, piece| rest.split_once_or_all(piece)).is_some()
    }

    /// Whether every name that fits `other` fits this pattern too.
    ///
    /// `other` is matched as if it were a name: names cannot contain `*`, so only a `*` of this pattern can have
    /// taken up a `*` of the other.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

/// `split_once` that finds the empty piece at the front instead of never.
trait SplitOnceOrAll {
    fn split_once_or_all(&self, piece: &str) -> Option<&str>;
}

impl SplitOnceOrAll for str {
    fn split_once_or_all(&self, piece: &str) -> Option<&str> {
        if piece.is_empty() { Some(self) } else { self.split_once(piece).map(|(_, after)| after) }
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let well_formed = !text.is_empty() && text.len() <= LONGEST && text.chars().all(|c| c.is_ascii_graphic());
        if well_formed {
            return Ok(Self(text.into()));
        }
        let text = text.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        Err(InvalidPattern { text })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_stands_for_any_text_and_for_none() {
        for (text, fits, misses) in [
            ("chat", &["chat"][..], &["chat-", "Chat", ""][..]),
            ("chat-*", &["chat-", "chat-large"], &["chat", "xchat-"]),
            ("*", &["", "anything"], &[]),
            ("*-eu", &["-eu", "a-eu", "a-eu-eu"], &["eu", "a-eu-"]),
            ("a*b*c", &["abc", "aXbYc", "abbc"], &["ac", "acb", "abcX"]),
            ("aa*aa", &["aaaa", "aaXaa"], &["aa", "aaa"]),
            ("a**c", &["ac", "abc"], &["a", "c"]),
            ("*ab*ab*", &["abab", "xabyabz"], &["ab", "aab"]),
        ] {
            let pattern = pattern(text);
            assert!(fits.iter().all(|name| pattern.matches(name)), "{text} should fit {fits:?}");
            assert!(!misses.iter().any(|name| pattern.matches(name)), "{text} should not fit {misses:?}");
        }
    }

    #[test]
    fn a_pattern_that_is_empty_endless_or_invisible_is_refused() {
        for bad in ["", "a b", "a\n", &"x".repeat(257)] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad:?}");
        }
    }

    /// The textbook recursion, slow but plainly right.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|skip| naive(rest, &name[skip..])),
            Some((byte, rest)) => name.first() == Some(byte) && naive(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_textbook_definition(text in "[ab*]{1,8}", name in "[ab]{0,10}") {
            prop_assert_eq!(pattern(&text).matches(&name), naive(text.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn a_covering_pattern_fits_all_that_the_covered_one_fits(
            wide in "[ab*]{1,6}", narrow in "[ab*]{1,6}", name in "[ab]{0,8}",
        ) {
            let (wide, narrow) = (pattern(&wide), pattern(&narrow));
            prop_assert!(!(wide.covers(&narrow) && narrow.matches(&name)) || wide.matches(&name));
        }
    }
}
