//! What a model answers.

use serde::Serialize;

use super::Datatype;

/// The answer to an inference.
#[derive(Debug, Clone, Serialize)]
pub struct InferAnswer<'a> {
    /// The model asked for.
    pub model_name: &'a str,
    /// The caller's name for the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// The tensors.
    pub outputs: Vec<OutputTensor<'a>>,
}

/// A tensor of an answer.
#[derive(Debug, Clone, Serialize)]
pub struct OutputTensor<'a> {
    /// Its name.
    pub name: &'static str,
    /// How many there are of what, the outermost first.
    pub shape: Vec<usize>,
    /// What they are.
    pub datatype: Datatype,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<OutputParameters<'a>>,
    /// Row by row.
    pub data: Data<'a>,
}

/// What there is to say of a tensor.
#[derive(Debug, Clone, Serialize)]
pub struct OutputParameters<'a> {
    /// What each column is a score of.
    pub labels: &'a [String],
}

/// The elements of a tensor.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Data<'a> {
    /// Of [`Datatype::Bytes`].
    Texts(Vec<&'a str>),
    /// Of [`Datatype::Fp32`].
    Floats(Vec<f32>),
    /// Of [`Datatype::Int64`].
    Integers(Vec<usize>),
}

impl<'a> OutputTensor<'a> {
    /// A tensor of one dimension.
    #[must_use]
    pub fn list(name: &'static str, data: Data<'a>) -> Self {
        let (datatype, length) = data.kind();
        Self { name, shape: vec![length], datatype, parameters: None, data }
    }

    /// A row of so many numbers for each input.
    #[must_use]
    pub fn rows(name: &'static str, width: usize, rows: &[Vec<f32>]) -> Self {
        let data = Data::Floats(rows.concat());
        Self { name, shape: vec![rows.len(), width], datatype: Datatype::Fp32, parameters: None, data }
    }

    /// Says what the columns are scores of.
    #[must_use]
    pub fn of_labels(mut self, labels: &'a [String]) -> Self {
        self.parameters = Some(OutputParameters { labels });
        self
    }
}

impl Data<'_> {
    fn kind(&self) -> (Datatype, usize) {
        match self {
            Self::Texts(texts) => (Datatype::Bytes, texts.len()),
            Self::Floats(floats) => (Datatype::Fp32, floats.len()),
            Self::Integers(integers) => (Datatype::Int64, integers.len()),
        }
    }
}

/// `{"error": "…"}`: the body of a refusal.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorBody<'a> {
    /// A sentence for a person.
    pub error: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_protocol_s_shape() {
        let labels = ["no".to_owned(), "yes".to_owned()];
        let outputs = vec![
            OutputTensor::list("label", Data::Texts(vec!["yes"])),
            OutputTensor::rows("scores", 2, &[vec![0.25, 0.75]]).of_labels(&labels),
            OutputTensor::list("start", Data::Integers(vec![])),
        ];
        let answer = InferAnswer { model_name: "m", id: Some("7"), outputs };
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            serde_json::json!({
                "model_name": "m",
                "id": "7",
                "outputs": [
                    {"name": "label", "shape": [1], "datatype": "BYTES", "data": ["yes"]},
                    {"name": "scores", "shape": [1, 2], "datatype": "FP32", "parameters": {"labels": ["no", "yes"]}, "data": [0.25, 0.75]},
                    {"name": "start", "shape": [0], "datatype": "INT64", "data": []},
                ],
            })
        );
    }
}
