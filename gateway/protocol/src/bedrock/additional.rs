//! `additionalModelRequestFields`: what Converse has no name for.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::value::RawValue;

use crate::chat::{ChatRequest, ConvertError};

/// The fields in order: the gateway's own, then the caller's, whose word wins.
#[derive(Debug, Default)]
pub(super) struct Additional<'a> {
    ours: Vec<(&'static str, Field<'a>)>,
    theirs: Vec<(String, &'a RawValue)>,
}

/// A value that the gateway puts there.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Field<'a> {
    Number(u64),
    Word(&'static str),
    Raw(&'a RawValue),
    Object(BTreeMap<&'static str, Field<'a>>),
}

impl Field<'_> {
    pub(super) fn object<const N: usize>(fields: [(&'static str, Self); N]) -> Self {
        Self::Object(fields.into_iter().collect())
    }
}

impl<'a> Additional<'a> {
    /// The caller's own, which came under Bedrock's name.
    pub(super) fn of(request: &'a ChatRequest) -> Result<Self, ConvertError> {
        const NAME: &str = "additionalModelRequestFields";
        let Some(raw) = request.extensions.get(NAME) else { return Ok(Self::default()) };
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get())
            .map_err(|_| ConvertError::invalid(NAME, format!("`{NAME}` must be a JSON object with fields of the model.")))?;
        Ok(Self { ours: Vec::new(), theirs: fields.into_iter().collect() })
    }

    /// Adds a field of the gateway's, unless the caller set it.
    pub(super) fn set(&mut self, name: &'static str, value: Field<'a>) {
        if !self.theirs.iter().any(|(theirs, _)| theirs == name) {
            self.ours.push((name, value));
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ours.is_empty() && self.theirs.is_empty()
    }
}

impl Serialize for Additional<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.ours {
            map.serialize_entry(name, value)?;
        }
        for (name, value) in &self.theirs {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
