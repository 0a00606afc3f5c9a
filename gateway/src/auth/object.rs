//! A JSON object in which no name occurs twice.
//!
//! Most parsers keep the last of two equal names, some the first; a token that two parsers read differently is an attack
//! (RFC 8725, 2.4), so it is refused. Only the top level is looked at: nothing below it is ever used.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// The members of a JWT's header or claims set.
#[derive(Debug)]
pub(super) struct Object(BTreeMap<String, Value>);

impl Object {
    /// Reads JSON text; `None` where it is no JSON object or has a name twice.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Every member, sorted by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The string of that name; `None` where there is no such member.
    pub(super) fn string(&self, name: &str) -> Result<Option<&str>, NotAString> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(NotAString),
        }
    }
}

/// The member is there, but is no string.
#[derive(Debug)]
pub(super) struct NotAString;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(Object(members))
    }
}
