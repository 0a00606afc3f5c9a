//! HashiCorp Vault, key-value secrets engine, version 2. A secret is kept under the last name of its path; it is a value of that text under
//! the keys `key` and `value`.

use serde_json::json;

use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;

/// The vault's token is the client's secret.
pub(super) fn read(behaviour: &Behaviour, request: &Received) -> Document {
    if request.header("x-vault-token") != Some(behaviour.client.1.as_str()) {
        return Document::json(403, &json!({ "errors": ["permission denied"] }));
    }
    let name = request.route().rsplit('/').next().unwrap_or_default();
    let Some(secret) = behaviour.secrets.get(name) else {
        return Document::json(404, &json!({ "errors": [] }));
    };
    Document::json(
        200,
        &json!({
            "request_id": "sim", "lease_id": "", "renewable": false, "lease_duration": 0,
            "data": {
                "data": { "key": secret, "value": secret },
                "metadata": { "created_time": "2026-01-02T03:04:05Z", "deletion_time": "", "destroyed": false, "version": 1 },
            },
            "wrap_info": null, "warnings": null, "auth": null,
        }),
    )
}
