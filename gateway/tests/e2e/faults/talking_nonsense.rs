//! Upstreams that say "200 OK" and then something that is no answer.

use super::{assert_sound_after_one, attempts, in_turn};
use crate::support::{
    ANSWER, FaultServer, Gateway, chat, cloud,
    fault_server::{answer, claimed_json},
    streamed,
};

#[tokio::test]
async fn row_13_a_success_that_is_none() {
    let html = "<!doctype html><title>Sign in to the proxy</title>";
    for reply in [
        claimed_json("not JSON"),
        claimed_json(r#"{"choices":[{"message":{"role":"assistant""#),
        claimed_json(""),
        claimed_json(html),
        answer(200, "content-type: text/html\r\n", html),
        answer(200, "", ""),
    ] {
        for body in [chat(), streamed()] {
            let case = format!("{reply:?}, {body}");
            let a = FaultServer::always(reply.clone()).await;
            let gateway = Gateway::start(&in_turn([a.base_url()])).await;
            let answer = gateway.ask(&body).await;
            assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()), "{case}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("proxy"), "{case}");
            assert_eq!(attempts(&gateway, "a", "failure").await, 1.0, "{case}");
            assert_eq!(assert_sound_after_one(gateway).await["outcome"], "failed", "{case}");
        }
        let (a, b) = (FaultServer::always(reply).await, cloud([]).await);
        let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()])).await;
        assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
        assert_sound_after_one(gateway).await;
    }
}
