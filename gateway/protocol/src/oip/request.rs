//! `POST /v2/models/{model}/infer`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What is asked of a model.
#[derive(Debug, Clone, Deserialize)]
pub struct InferRequest {
    /// The caller's name for the request, which the answer repeats.
    #[serde(default)]
    pub id: Option<String>,
    /// What is to be done differently than usual.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// The tensors.
    pub inputs: Vec<InputTensor>,
    /// Which outputs are wanted; all without it.
    #[serde(default)]
    pub outputs: Option<Vec<RequestedOutput>>,
}

/// A tensor that is given.
#[derive(Debug, Clone, Deserialize)]
pub struct InputTensor {
    name: String,
    shape: Vec<u64>,
    datatype: String,
    data: Value,
}

/// An output that is wanted.
#[derive(Debug, Clone, Deserialize)]
pub struct RequestedOutput {
    /// Its name.
    pub name: String,
}

/// An input that is not what a model of texts takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInput {
    /// Not there.
    #[error("there is no input `{0}`: send a BYTES tensor of that name")]
    Missing(&'static str),
    /// One that no model of texts has.
    #[error("there is no place for the input `{name}`; accepted: {accepted}")]
    Unknown {
        /// Its name.
        name: String,
        /// What is accepted.
        accepted: String,
    },
    /// Twice the same.
    #[error("the input `{0}` is there twice")]
    Twice(String),
    /// Not texts.
    #[error("the input `{name}` has datatype {datatype}; accepted: BYTES")]
    Datatype {
        /// Its name.
        name: String,
        /// Its type.
        datatype: String,
    },
    /// Not strings.
    #[error("the data of the input `{0}` must be strings, in one list or in lists of lists")]
    NotTexts(String),
    /// Another number of texts than the shape says.
    #[error("the input `{name}` has {count} texts, and its shape {shape:?} says otherwise")]
    Shape {
        /// Its name.
        name: String,
        /// How many texts there are.
        count: usize,
        /// The shape.
        shape: Vec<u64>,
    },
}

impl InferRequest {
    /// The texts of the inputs of these names, in their order; none of an input that is not there. Whatever the shape, its texts are taken
    /// row by row.
    ///
    /// # Errors
    /// [`InvalidInput`].
    pub fn take_texts<const NAMES: usize>(&mut self, names: [&str; NAMES]) -> Result<[Option<Vec<String>>; NAMES], InvalidInput> {
        let mut texts = [const { None }; NAMES];
        for input in std::mem::take(&mut self.inputs) {
            let place = names.iter().position(|name| *name == input.name).and_then(|place| texts.get_mut(place));
            let Some(place) = place else {
                let accepted = names.join(", ");
                return Err(InvalidInput::Unknown { name: input.name, accepted });
            };
            if place.is_some() {
                return Err(InvalidInput::Twice(input.name));
            }
            *place = Some(input.texts()?);
        }
        Ok(texts)
    }
}

impl InputTensor {
    fn texts(self) -> Result<Vec<String>, InvalidInput> {
        let Self { name, shape, datatype, data } = self;
        if datatype != "BYTES" {
            return Err(InvalidInput::Datatype { name, datatype });
        }
        let mut texts = Vec::new();
        let is_flat = matches!(data, Value::Array(_)) && flatten(data, &mut texts);
        if !is_flat {
            return Err(InvalidInput::NotTexts(name));
        }
        let said = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        if said != Some(texts.len() as u64) {
            return Err(InvalidInput::Shape { name, count: texts.len(), shape });
        }
        Ok(texts)
    }
}

/// Appends the strings of nested lists; false where there is something else.
fn flatten(value: Value, texts: &mut Vec<String>) -> bool {
    match value {
        Value::String(text) => {
            texts.push(text);
            true
        }
        Value::Array(values) => values.into_iter().all(|value| flatten(value, texts)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(inputs: Value) -> Result<[Option<Vec<String>>; 2], InvalidInput> {
        let mut request: InferRequest = serde_json::from_value(json!({ "inputs": inputs })).unwrap();
        request.take_texts(["text", "text_pair"])
    }

    #[test]
    fn texts_are_read_in_any_shape() {
        let input = |shape: Value, data: Value| json!([{"name": "text", "shape": shape, "datatype": "BYTES", "data": data}]);
        for (shape, data) in
            [(json!([2]), json!(["a", "b"])), (json!([2, 1]), json!([["a"], ["b"]])), (json!([2, 1]), json!(["a", "b"]))]
        {
            assert_eq!(texts(input(shape, data)).unwrap(), [Some(vec!["a".to_owned(), "b".to_owned()]), None]);
        }
        assert_eq!(texts(json!([])).unwrap(), [None, None]);
    }

    #[test]
    fn what_is_no_text_is_refused_by_name() {
        let tensor = |name: &str, datatype: &str, shape: Value, data: Value| json!({"name": name, "shape": shape, "datatype": datatype, "data": data});
        let fine = tensor("text", "BYTES", json!([1]), json!(["a"]));
        for (inputs, part) in [
            (json!([tensor("image", "BYTES", json!([1]), json!(["a"]))]), "`image`; accepted: text, text_pair"),
            (json!([fine, fine]), "`text` is there twice"),
            (json!([tensor("text", "FP32", json!([1]), json!([1.5]))]), "datatype FP32; accepted: BYTES"),
            (json!([tensor("text", "BYTES", json!([1]), json!([1]))]), "must be strings"),
            (json!([tensor("text", "BYTES", json!([1]), json!("a"))]), "must be strings"),
            (json!([tensor("text", "BYTES", json!([3]), json!(["a"]))]), "has 1 texts, and its shape [3]"),
            (json!([tensor("text", "BYTES", json!([u64::MAX, 2]), json!(["a"]))]), "has 1 texts"),
        ] {
            let error = texts(inputs).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
