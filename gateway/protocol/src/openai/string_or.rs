//! A string, or a form of the same thing that has more to say.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value},
};

use crate::text::Text;

/// What is accepted besides a string, in words for an error message that begins with "expected".
pub(super) trait Expecting {
    const EXPECTED: &'static str;
}

/// A string, or something else.
#[derive(Debug, Clone)]
pub(super) enum StringOr<'a, T> {
    String(Text<'a>),
    Other(T),
}

struct StringOrVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Expecting> Visitor<'de> for StringOrVisitor<T> {
    type Value = StringOr<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(StringOr::String(Text(Cow::Borrowed(text))))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(StringOr::String(Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(value::MapAccessDeserializer::new(map)).map(StringOr::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        T::deserialize(value::SeqAccessDeserializer::new(seq)).map(StringOr::Other)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de> + Expecting> Deserialize<'de> for StringOr<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StringOrVisitor(PhantomData))
    }
}
