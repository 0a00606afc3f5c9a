//! Strings of an upstream's or a client's JSON, borrowed from it unless they hold an escape.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    ops::Deref,
};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Reads JSON that holds strings. That it is UTF-8 is checked once and as a whole, which is quicker than string by string.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(json) {
        Ok(json) => serde_json::from_str(json),
        // Members that nobody reads may hold anything; a string that somebody reads is an error with a place.
        Err(_) => serde_json::from_slice(json),
    }
}

/// A string. A type of its own, because serde borrows a `Cow` only where it stands by itself: `Option<Cow<str>>` would always be a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A string; empty where there is none, or something else. For members that hosts fill as they like, and for those of kinds that are not
/// known here: they must not spoil the rest of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Loose<'a>(Text<'a>);

impl<'a> Loose<'a> {
    /// The string, if there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        Some(&**self).filter(|text| !text.is_empty())
    }

    /// The string, if there is one.
    pub(crate) fn into_text(self) -> Option<Text<'a>> {
        Some(self.0).filter(|text| !text.is_empty())
    }

    pub(crate) fn into_string(self) -> String {
        self.0.into_string()
    }
}

impl Deref for Loose<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Loose<'de>, E> {
        Ok(Loose(Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose<'de>, E> {
        Ok(Loose(Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<Loose<'de>, E> {
        Ok(Loose::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Loose<'de>, E> {
        Ok(Loose::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Loose<'de>, E> {
        Ok(Loose::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Loose<'de>, E> {
        Ok(Loose::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Loose<'de>, E> {
        Ok(Loose::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_without_escapes_is_not_copied() {
        let loose: Loose<'_> = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(loose.0.0, Cow::Borrowed("plain")));
        let text: Option<Text<'_>> = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(text, Some(Text(Cow::Borrowed("plain")))));
        let loose: Loose<'_> = serde_json::from_str(r#""a\n""#).unwrap();
        assert_eq!(&*loose, "a\n");
    }

    #[test]
    fn whatever_is_no_string_counts_as_none() {
        for json in ["null", "true", "1", "-1", "1.5", r#"[1,[2]]"#, r#"{"a":{"b":[]}}"#] {
            assert_eq!(serde_json::from_str::<Loose<'_>>(json).unwrap(), Loose::default(), "{json}");
        }
    }
}
