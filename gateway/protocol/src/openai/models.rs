//! `GET /v1/models`.

use serde::Serialize;

/// The list of models a caller may use.
#[derive(Debug, Clone, Serialize)]
pub struct ModelList<'a> {
    /// Always `list`.
    pub object: &'static str,
    /// One entry a model.
    pub data: Vec<Model<'a>>,
}

/// One model.
#[derive(Debug, Clone, Serialize)]
pub struct Model<'a> {
    /// The name to put in a request.
    pub id: &'a str,
    /// Always `model`.
    pub object: &'static str,
    /// When it was made, in seconds since 1970; 0 where that is not known.
    pub created: u64,
    /// Who offers it.
    pub owned_by: &'static str,
}

impl<'a> ModelList<'a> {
    /// A list of models of these names, all offered by `owned_by`.
    pub fn new(ids: impl IntoIterator<Item = &'a str>, owned_by: &'static str) -> Self {
        let data = ids.into_iter().map(|id| Model { id, object: "model", created: 0, owned_by }).collect();
        Self { object: "list", data }
    }
}
