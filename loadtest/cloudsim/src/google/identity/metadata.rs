//! The metadata server of a virtual machine, which GKE's workload identity imitates.

use http::Method;
use serde_json::json;

use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;

const ACCOUNT: &str = "/computeMetadata/v1/instance/service-accounts/default";

/// What it says to a request below `/computeMetadata/`, or to the question whether it is there.
pub(in super::super) fn metadata(behaviour: &Behaviour, received: &Received) -> Document {
    answer(behaviour, received).with("metadata-flavor", "Google")
}

fn answer(behaviour: &Behaviour, received: &Received) -> Document {
    // Without it the request may come from a page that somebody was lured to.
    if received.header("metadata-flavor") != Some("Google") || received.headers.contains_key("x-forwarded-for") {
        return Document::of(403, "text/html", "Missing Metadata-Flavor:Google header.");
    }
    let path = received.route();
    match (&received.method, path.strip_prefix(ACCOUNT)) {
        (&Method::GET, Some("/token")) => {
            let lifetime = behaviour.token_lifetime;
            let token = behaviour.tokens.issue(lifetime);
            Document::json(200, &json!({ "access_token": token, "expires_in": lifetime.as_secs(), "token_type": "Bearer" }))
        }
        (&Method::GET, Some("/email")) => Document::of(200, "application/text", "sim@sim-project.iam.gserviceaccount.com"),
        (&Method::GET, Some("/")) => {
            let account = json!({ "aliases": ["default"], "email": "sim@sim-project.iam.gserviceaccount.com", "scopes": [super::CLOUD_PLATFORM] });
            Document::json(200, &account)
        }
        (&Method::GET, _) if path == "/computeMetadata/v1/project/project-id" => {
            Document::of(200, "application/text", "sim-project")
        }
        (&Method::GET, _) if path == "/" => Document::of(200, "application/text", "computeMetadata/\n"),
        _ => Document::of(404, "text/html", "Not Found"),
    }
}
