//! The remote control, for tests in other processes: `POST /sim/script` with a JSON list of replies, such as
//! `[{"reply": "status", "status": 503}, {"reply": "reset_after", "events": 3}]`, and `GET /sim/requests` for what
//! arrived.

use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::body::Play;
use crate::log::Received;
use crate::reply::Reply;
use crate::service::{Server, plain};

/// Where the remote control lives; requests below it are neither recorded nor checked.
pub(crate) const PREFIX: &str = "/sim/";

pub(crate) fn handle(server: &Server, request: &Received) -> Response<Play> {
    match (&request.method, request.path.as_str()) {
        (&Method::POST, "/sim/script") => match serde_json::from_slice::<Vec<Reply>>(&request.body) {
            Ok(replies) => {
                server.script(replies);
                plain(StatusCode::OK, "scripted\n")
            }
            Err(error) => plain(StatusCode::BAD_REQUEST, &format!("not a list of replies: {error}\n")),
        },
        (&Method::GET, "/sim/requests") => {
            let requests = server.log.requests();
            let requests = requests.iter().map(|received| {
                let headers = received
                    .headers
                    .iter()
                    .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]));
                json!({
                    "method": received.method.as_str(),
                    "path": received.path,
                    "headers": headers.collect::<Vec<_>>(),
                    "body": String::from_utf8_lossy(&received.body),
                })
            });
            plain(StatusCode::OK, &json!(requests.collect::<Vec<_>>()).to_string())
        }
        _ => plain(StatusCode::NOT_FOUND, "accepted: POST /sim/script and GET /sim/requests\n"),
    }
}
