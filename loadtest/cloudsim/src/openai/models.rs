//! The list of models.

use serde_json::{Value, json};

use super::CREATED;
use crate::behaviour::Behaviour;

pub(super) fn list(behaviour: &Behaviour) -> Value {
    let models = behaviour.chat_models.iter().chain(&behaviour.embedding_models);
    let model = |id: &String| json!({ "id": id, "object": "model", "created": CREATED, "owned_by": "cloudsim" });
    json!({ "object": "list", "data": models.map(model).collect::<Vec<_>>() })
}
