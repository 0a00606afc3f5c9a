//! A JSON object that is changed without being understood: fields are renamed, left out and put in, and all other bytes stay as they came.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
    ser::{SerializeMap, Serializer},
};
use serde_json::value::RawValue;

/// The fields, in order.
#[derive(Debug, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// The value of a field.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    /// As it came.
    Raw(&'a RawValue),
    /// Made here.
    Made(Box<RawValue>),
}

impl Json<'_> {
    /// The JSON.
    pub(crate) fn get(&self) -> &str {
        match self {
            Self::Raw(raw) => raw.get(),
            Self::Made(raw) => raw.get(),
        }
    }
}

impl<'a> Object<'a> {
    /// The object that `json` is.
    pub(crate) fn read(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The JSON of a field; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.get());
        value.filter(|json| *json != "null")
    }

    /// The string that a field is.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// Leaves a field out. Whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(field, _)| field != name);
        self.0.len() < before
    }

    /// Renames a field; one that has the new name already is replaced.
    pub(crate) fn rename(&mut self, from: &str, to: &'static str) {
        if self.get(from).is_some() {
            self.remove(to);
            for (field, _) in self.0.iter_mut().filter(|(field, _)| field == from) {
                *field = Cow::Borrowed(to);
            }
        }
    }

    /// Puts a field in, in place of one of that name.
    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), serde_json::Error> {
        let made = Json::Made(serde_json::value::to_raw_value(value)?);
        match self.0.iter_mut().find(|(field, _)| field == name) {
            Some((_, value)) => *value = made,
            None => self.0.push((Cow::Borrowed(name), made)),
        }
        Ok(())
    }

    /// The JSON of the whole.
    pub(crate) fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            match value {
                Json::Raw(raw) => map.serialize_entry(name, raw)?,
                Json::Made(raw) => map.serialize_entry(name, raw)?,
            }
        }
        map.end()
    }
}

struct ObjectVisitor;

impl<'a> Visitor<'a> for ObjectVisitor {
    type Value = Object<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<Cow<'a, str>, &'a RawValue>()? {
            fields.push((name, Json::Raw(value)));
        }
        Ok(Object(fields))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays_as_it_came() {
        let json = br#"{"a" : 1.50, "seed":7,"x":null,"\u006e":[ 1 ,2],"model":"m"}"#;
        let mut object = Object::read(json).unwrap();
        object.rename("seed", "random_seed");
        object.rename("absent", "present");
        object.set("model", "n").unwrap();
        object.set("new", &true).unwrap();
        assert!(object.remove("a") && object.remove("x") && !object.remove("y"));
        assert_eq!(object.text("model").as_deref(), Some("n"));
        let written = String::from_utf8(object.write().unwrap()).unwrap();
        assert_eq!(written, r#"{"random_seed":7,"n":[ 1 ,2],"model":"n","new":true}"#);
    }

    #[test]
    fn a_renamed_field_takes_the_place_of_its_namesake() {
        let mut object = Object::read(br#"{"max_tokens":1,"max_completion_tokens":2}"#).unwrap();
        object.rename("max_completion_tokens", "max_tokens");
        assert_eq!(object.write().unwrap(), br#"{"max_tokens":2}"#);
    }
}
