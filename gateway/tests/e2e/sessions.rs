//! A session keeps its backend, as the split of its route says.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::Value;
use tradewind::decision::{Period, Reader};
use tradewind_policies::{Session, decision::Decision};

use crate::support::{Answer, Gateway, Policy, chat, cloud};

fn named(gateway: &Gateway, session: &str) -> Request<Full<Bytes>> {
    let mut request = gateway.chat(&chat());
    request.headers_mut().insert("x-tradewind-session", session.parse().unwrap());
    request
}

fn with(field: &str, value: &str) -> Value {
    let mut body = chat();
    body[field] = value.into();
    body
}

#[tokio::test]
async fn a_session_keeps_its_backend_whichever_way_it_is_named_and_only_its_hash_is_recorded() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let policy = Policy::in_turn([a.base_url(), b.base_url()]).routes_have("split = { a = 50, b = 50 }");
    let gateway = Gateway::start(&policy).await;
    let names: Vec<String> = (0..8).map(|number| format!("conversation-{number}")).collect();
    for name in &names {
        for request in [named(&gateway, name), gateway.chat(&with("user", name)), gateway.chat(&with("prompt_cache_key", name))] {
            assert_eq!(Answer::of(gateway.client.send(request).await).await.status, 200);
        }
    }
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    let decisions: Vec<Decision> = gateway
        .stop_and(|audit| {
            let reader = Reader::open(&audit.with_file_name("decisions"), Period::default()).unwrap();
            reader.map(|read| read.unwrap()).collect()
        })
        .await;
    let tenant = "acme".parse().unwrap();
    let chosen_by = |name: &str| -> Vec<&str> {
        let session = Session::of(&tenant, name.as_bytes()).to_string();
        let of_session = decisions.iter().filter(|decision| decision.session.as_ref() == Some(&session));
        of_session.map(|decision| decision.chosen.as_deref().unwrap()).collect()
    };
    let mut drawn = std::collections::BTreeSet::new();
    for name in &names {
        let chosen = chosen_by(name);
        assert!(chosen.len() == 3 && chosen.iter().all(|backend| *backend == chosen[0]), "{name}: {chosen:?}");
        drawn.insert(chosen[0].to_owned());
    }
    assert_eq!(drawn.len(), 2, "{drawn:?}");
    assert_eq!(chosen_by("tester").len(), 1);
    assert!(decisions.iter().all(|decision| !format!("{decision:?}").contains("conversation")));
}

#[tokio::test]
async fn where_the_drawn_backend_is_drained_the_others_serve_its_sessions() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let policy = Policy::in_turn([a.base_url(), b.base_url()]).routes_have("split = { a = 1 }").first_has("drained = true");
    let gateway = Gateway::start(&policy).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    assert_eq!((a.requests().len(), b.requests().len()), (0, 1));
}

#[tokio::test]
async fn a_session_named_twice_is_refused() {
    let a = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    let mut request = named(&gateway, "one");
    request.headers_mut().append("x-tradewind-session", "two".parse().unwrap());
    let answer = Answer::of(gateway.client.send(request).await).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
}
