//! A JSON object whose fields are taken one by one, so that the one at fault can be named.
//!
//! A request is read in two steps: its fields as they stand, then each by its type. What fails is read once more with its path followed,
//! so that the message says `messages[2].content[0].text`; what succeeds, which is nearly all, does not pay for that.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::{chat::ConvertError, text::Text};

/// The fields of an object. No name stands there twice: parsers differ in which they take, and what the gateway checks must be what the
/// upstream reads.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(BTreeMap<Text<'a>, &'a RawValue>);

impl<'a> Fields<'a> {
    /// The fields of the object that `body` is.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, ConvertError> {
        serde_json::from_slice(body)
            .map_err(|error| ConvertError::invalid("body", format!("The body is not a valid JSON request: {error}.")))
    }

    /// Takes a field; `null` counts as absent. `expected` is what is accepted: `a number`.
    pub(super) fn take<T: Deserialize<'a>>(&mut self, name: &str, expected: &str) -> Result<Option<T>, ConvertError> {
        let raw = self.0.remove(name).filter(|raw| raw.get() != "null");
        raw.map(|raw| typed(raw, name, expected)).transpose()
    }

    /// Takes a field as it stands; `null` counts as absent.
    pub(super) fn take_raw(&mut self, name: &str) -> Option<&'a RawValue> {
        self.0.remove(name).filter(|raw| raw.get() != "null")
    }

    /// Takes a field that must be an object, as it stands.
    pub(super) fn take_object(&mut self, name: &str) -> Result<Option<Box<RawValue>>, ConvertError> {
        let Some(raw) = self.take_raw(name) else { return Ok(None) };
        if !raw.get().starts_with('{') {
            return Err(ConvertError::invalid(name, format!("`{name}` must be an object.")));
        }
        Ok(Some(raw.to_owned()))
    }

    /// What was not taken and is not `null`.
    pub(super) fn rest(self) -> BTreeMap<String, Box<RawValue>> {
        let rest = self.0.into_iter().filter(|(_, raw)| raw.get() != "null");
        rest.map(|(name, raw)| (name.into_string(), raw.to_owned())).collect()
    }

    /// The same, as values.
    pub(super) fn rest_values(self) -> Result<BTreeMap<String, Value>, ConvertError> {
        let rest = self.0.into_iter().filter(|(_, raw)| raw.get() != "null");
        rest.map(|(name, raw)| Ok((name.to_string(), typed(raw, &name, "JSON of moderate depth")?))).collect()
    }
}

/// `raw`, the value of the field `name`, by its type.
pub(super) fn typed<'a, T: Deserialize<'a>>(raw: &'a RawValue, name: &str, expected: &str) -> Result<T, ConvertError> {
    serde_json::from_str(raw.get()).map_err(|error| {
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        let (path, cause) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(error) => (error.path().to_string(), error.into_inner()),
            Ok(_) => (".".to_owned(), error),
        };
        if path == "." {
            return ConvertError::invalid(name, format!("`{name}` must be {expected}."));
        }
        let dot = if path.starts_with('[') { "" } else { "." };
        let param = format!("{name}{dot}{path}");
        // The place in the text is that in the field, which would mislead.
        let cause = cause.to_string();
        let cause = cause.split(" at line ").next().unwrap_or_default();
        let message = format!("`{param}` is not valid: {cause}.");
        ConvertError::invalid(param, message)
    })
}

/// `param` has a value that nobody takes: `fault` says why, and what is accepted.
pub(super) fn fault_at(param: String, fault: &str) -> ConvertError {
    let message = format!("`{param}` {fault}.");
    ConvertError::invalid(param, message)
}

struct FieldsVisitor;

impl<'a> Visitor<'a> for FieldsVisitor {
    type Value = Fields<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<Text<'a>, &'a RawValue>()? {
            if fields.contains_key(&*name) {
                return Err(de::Error::custom(format_args!("`{}` stands there twice", &*name)));
            }
            fields.insert(name, value);
        }
        Ok(Fields(fields))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}
