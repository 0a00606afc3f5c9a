//! JSON, read as strictly as a cloud does: every member known, every value of its type, every complaint with its place.

use serde_json::{Map, Value};

use crate::log::Received;
use crate::refusal::{Refusal, Why};

/// A JSON object and where it is in the body.
#[derive(Clone, Debug)]
pub(crate) struct Object<'a> {
    place: String,
    members: &'a Map<String, Value>,
}

/// A JSON value and where it is in the body.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) place: String,
    pub(crate) value: &'a Value,
}

/// The body of a request, which must say that it is JSON and be an object.
pub(crate) fn body(received: &Received) -> Result<Map<String, Value>, Refusal> {
    let content_type = received.header("content-type").unwrap_or_default();
    let nowhere = || Why::Invalid { field: None };
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal::new(415, nowhere(), format!("Unsupported content type: {content_type:?}")));
    }
    serde_json::from_slice(&received.body)
        .map_err(|error| Refusal::new(400, nowhere(), format!("We could not parse the JSON body: {error}")))
}

impl<'a> Object<'a> {
    /// The body itself.
    pub(crate) fn root(members: &'a Map<String, Value>) -> Self {
        Self { place: String::new(), members }
    }

    /// Where a member is, as in `messages[2].content`.
    pub(crate) fn at(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    /// A complaint about a member.
    pub(crate) fn wrong(&self, name: &str, what: &str) -> Refusal {
        let place = self.at(name);
        Refusal::invalid(place.clone(), format!("'{place}' {what}"))
    }

    /// Checks that there are no other members than these.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => {
                let place = self.at(unknown);
                Err(Refusal::invalid(place.clone(), format!("Unrecognized request argument supplied: {place}")))
            }
            None => Ok(()),
        }
    }

    /// A member, unless it is absent or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Whether a member is there, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// A member that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<Place<'a>, Refusal> {
        self.place_of(name).ok_or_else(|| self.wrong(name, "is required"))
    }

    /// A member and its place.
    pub(crate) fn place_of(&self, name: &str) -> Option<Place<'a>> {
        self.get(name).map(|value| Place { place: self.at(name), value })
    }

    /// A text that may be missing.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.place_of(name).map(|member| member.text()).transpose()
    }

    /// A text that must be there.
    pub(crate) fn required_text(&self, name: &str) -> Result<&'a str, Refusal> {
        self.required(name)?.text()
    }

    /// One of these texts, if it is there.
    pub(crate) fn one_of(&self, name: &str, accepted: &[&str]) -> Result<Option<&'a str>, Refusal> {
        match self.text(name)? {
            Some(text) if !accepted.contains(&text) => Err(self.wrong(name, &format!("must be one of {accepted:?}"))),
            text => Ok(text),
        }
    }

    /// A positive integer that may be missing.
    pub(crate) fn count(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let positive = |value: &Value| value.as_u64().and_then(|value| usize::try_from(value).ok()).filter(|value| *value > 0);
        match self.get(name) {
            None => Ok(None),
            Some(value) => positive(value).map(Some).ok_or_else(|| self.wrong(name, "must be a positive integer")),
        }
    }

    /// A number within these bounds that may be missing.
    pub(crate) fn number(&self, name: &str, least: f64, most: f64) -> Result<Option<f64>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.as_f64().filter(|value| (least..=most).contains(value)) {
                Some(value) => Ok(Some(value)),
                None => Err(self.wrong(name, &format!("must be a number from {least} to {most}"))),
            },
        }
    }

    /// A boolean that may be missing, which means false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong(name, "must be true or false")),
        }
    }

    /// An object that may be missing.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Object<'a>>, Refusal> {
        self.place_of(name).map(|member| member.object()).transpose()
    }

    /// An object that must be there.
    pub(crate) fn required_object(&self, name: &str) -> Result<Object<'a>, Refusal> {
        self.required(name)?.object()
    }

    /// The members of a list; none where it is missing.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<Place<'a>>, Refusal> {
        self.place_of(name).map_or_else(|| Ok(Vec::new()), |member| member.list())
    }

    /// The members of a list that must be there and not be empty.
    pub(crate) fn filled_list(&self, name: &str) -> Result<Vec<Place<'a>>, Refusal> {
        let list = self.required(name)?.list()?;
        if list.is_empty() { Err(self.wrong(name, "must not be empty")) } else { Ok(list) }
    }

    /// The texts of a list; none where it is missing.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        self.list(name)?.iter().map(|member| member.text().map(str::to_owned)).collect()
    }
}

impl<'a> Place<'a> {
    /// A complaint about this value.
    pub(crate) fn wrong(&self, what: &str) -> Refusal {
        Refusal::invalid(self.place.clone(), format!("'{}' {what}", self.place))
    }

    /// A text.
    pub(crate) fn text(&self) -> Result<&'a str, Refusal> {
        self.value.as_str().ok_or_else(|| self.wrong("must be a string"))
    }

    /// An object.
    pub(crate) fn object(&self) -> Result<Object<'a>, Refusal> {
        let members = self.value.as_object().ok_or_else(|| self.wrong("must be an object"))?;
        Ok(Object { place: self.place.clone(), members })
    }

    /// The members of a list.
    pub(crate) fn list(&self) -> Result<Vec<Place<'a>>, Refusal> {
        let values = self.value.as_array().ok_or_else(|| self.wrong("must be a list"))?;
        let place = |(index, value)| Place { place: format!("{}[{index}]", self.place), value };
        Ok(values.iter().enumerate().map(place).collect())
    }
}
